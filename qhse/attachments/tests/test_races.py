"""Several people at one record's files, and a process that is killed between a file and its row. On PostgreSQL."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections import Counter
from pathlib import Path

import pytest
from django.conf import settings
from django.db import connection, transaction

from audit.models import AuditEntry
from dev.waiting import wait_until
from ncs.services import close_nonconformity
from qhse.attachments.models import Attachment
from qhse.attachments.services import void_attachment
from qhse.attachments.tests.files import PNG
from qhse.errors import DomainError
from qhse.tests.waiting import at_once

pytestmark = [pytest.mark.postgres, pytest.mark.django_db(transaction=True)]


def code_of(write, *args, **kwargs) -> str:
    try:
        write(*args, **kwargs)
    except DomainError as refusal:
        return refusal.code
    return "done"


def test_of_many_who_attach_the_last_file_exactly_one_succeeds(put, stored, settings):
    settings.ATTACHMENT_MAX_PER_RECORD = 3
    for _ in range(2):
        put()

    codes = at_once(12, lambda n: code_of(put))

    assert Counter(codes) == {"done": 1, "too_many_files": 11}
    assert len(stored()) == Attachment.objects.count() == 3


def test_who_attaches_waits_for_another_who_does(put, settings):
    settings.ATTACHMENT_MAX_PER_RECORD = 1
    codes: list[str] = []

    def second() -> None:
        try:
            codes.append(code_of(put))
        finally:
            connection.close()

    with transaction.atomic():
        put()
        thread = threading.Thread(target=second)
        thread.start()
        wait_until(lambda: somebody_waits() or not thread.is_alive(), what="the second")
    thread.join(20)

    assert codes == ["too_many_files"]


def somebody_waits() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted)")
        return bool(cursor.fetchone()[0])


def test_of_many_who_void_one_file_one_leaves_an_entry(put, users):
    number = put().pk

    codes = at_once(12, lambda n: code_of(void_attachment, attachment_id=number, reason=f"{n}", actor=users["quality"]))

    assert Counter(codes) == {"done": 12}
    assert Attachment.objects.get().version == 2
    assert AuditEntry.objects.filter(action="FILE_VOIDED").count() == 1


def test_no_file_comes_onto_a_case_after_its_closing(put, users, nc, stored):
    def either(n: int) -> str:
        if n == 3:
            return code_of(close_nonconformity, nc_id=nc.pk, actor=users["quality"])
        return code_of(put)

    codes = Counter(at_once(12, either))

    closed = AuditEntry.objects.get(action="NC_CLOSED").pk
    assert not AuditEntry.objects.filter(action="FILE_ATTACHED", pk__gt=closed).exists()
    assert codes["done"] - 1 == Attachment.objects.count() == len(stored())
    assert codes.total() == codes["done"] + codes["case_is_closed"]


KILLED = """
import io, os, signal, sys
import django
django.setup()
from django.conf import settings
settings.DATABASES["default"]["NAME"] = sys.argv[1]
from qhse.accounts.models import User
from qhse.attachments import services
services._record = lambda *args: os.kill(os.getpid(), signal.SIGKILL)
services.attach(
    entity_type="nonconformity", entity_id=sys.argv[2], name="bore.png", content=io.BytesIO(bytes.fromhex(sys.argv[3])),
    actor=User.objects.get(username="quality"),
)
"""


def test_a_process_killed_between_file_and_commit_leaves_a_file_without_a_row(nc, stored):
    arguments = [connection.settings_dict["NAME"], str(nc.pk), PNG.hex()]

    done = subprocess.run(
        [sys.executable, "-c", KILLED, *arguments],
        cwd=settings.BASE_DIR, env=os.environ | {"DJANGO_SETTINGS_MODULE": "qhse.settings"}, capture_output=True,
    )  # fmt: skip

    assert done.returncode == -signal.SIGKILL, done.stderr.decode()
    (name,) = stored()
    assert (Path(settings.ATTACHMENTS_DIR) / name).read_bytes() == PNG
    assert Attachment.objects.count() == 0
    assert not AuditEntry.objects.filter(action="FILE_ATTACHED").exists()
