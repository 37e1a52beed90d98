"""How fast a long trail is sealed, verified, exported and read."""

from __future__ import annotations

import logging
import re
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from subprocess import DEVNULL
from typing import Any

from django.db import connection, transaction
from django.test import override_settings
from rest_framework.test import APIClient
from tqdm import tqdm

from audit.models import AuditEntry, AuditSeal, SealedEntry
from audit.services import entry_for, record_all
from dev.processes import start_python
from lab.bench.crew import WorkerFailed
from lab.bench.figures import Figure, Target
from lab.bench.run import Run
from lab.bench.sealing import seal_rest
from lab.bench.server import environment
from qhse.accounts.roles import Role
from qhse.accounts.services.tokens import issue_tokens
from qhse.accounts.services.users import create_user

WRITTEN_AT_ONCE = 5_000
REQUESTS = 21
# For a page of the list with its exact count; and for one of a filter that chooses most of the trail, which has to be
# counted, for every 200,000 entries.
REQUEST_MS, WIDE_REQUEST_MS, WIDE_FOR_EVERY = 60.0, 120.0, 200_000
WIDE = {
    "of nearly all, by actor", "of nearly all, by action", "of nearly all, by kind of record", "since the middle",
    "until the middle", "in the middle by offset",
}  # fmt: skip
MEBIBYTE = 2**20


def measure(run: Run) -> Iterator[Figure]:
    """Yield rates and memory at `audit_entries` entries, and the time of requests for their pages."""
    connection.close()
    yield from _long_trail(run)
    connection.close()


# --- A long trail -------------------------------------------------------------------------------------------------


def _long_trail(run: Run) -> Iterator[Figure]:
    wanted = run.sizes.audit_entries - AuditEntry.objects.count()
    user = create_user(username="auditor-of-a-benchmark", password=None, role=Role.AUDITOR, actor=None)
    started = time.monotonic()
    for at in tqdm(range(0, wanted, WRITTEN_AT_ONCE), unit="chunk", disable=None):
        with transaction.atomic():
            record_all(_entry(number, user) for number in range(at, min(at + WRITTEN_AT_ONCE, wanted)))
    yield Figure("audit", f"{wanted:,} entries written in bulk", wanted / (time.monotonic() - started), "entries/s")
    started = time.monotonic()
    sealed = seal_rest()
    yield Figure(
        "audit", f"{sealed:,} entries sealed by one sealer", sealed / (time.monotonic() - started), "entries/s"
    )
    run.database.execute("VACUUM (ANALYZE) audit_auditentry")
    run.database.execute("VACUUM (ANALYZE) audit_sealedentry")
    connection.close()
    yield from _commands(run)
    yield from _requests(user)


def _entry(number: int, user: Any) -> AuditEntry:
    # One entry in a hundred is the worker's about an NC, and so rare that a walk through all would show.
    rare = number % 100 == 7
    return entry_for(
        actor=None if rare else user, action="NC_CLOSED" if rare else "CERTIFICATION_CHANGED",
        entity_type="nonconformity" if rare else "supplier", entity_id=number if rare else number % 5_000,
        changes={"certification_expiry": (f"20{number % 60 + 20}-06-30", f"20{number % 60 + 21}-06-30")},
        reason=f"Certificate {number} of the yearly audit", request_id=f"benchmark-{number}",
    )  # fmt: skip


def _commands(run: Run) -> Iterator[Figure]:
    entries = SealedEntry.objects.count()
    seals = AuditSeal.objects.count()
    connection.close()
    with tempfile.TemporaryDirectory(prefix="qhse-bench-") as parent:
        directory = Path(parent) / "export"
        raw, _ = _timed(run, "-m", "lab.bench.audit_process", "raw")
        for name, command in (
            ("verified", ("manage.py", "verify_audit_trail")),
            ("exported", ("manage.py", "export_audit_trail", "--output", str(directory))),
            ("checked offline", (str(directory / "verify_export.py"),)),
        ):
            seconds, peak = _timed(run, *command)
            what = f"{entries:,} entries in {seals:,} seals {name}, beside reading and hashing them"
            yield Figure("audit", what, entries / seconds, "entries/s", entries / raw, raw / seconds)
            target = Target("≤", 200.0, "value")
            yield Figure("audit", f"peak memory, {name}", peak / MEBIBYTE, "MiB", target=target)
        shutil.rmtree(directory)


def _timed(run: Run, *command: str) -> tuple[float, float]:
    """Return the seconds that a program of Python took, and the most bytes of memory that it had."""
    started, peak = time.monotonic(), 0.0
    process = start_python(command, env=environment(run.database.url), stdout=DEVNULL)
    while process.poll() is None:
        peak = max(peak, _most_memory(process.pid))
        time.sleep(0.02)
    if process.returncode:
        raise WorkerFailed(f"{' '.join(command)} ended with {process.returncode}")
    return time.monotonic() - started, peak


def _most_memory(pid: int) -> float:
    """Return the high-water mark of a process. getrusage() would count this one, which forked it."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0.0
    found = re.search(r"VmHWM:\s+(\d+) kB", status)
    return int(found[1]) * 1024.0 if found else 0.0


def _requests(user: Any) -> Iterator[Figure]:
    count = AuditEntry.objects.count()
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {issue_tokens(user).access_token}")
    middle = AuditEntry.objects.order_by("id")[count // 2].created_at.isoformat().replace("+", "%2B")
    logging.disable(logging.INFO)  # a line for each request
    with override_settings(ALLOWED_HOSTS=["testserver"]):
        for name, path in (
            ("first page", "/audit-log"),
            ("of one record", "/audit-log?entity_type=supplier&entity_id=42"),
            ("of one record's id", "/audit-log?entity_id=42"),
            ("of one request", "/audit-log?request_id=benchmark-7"),
            ("of nearly all, by actor", f"/audit-log?actor={user.username}"),
            ("of one in a hundred, by actor", "/audit-log?actor=system"),
            ("of nearly all, by action", "/audit-log?action=CERTIFICATION_CHANGED"),
            ("of one in a hundred, by action", "/audit-log?action=NC_CLOSED"),
            ("of nearly all, by kind of record", "/audit-log?entity_type=supplier"),
            ("of one in a hundred, by kind of record", "/audit-log?entity_type=nonconformity"),
            ("of nothing", "/audit-log?action=NOTHING&entity_type=nothing"),
            ("since the middle", f"/audit-log?since={middle}"),
            ("until the middle", f"/audit-log?until={middle}"),
            ("in the middle by offset", f"/audit-log?offset={count // 2}"),
            ("timeline of a supplier", "/suppliers/42/timeline"),
        ):
            milliseconds = _median_ms(lambda path=path: client.get(path))  # type: ignore[misc]
            bound = WIDE_REQUEST_MS * max(1.0, count / WIDE_FOR_EVERY) if name in WIDE else REQUEST_MS
            most = Target("≤", round(bound), "value")
            yield Figure("audit", f"request at {count:,} entries: {name}", milliseconds, "ms", target=most)


def _median_ms(ask: Callable[[], Any]) -> float:
    spent: list[float] = []
    for _ in range(REQUESTS):
        started = time.perf_counter()
        answer = ask()
        spent.append((time.perf_counter() - started) * 1000)
        if answer.status_code != 200:
            raise AssertionError(answer.content[:300])
    return statistics.median(_without_first(spent))


def _without_first(values: Sequence[float]) -> Sequence[float]:
    return values[1:] or values
