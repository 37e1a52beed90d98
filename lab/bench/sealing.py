"""What sealing the audit trail costs those who write it."""

from __future__ import annotations

import time
from collections.abc import Iterator

from django.db import connection

from audit.models import AuditEntry, SealedEntry
from audit.proof.sealing import seal_new_entries
from audit.proof.verification import Verification
from lab.bench.crew import READY_SECONDS, Member, WorkerFailed
from lab.bench.figures import Figure, Target, compared
from lab.bench.run import Run
from lab.bench.server import environment

WRITERS, SEALERS = 8, 4
SEAL_SECONDS = 1.0  # ten times as often as by default
MOST_SECONDS = 900.0


class NotOneChain(AssertionError):
    """The sealers left an entry out, sealed one twice, or forked the chain."""


def measure(run: Run) -> Iterator[Figure]:
    """Yield the rate of writers with sealers, beside none."""
    connection.close()
    writes = run.sizes.audit_writes
    rates: dict[bool, list[float]] = {True: [], False: []}
    _race(run, writes // 10 or 1, sealers=0)  # warms the server up
    for number in range(run.sizes.rounds):
        for sealed in (True, False) if number % 2 else (False, True):
            seconds = _race(run, writes, sealers=SEALERS if sealed else 0)
            rates[sealed].append(WRITERS * writes / seconds)
            if not sealed:
                seal_rest()
    seal_rest()
    _demand_one_chain()
    name = f"writes by {WRITERS} writers with {SEALERS} sealers, beside none"
    yield compared("sealing", name, "per s", rates[True], rates[False], target=Target("≥", 0.95, "ratio"))
    connection.close()


def _race(run: Run, writes: int, *, sealers: int) -> float:
    """Return how long the slowest of the writers took."""
    env = environment(run.database.url)
    own = [Member("lab.bench.audit_process", "write", str(writes), env=env) for _ in range(WRITERS)]
    seals = [Member("lab.bench.audit_process", "seal", str(SEAL_SECONDS), env=env) for _ in range(sealers)]
    try:
        for member in (*own, *seals):
            _expect(member, "ready", READY_SECONDS)
        started = time.monotonic()
        for member in (*own, *seals):
            member.tell({})
        for member in own:
            _expect(member, "written", MOST_SECONDS)
        seconds = time.monotonic() - started
        for member in seals:
            member.tell({})
        for member in seals:
            _expect(member, "sealed", MOST_SECONDS)
        return seconds
    finally:
        for member in (*own, *seals):
            member.stop()


def _expect(member: Member, word: str, seconds: float) -> None:
    if (answer := member.answer(seconds)) != word:
        raise WorkerFailed(f"expected {word!r}, got {answer!r}")


def seal_rest() -> int:
    """Seal until nothing is left. Return how many entries that were."""
    sealed = 0
    while done := seal_new_entries().sealed:
        sealed += done
    return sealed


def _demand_one_chain() -> None:
    findings = [str(finding) for finding in Verification().run()]
    entries, sealed = AuditEntry.objects.count(), SealedEntry.objects.count()
    if findings or entries != sealed:
        raise NotOneChain(f"{entries} entries, {sealed} sealed; {findings[:5]}")
