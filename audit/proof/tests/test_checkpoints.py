"""Checkpoints are kept in a file that may be damaged, or another one."""

from __future__ import annotations

import json

import pytest

from audit.models import AuditSeal
from audit.proof.checkpoints import checkpoint_of, read_checkpoints
from audit.proof.verify_export import Unreadable


@pytest.mark.parametrize(
    ("text", "problem"),
    [("", "no checkpoint"), ("\n \n", "no checkpoint"), ("{}", "line 1"), ('{"number": 1, "hash": "x"}\nx', "line 2"),
     ("[]", "line 1"), ('{"number": null, "hash": ""}', "line 1"), ('{"number": "1", "hash": ""}', "line 1"),
     ('{"number": 1, "hash": "x", "lost": [7]}', "line 1")],
)  # fmt: skip
def test_a_file_that_is_none_of_checkpoints_is_refused(text, problem):
    with pytest.raises(Unreadable, match=problem):
        read_checkpoints(text.encode())


@pytest.mark.parametrize("raw", [b"\xff\xfe\x00", b"\x00\xd8{}", "é".encode("latin-1"), b"\xff\xfe\x00\xd8"])
def test_what_is_no_text_is_refused(raw):
    with pytest.raises(Unreadable, match=r"UTF-8|line 1"):
        read_checkpoints(raw)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_what_is_kept_of_a_seal_is_read_again(trail, encoding):
    lines = [json.dumps(checkpoint_of(seal)) for seal in AuditSeal.objects.order_by("number")]

    kept = read_checkpoints("\n\n".join(lines).encode(encoding))

    assert [(checkpoint["number"], checkpoint["hash"]) for checkpoint in kept] == list(
        AuditSeal.objects.order_by("number").values_list("number", "hash")
    )


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_files_that_were_put_together_and_pasted_are_read(trail, encoding):
    texts = [json.dumps(checkpoint_of(seal)) for seal in AuditSeal.objects.order_by("number")]

    kept = read_checkpoints(b"".join(f"{text}\u00a0\r\n".encode(encoding) for text in texts))

    assert [checkpoint["number"] for checkpoint in kept] == list(
        AuditSeal.objects.order_by("number").values_list("number", flat=True)
    )
