"""Kill points: a process is killed before and after each statement that it sends. Nothing is half done."""

from __future__ import annotations

import json
import os
import re
import signal
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from typing import Any

import psycopg
from django.db import connection

from lab.chaos.checker import check, check_halves
from lab.chaos.instruments import wsgi_calls
from lab.chaos.instruments.database import Database
from lab.chaos.instruments.laboratory import Laboratory
from lab.chaos.instruments.ledger import Account, Told
from lab.chaos.instruments.outcome import Outcome
from lab.chaos.instruments.points import Points
from lab.chaos.killing.api_scenes import DONE, SCENES
from lab.chaos.killing.worker_scenes import Scene, run_drain

QUICK_KILLS = 3  # in each scene
RECOVERY_RUNS = 3
LEAST_POINTS, LEAST_KILLS = 120, 600
SECONDS = 60.0
LOGGED = re.compile(rb"^LOG:  (?:statement|execute [^:]*):", re.MULTILINE)


@dataclass(slots=True)
class Run:
    """What one child told before its end."""

    order: dict[str, Any] = field(default_factory=dict)
    status: int | None = None
    points: list[str] = field(default_factory=list)
    statements: int = 0
    killed: bool = False
    complaint: str = ""


def run(lab: Laboratory) -> Outcome:
    """Kill every scene at every point, in several rounds; a quick run, at a few points once."""
    outcome = Outcome("killpoints")
    points = kills = statements = 0
    chosen = [scene for scene in SCENES if not lab.scenes or scene.name in lab.scenes]
    for scene in chosen:
        with lab.fresh(scene.name) as database:
            wsgi_calls.warm_up()
            result = _Stage(lab, database, scene, outcome).play()
        points, kills, statements = points + result[0], kills + result[1], statements + result[2]
    outcome.figures = {"scenes": len(chosen), "statements": statements, "points": points, "kills": kills}
    if not lab.scenes:
        outcome.demand(points >= LEAST_POINTS, f"only {points} points")
        if not lab.quick:
            outcome.demand(kills >= LEAST_KILLS, f"only {kills} kills")
    return outcome


class _Stage:
    """One scene on its database."""

    def __init__(self, lab: Laboratory, database: Database, scene: Scene, outcome: Outcome) -> None:
        self._lab = lab
        self._database = database
        self._scene = scene
        self._outcome = outcome
        self._account = Account()
        self._dead: list[str] = []

    def play(self) -> tuple[int, int, int]:
        """Return the numbers of points, of kills, and of statements that the scene sends."""
        whole = self._rehearse()
        kills = 0
        for number, point in self._choice(len(whole.points)):
            label = f"{self._scene.name}, killed {whole.points[point - 1]!r}"
            kills += self._kill(f"{self._scene.name}-{number}-{point}", point, label)
        self._finish()
        return len(whole.points), kills, whole.statements

    def _choice(self, points: int) -> list[tuple[int, int]]:
        if self._lab.scenes:
            return [(1, point) for point in range(1, points + 1)]
        if not self._lab.quick:
            return [(number, point) for number in range(1, self._lab.rounds + 1) for point in range(1, points + 1)]
        drawn = self._lab.chance().sample(range(1, points + 1), min(points, QUICK_KILLS))
        return [(1, point) for point in sorted(drawn)]

    def _rehearse(self) -> Run:
        """Let the scene run to its end. Prove by the server's log that each of its statements is a point."""
        log = self._lab.server.directory / "server.log"
        before = log.stat().st_size
        whole = self._play_once(f"{self._scene.name}-0", 0)
        with log.open("rb") as lines:
            lines.seek(before)
            logged = len(LOGGED.findall(lines.read()))
        if whole.status not in (None, *DONE):
            self._outcome.demand(False, f"{self._scene.name}: answered {whole.status}")
        same = logged == whole.statements
        self._outcome.demand(same, f"{self._scene.name}: {whole.statements} statements counted, {logged} on the server")
        self._recover("rehearsal")
        return whole

    def _kill(self, tag: str, point: int, label: str) -> bool:
        killed = self._play_once(tag, point)
        for finding in check_halves(self._database).torn if self._scene.recover else ():
            self._note("torn", f"{finding} ({label})")
        self._recover(label)
        if self._scene.again:
            self._repeat(killed.order, label)
        return killed.killed

    def _repeat(self, order: dict[str, Any], label: str) -> None:
        """Do as a client does that has lost the answer: send the same once more."""

        def send() -> None:
            status = self._scene.act(order)
            if status not in self._scene.again:
                raise RuntimeError(f"answered {status}")

        child = self._lab.fork("again", send)
        if child.wait(SECONDS) != 0:
            self._note("lost", f"repeating it failed: {child.last_words()[-300:]} ({label})")
        elif write := order.get("write"):
            kind, token = write
            self._account.note(kind, token, Told.ACKNOWLEDGED)

    def _note(self, fault: str, finding: str) -> None:
        getattr(self._outcome.verdict, fault).append(finding)

    def _play_once(self, tag: str, kill_at: int) -> Run:
        read_end, write_end = os.pipe()
        child = self._lab.fork(self._scene.name, lambda: self._be_killed(tag, kill_at, write_end))
        os.close(write_end)
        with os.fdopen(read_end, "rb") as pipe:
            lines = pipe.read().splitlines()
        result = Run()
        code = child.wait(SECONDS)
        for line in lines:
            for name, value in json.loads(line).items():
                setattr(result, name, value)
        result.killed = code == -signal.SIGKILL
        if not result.killed and code != 0:
            self._outcome.demand(False, f"{tag}: the process ended with {code}: {child.last_words()[-600:]}")
        self._settle_account(result)
        return result

    def _settle_account(self, result: Run) -> None:
        for kind, token in result.order.get("stored", ()):
            self._account.note(kind, token, Told.ACKNOWLEDGED)
        self._dead += result.order.get("dead", ())
        if write := result.order.get("write"):
            known = Told.UNKNOWN if result.status is None else Told.REFUSED
            kind, token = write
            self._account.note(kind, token, Told.ACKNOWLEDGED if result.status in DONE else known)

    def _be_killed(self, tag: str, kill_at: int, write_end: int) -> None:
        def tell(**values: Any) -> None:
            os.write(write_end, json.dumps(values).encode() + b"\n")

        points = Points(kill_at)
        points.install()
        order = self._scene.prepare(self._lab, tag)
        tell(order=order)
        connection.close()
        with nullcontext() if kill_at else _logged(self._database):
            points.armed = True
            tell(status=self._scene.act(order))
            points.armed = False
        if not kill_at:
            tell(points=points.passed, statements=points.statements)

    def _recover(self, label: str) -> None:
        if self._scene.recover is None:
            return
        for _ in range(RECOVERY_RUNS):
            # It raises where the killed one's session lives on for a moment. The next run finds it gone.
            child = self._lab.fork("recovery", self._scene.recover, may_fail=True)
            if child.wait(SECONDS) == 0 and not self._database.pending():
                return
        self._note("lost", f"still pending after {RECOVERY_RUNS} recovery runs ({label})")

    def _finish(self) -> None:
        self._lab.fork("recovery", self._scene.recover or run_drain).wait(SECONDS)
        self._outcome.verdict += check(self._database, self._account, dead=self._dead, pruned=self._scene.pruned)


@contextmanager
def _logged(database: Database) -> Iterator[None]:
    """Have the server log the statements of sessions that begin in here."""
    with psycopg.connect(database.url, autocommit=True) as line:
        line.execute(f"ALTER DATABASE \"{database.name}\" SET log_statement = 'all'".encode())
        yield
        line.execute(f'ALTER DATABASE "{database.name}" RESET log_statement'.encode())
