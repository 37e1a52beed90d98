"""What a request costs, beside the least that could answer it: CPU of server and PostgreSQL together, and its time."""

from __future__ import annotations

import json
import re
import statistics
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from subprocess import DEVNULL

import jwt
from django.conf import settings
from django.db import connection
from tqdm import tqdm

from dev.processes import start_python
from dev.stack import api_command, free_port
from dev.waiting import wait_until
from lab.bench.crew import cpu_seconds, cpu_since
from lab.bench.figures import Figure, Target, compared
from lab.bench.http import data
from lab.bench.http.cases import Case, cases
from lab.bench.http.client import UnexpectedAnswer, drive, once
from lab.bench.run import Run
from lab.bench.server import environment
from lab.database import Database, copy_database
from lab.percentile import percentile
from qhse.accounts.models import User
from qhse.accounts.roles import Role
from qhse.accounts.services.tokens import issue_tokens
from qhse.accounts.services.users import create_user

FLOOR = "lab.bench.floor:application"
START_SECONDS = 60.0
TOKEN_SECONDS = 86_400
WARM_UP_SECONDS = 0.5
MEBIBYTE = 2**20


class Server:
    """
    One gunicorn on a database, with its default processes and threads. A context manager, which ends it.

    The `variables` are set for it alone.
    """

    def __init__(self, name: str, database: Database, *application: str, **variables: str) -> None:
        self.name = name
        self.port = free_port()
        env = environment(database.url) | {"FLOOR_SIGNING_KEY": settings.JWT_SIGNING_KEY} | variables
        # Its line for each request is written, as anywhere, and read by nobody.
        self._process = start_python([*api_command(self.port), *application], env=env, stderr=DEVNULL)

    def __enter__(self) -> Server:
        return self

    def __exit__(self, *raised: object) -> None:
        self._process.terminate()
        self._process.wait()

    @property
    def pid(self) -> int:
        return self._process.pid

    def first_answer(self, request: bytes) -> bytes:
        """Return the body of its answer. Until it has started, wait."""
        found: list[bytes] = []

        def answers() -> bool:
            try:
                found.append(once(self.port, request))
            except OSError:
                return False
            return True

        wait_until(answers, seconds=START_SECONDS, what=f"an answer of {self.name}", every=0.1)
        return found[0]

    def memory(self) -> float:
        """Return the MiB of all its processes. What they share counts for each of them in part."""
        pids = [path.name for path in Path("/proc").glob("[0-9]*")]
        pids = [pid for pid in pids if self.pid in (int(pid), _parent(pid))]
        return sum(_proportional_set(pid) for pid in pids) / MEBIBYTE


@dataclass(frozen=True, slots=True)
class Measured:
    """Milliseconds: CPU of a request, percentiles of its time, and what the client's loop spent on it."""

    cpu: float
    p50: float
    p99: float
    own: float


def measure(run: Run) -> Iterator[Figure]:
    """Yield CPU and percentiles of each case at each size, what grows between the sizes, and the servers' memory."""
    data.add_suppliers()
    roles = (Role.QUALITY, Role.PROCUREMENT, Role.AUDITOR)
    users = {role: create_user(username=f"benchmark-{role}", password=None, role=role, actor=None) for role in roles}
    tokens = {role: lasting_token(user) for role, user in users.items()}
    data.add_figures(users[Role.QUALITY])
    smallest: dict[int, float] = {}
    for rows in run.sizes.http_rows:
        data.grow_to(rows, users[Role.QUALITY])
        data.settle(run.database)
        # What the floor writes must not come into the product's trail.
        copy = Database(run.server, f"floor_{rows}")
        connection.close()
        run.database.close()
        copy_database(run.server, run.database.name, copy.name)
        with Server("the product", run.database) as ours, Server("the floor", copy, FLOOR) as floor:
            for number, case in enumerate(cases(rows)):
                cpu, *others = _of_case(run, case, rows, (ours, floor), tokens[case.role])
                yield from (cpu, *others)
                before = smallest.setdefault(number, cpu.value)
                if rows > run.sizes.http_rows[0]:
                    growth = cpu.value / before
                    bound = Target("≤", case.growth, "ratio")
                    name = f"{case.name}, CPU at {rows:,} rows beside {run.sizes.http_rows[0]:,}"
                    yield Figure("http", name, cpu.value, "ms", before, growth, target=bound)
            name = f"memory of the server's processes, {rows:,} rows"
            yield Figure("http", name, ours.memory(), "MiB", floor.memory(), ours.memory() / floor.memory())
    connection.close()
    data.settle(run.database)  # other benchmarks count what waits


def _of_case(run: Run, case: Case, rows: int, servers: Sequence[Server], token: str) -> Iterator[Figure]:
    """Yield the figures of a case, first its CPU with the fewest connections."""
    servers = servers[:1] if case.alone else servers
    answers = [server.first_answer(case.asking(server.port, token)()) for server in servers]
    if case.method == "GET" and not case.alone:
        _demand_same(case, *answers)
    for connections in run.sizes.http_connections:
        rounds: list[list[Measured]] = [[] for _ in servers]
        for _ in tqdm(range(run.sizes.http_rounds), desc=f"{case.name}, {connections}", disable=None):
            for server, measured in zip(servers, rounds, strict=True):
                measured.append(drive_case(run, server, case, connections, token))
        ours, floor = rounds[0], rounds[-1]
        name = f"{case.name}, {rows:,} rows, {connections} connections"
        first = connections == run.sizes.http_connections[0]
        target = Target("≤", case.most, "value") if first else None
        cpu = [each.cpu for each in ours]
        if case.alone:
            yield Figure("http", f"{name}, CPU", statistics.median(cpu), "ms", target=target)
            yield Figure("http", f"{name}, p99", statistics.median(each.p99 for each in ours), "ms")
            continue
        yield compared("http", f"{name}, CPU", "ms", cpu, [each.cpu for each in floor], target=target)
        yield compared("http", f"{name}, p50", "ms", [each.p50 for each in ours], [each.p50 for each in floor])
        yield compared("http", f"{name}, p99", "ms", [each.p99 for each in ours], [each.p99 for each in floor])
        if first:
            own = statistics.median(each.own for each in ours)
            beside = statistics.median(cpu)
            yield Figure("http", f"{name}, CPU of the client's loop, beside", own, "ms", beside, own / beside)


def drive_case(run: Run, server: Server, case: Case, connections: int, token: str) -> Measured:
    """Ask for some time, after a warm-up, and return what it took of this server and of PostgreSQL."""
    ask = case.asking(server.port, token)
    drive(server.port, ask, expected=case.expected, connections=connections, seconds=WARM_UP_SECONDS)
    processes = [run.server.pid, server.pid]
    before = cpu_seconds(*processes)
    driven = drive(server.port, ask, expected=case.expected, connections=connections, seconds=run.sizes.http_seconds)
    count = len(driven.seconds)
    milliseconds = [seconds * 1000 for seconds in driven.seconds]
    return Measured(
        cpu=cpu_since(before, *processes) / count * 1000,
        p50=percentile(milliseconds, 50),
        p99=percentile(milliseconds, 99),
        own=driven.own_cpu / count * 1000,
    )


def _demand_same(case: Case, ours: bytes, floor: bytes) -> None:
    """Raise UnexpectedAnswer unless the floor's answer says all of what it says as the product does."""
    mine, theirs = json.loads(ours), json.loads(floor)
    pairs = [(mine, theirs), *zip(mine.get("results", []), theirs.get("results", []), strict=True)]
    for whole, part in pairs:
        for name, value in part.items():
            if name not in {"next", "previous", "results"} and whole[name] != value:
                raise UnexpectedAnswer(f"{case.name}: {name} is {whole[name]!r}, and the floor says {value!r}")


def lasting_token(user: User) -> str:
    """Log in, and return an access token that is good for the whole run."""
    claims = jwt.decode(issue_tokens(user).access_token, options={"verify_signature": False})
    return jwt.encode(claims | {"exp": int(time.time()) + TOKEN_SECONDS}, settings.JWT_SIGNING_KEY, "HS256")


def _parent(pid: str) -> int:
    try:
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    except OSError:  # it ended while we were looking
        return 0


def _proportional_set(pid: str) -> float:
    try:
        found = re.search(r"^Pss:\s+(\d+) kB", Path(f"/proc/{pid}/smaps_rollup").read_text(), re.MULTILINE)
    except OSError:
        return 0.0
    return int(found[1]) * 1024.0 if found else 0.0
