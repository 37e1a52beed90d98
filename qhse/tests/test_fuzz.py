"""A little of `make fuzz` in every run on PostgreSQL: the hostile corpus, over real sockets."""

from __future__ import annotations

import subprocess
import sys

import pytest
from django.conf import settings

from qhse.fuzz.corpus import BODIES, WRITES, corpus


def test_the_corpus_is_large_and_the_same_in_every_run():
    requests = list(corpus("token"))

    assert len(requests) >= 2_000
    assert requests == list(corpus("token"))
    assert len(BODIES) * len(WRITES) >= 300


@pytest.mark.postgres
def test_no_hostile_request_is_answered_with_a_5xx_or_without_a_problem_document():
    done = subprocess.run(
        [sys.executable, "-m", "qhse.fuzz", "--only", "corpus"],
        cwd=settings.BASE_DIR, capture_output=True, text=True, timeout=300,
    )  # fmt: skip

    assert done.returncode == 0, done.stdout + done.stderr
    assert "0 of them answered wrongly" in done.stdout
