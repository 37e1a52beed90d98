"""Tampering: whoever falsifies a trail that real processes have written is found, and nobody else is suspected."""

from __future__ import annotations

import json
import random
from collections import Counter
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import psycopg
from django.core.management import call_command

from audit.models import AuditEntry, AuditSeal
from audit.proof import sealing
from audit.proof.checkpoints import checkpoint_of
from audit.proof.verification import Verification
from dev.waiting import Stalled, wait_until
from lab.chaos.falsifying.ways import WAYS, NothingToFalsify, Tamperer, falsified
from lab.chaos.instruments.database import Database
from lab.chaos.instruments.environment import use_database, with_own_bounds
from lab.chaos.instruments.laboratory import Laboratory
from lab.chaos.instruments.ledger import Told
from lab.chaos.instruments.outcome import Outcome
from lab.chaos.load import Load
from qhse import periodic
from qhse.accounts.roles import Role
from qhse.accounts.services.users import create_user
from qhse.periodic import Job

BLOCK = 25
SEAL_SECONDS = 0.1
UNTOUCHED, TOUCHED = 0, 1  # exit codes of the command
FAR_AHEAD = 2_000_000_000
NEIGHBOUR = """
CREATE ROLE chaos_neighbour;
GRANT SELECT, INSERT ON audit_auditentry, audit_auditseal, audit_sealedentry, audit_sealingturn TO chaos_neighbour
"""
_SEAL = """
INSERT INTO audit_auditseal
    (number, previous_hash, merkle_root, entry_count, total, horizon, sealed_at, hash, mark)
SELECT {number}, hash, hash, 1, 1, now() + interval '999 years', now(), hash, '' FROM audit_auditseal
ORDER BY number DESC LIMIT 1
"""
INSERTED = (
    _SEAL.format(number="number + 1"),
    _SEAL.format(number=FAR_AHEAD),
    "INSERT INTO audit_sealedentry (entry_id, seal_id, position, digest) "
    "SELECT 10000000 + n, 2 + n, 0, '' FROM generate_series((SELECT count(*) FROM audit_auditseal), 60000) AS n",
    "INSERT INTO audit_sealedentry (entry_id, seal_id, position, digest) VALUES (20000000, 1, 100000, '')",
)


def run(lab: Laboratory) -> Outcome:
    """Fill a trail by API, writers and workers that are killed in between; falsify it in many ways; verify."""
    number, commands = (20, 2) if lab.quick else (200, 20)
    outcome = Outcome("tampering")
    with lab.fresh("tampering") as database:
        load = Load(lab, database)
        load.start_writers(2)
        for _ in range(3):
            sealers = [lab.worker(f"sealer-{n}", "--poll-interval", "0.1", setup=_seal_often) for n in range(4)]
            _wait_for_seals(database, 4)
            for sealer in sealers:
                sealer.kill()
        load.workers.append(lab.worker("sealer", "--poll-interval", "0.1", setup=_seal_often))
        load.end(outcome)
        lab.worker("last-sealer", "--drain", setup=_seal_often).wait(120)
        lab.kill_all()
        database.close()  # what has connections cannot be copied
        trail = _in_child(lab, "falsify", lambda: _falsify_often(number, lab.seed))
        caught = sum(_command_finds(lab, database.name, n) for n in range(commands))
        beside = _sealed_beside_a_neighbour(lab, database.name)
    outcome.demand(not trail["missed"], f"not found: {', '.join(trail['missed'][:5])}")
    outcome.demand(not trail["alarms"], f"false alarms: {', '.join(trail['alarms'][:5])}")
    outcome.demand(trail["unsealed"] == 0, f"{trail['unsealed']} entries were not sealed")
    outcome.demand(caught == commands, f"the command found {caught} of {commands}")
    outcome.demand(beside, "a neighbour with the right to insert held sealing up, or was not named")
    outcome.figures = {
        "acknowledged": load.account.count(Told.ACKNOWLEDGED), "entries": trail["entries"], "seals": trail["seals"],
        "falsified": number, "found": number - len(trail["missed"]), "ways": trail["ways"],
        "untouched": number, "alarms": len(trail["alarms"]), "found_by_command": caught,
    }  # fmt: skip
    return outcome


def _wait_for_seals(database: Database, more: int) -> None:
    sql = "SELECT count(*) FROM audit_auditseal WHERE mark <> ''"
    wanted = database.value(sql) + more
    wait_until(lambda: database.value(sql) >= wanted, seconds=60, what=f"{more} more seals")


def _seal_often() -> None:
    """Small blocks at short intervals, and a short margin, so that a minute's trail has many seals."""
    sealing.BLOCK = BLOCK
    name = "seal_audit_trail"
    periodic.jobs[name] = Job(name, periodic.jobs[name].work, SEAL_SECONDS)


def _in_child(lab: Laboratory, name: str, work: Any) -> Any:
    """Do work that needs a connection in a process of its own, and return what it returns."""
    answer = lab.directory / f"{name}.json"

    def act() -> None:
        with_own_bounds()
        answer.write_text(json.dumps(work()))

    child = lab.fork(name, act)
    if child.wait(900) != 0:
        raise RuntimeError(f"{name}: {child.last_words()}")
    return json.loads(answer.read_text())


def _falsify_often(number: int, seed: int) -> dict[str, Any]:
    chance = random.Random(seed)
    checkpoints = [checkpoint_of(AuditSeal.objects.order_by("-number")[0])]
    missed, alarms, ways = [], [], Counter[str]()
    whole = Verification(checkpoints=checkpoints)
    alarms += [str(finding) for finding in whole.run()]
    unsealed = whole.summary.unsealed
    create_user(username="chaos-unsealed", password=None, role=Role.AUDITOR, actor=None)  # its entry stays unsealed
    for _ in range(number):
        with falsified(Tamperer(chance)) as tampering:
            found = {(finding.what, finding.number) for finding in Verification(checkpoints=checkpoints).run()}
        ways[tampering.name] += 1
        if not tampering.is_found(found):
            missed.append(tampering.name)
        alarms += [str(finding) for finding in Verification(checkpoints=checkpoints).run()]
    return {
        "missed": missed, "alarms": alarms, "ways": len(ways), "unsealed": unsealed,
        "entries": AuditEntry.objects.count(), "seals": AuditSeal.objects.count(),
    }  # fmt: skip


def _command_finds(lab: Laboratory, template: str, number: int) -> bool:
    """Falsify a copy of the database for good, and answer whether the command ends accordingly, before and after."""
    way = sorted(WAYS)[number % len(WAYS)]
    checkpoint = lab.directory / f"checkpoint-{number}"
    with lab.fresh(f"tampered-{number}", template=template) as copy:
        use_database(copy.url)
        appended = lab.fork("checkpoint", lambda: _command("audit_checkpoint", "--append", str(checkpoint))).wait(60)
        before = _verified(lab, checkpoint)
        culprits = _in_child(lab, f"falsify-{number}", lambda: _falsify_for_good(way, number))
        after = _verified(lab, checkpoint)
        findings = json.loads(_report(lab).read_text())["findings"]
        named = {(finding["what"], finding["number"]) for finding in findings}
    return (appended, before, after) == (0, UNTOUCHED, TOUCHED) and bool({(a, b) for a, b in culprits} & named)


def _sealed_beside_a_neighbour(lab: Laboratory, template: str) -> bool:
    """Seal beside a role that may insert, and does. Answer whether it went on, and whether `verify` names the rows."""
    with lab.fresh("neighbour", template=template) as copy, psycopg.connect(copy.url) as neighbour:
        neighbour.execute(NEIGHBOUR.encode())
        neighbour.commit()
        neighbour.execute("SET ROLE chaos_neighbour")
        neighbour.execute("SELECT pg_advisory_lock(n) FROM unnest(%s::bigint[]) AS n", [[*range(100), 0x5EA1]])
        for statement in INSERTED:
            neighbour.execute(statement.encode())
        neighbour.commit()
        worker = lab.worker("sealer-beside", "--poll-interval", "0.1", setup=_seal_often)
        for number in range(3):
            lab.fork(f"write-{number}", partial(_write, number)).wait(60)
            try:
                _wait_for_seals(copy, 1)
            except Stalled:
                return False
        is_alive = worker.poll() is None
        lab.kill_all()
        neighbour.execute("RESET ROLE; DROP OWNED BY chaos_neighbour; DROP ROLE chaos_neighbour")
        neighbour.commit()
        checkpoint = lab.directory / "checkpoint-beside"
        pinned = lab.fork("checkpoint", lambda: _command("audit_checkpoint", "--append", str(checkpoint))).wait(60)
        named = _verified(lab, checkpoint) == TOUCHED
    return is_alive and pinned == 0 and json.loads(checkpoint.read_text())["number"] < FAR_AHEAD and named


def _write(number: int) -> None:
    with_own_bounds()
    create_user(username=f"chaos-beside-{number}", password=None, role=Role.AUDITOR, actor=None)


def _falsify_for_good(way: str, seed: int) -> list[Any]:
    tamperer = Tamperer(random.Random(seed))
    for name in (way, ""):  # any other, if this trail does not allow that way
        with suppress(NothingToFalsify), falsified(tamperer, name, keep=True) as tampering:
            return sorted(tampering.culprits)
    raise NothingToFalsify


def _verified(lab: Laboratory, checkpoint: Path) -> int:
    child = lab.fork("verify", lambda: _verify(lab, checkpoint))
    return child.wait(120)


def _verify(lab: Laboratory, checkpoint: Path) -> None:
    with_own_bounds()
    with _report(lab).open("w") as out:
        call_command("verify_audit_trail", "--json", "--checkpoint", str(checkpoint), stdout=out)


def _report(lab: Laboratory) -> Path:
    return lab.directory / "verify.json"


def _command(*arguments: str) -> None:
    with_own_bounds()
    call_command(*arguments)
