"""What sealing the audit trail costs those who write it."""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterator

from django.db import connection, transaction

from audit.models import AuditEntry, SealedEntry
from audit.proof.sealing import Sealer, Sealing, seal_new_entries
from audit.proof.verification import Verification
from audit.services import entry_for, record_all
from lab.bench.crew import READY_SECONDS, Member, WorkerFailed
from lab.bench.figures import Figure, Target, compared
from lab.bench.run import Run
from lab.bench.server import environment
from qhse.accounts.models import User
from qhse.accounts.roles import Role
from qhse.accounts.services.users import create_user

WRITERS, SEALERS = 8, 4
SEAL_SECONDS = 1.0  # ten times as often as by default
MOST_SECONDS = 900.0
WRITTEN_AT_ONCE = 5_000


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
    yield from _after_a_burst(run)
    connection.close()


def _after_a_burst(run: Run) -> Iterator[Figure]:
    """Yield how long one pass keeps a worker from its events, when very many entries have come at once."""
    user = create_user(username="benchmark-burst", password=None, role=Role.ADMIN, actor=None)
    burst = run.sizes.burst
    for start in range(0, burst, WRITTEN_AT_ONCE):
        with transaction.atomic():
            record_all(_entry(number, user) for number in range(start, min(start + WRITTEN_AT_ONCE, burst)))
    sealer, passes, complete = Sealer(), list[float](), False
    with run.workers_line():
        while not complete:
            started = time.monotonic()
            complete = sealer().complete
            passes.append((time.monotonic() - started) * 1000)
        sealer()
        started = time.monotonic()
        sealer()
        idle = (time.monotonic() - started) * 1000
    _demand_one_chain()
    name = f"a worker's passes over {burst:,} new entries"
    yield Figure("sealing", f"{name}, the longest", max(passes), "ms", statistics.median(passes))
    yield Figure("sealing", f"{name}, one that finds nothing more", idle, "ms")


def _entry(number: int, user: User) -> AuditEntry:
    return entry_for(
        actor=user,
        action="NC_CREATED",
        entity_type="nonconformity",
        entity_id=number + 1,
        changes={"status": (None, "OPEN")},
        request_id=f"burst-{number}",
    )


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
    sealed, done = 0, Sealing(complete=False)
    while not done.complete:
        done = seal_new_entries(after=done.looked_until)
        sealed += done.sealed
    return sealed


def _demand_one_chain() -> None:
    findings = [str(finding) for finding in Verification().run()]
    entries, sealed = AuditEntry.objects.count(), SealedEntry.objects.count()
    if findings or entries != sealed:
        raise NotOneChain(f"{entries} entries, {sealed} sealed; {findings[:5]}")
