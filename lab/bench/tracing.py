"""What tracing costs: CPU of a request and of an event, off, at the default share, and with everything recorded."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from statistics import median
from subprocess import DEVNULL, PIPE

from tqdm import tqdm

from dev.processes import kept_variables, start_python
from dev.stack import HOST, free_port
from lab.bench import load
from lab.bench.crew import WorkerFailed, cpu_seconds, cpu_since, product_crew
from lab.bench.figures import Figure, Target, compared
from lab.bench.http import data, lasting_token
from lab.bench.run import Run
from lab.bench.server import environment
from lab.bench.subject import FORMS
from lab.database import Database
from qhse.accounts.roles import Role
from qhse.accounts.services.users import create_user

OFF = "off"
SHARES = (OFF, "0.05", "1")
REACH = {"0.05": Target("≤", 1.03, "ratio"), "1": Target("≤", 1.1, "ratio")}
BLOCKS_A_ROUND = 20
"""Of 100 requests, each with its own share: so many give a median that two rounds agree on within 1 %."""
ASKED = ("GET /suppliers?limit=20", "GET /suppliers/{id}", "POST /ncs")

# As `publish` writes it, into this share of the events.
_TRACED = """
UPDATE outbox_outboxevent SET headers = headers || jsonb_build_object('traceparent',
    '00-' || md5(id::text) || '-' || substr(md5(id::text), 1, 16) || '-01')
WHERE status = 'PENDING' AND id %% %s = 0
"""


def measure(run: Run) -> Iterator[Figure]:
    """Yield CPU of requests and of handled events with tracing, beside the same without."""
    with _sink() as endpoint:
        with run.database_of_its_own("traced") as database:
            yield from _requests(run, database, endpoint)
        yield from _drains(run, endpoint)


@contextmanager
def _sink() -> Iterator[str]:
    port = free_port()
    process = start_python(["-m", "lab.bench.sink", str(port)], env=kept_variables(), stderr=DEVNULL)
    try:
        yield f"http://{HOST}:{port}"
    finally:
        process.terminate()
        process.wait()


def _variables(share: str, endpoint: str) -> dict[str, str]:
    return {} if share == OFF else {"OTEL_EXPORTER_OTLP_ENDPOINT": endpoint, "OTEL_TRACES_SAMPLER_ARG": share}


def _requests(run: Run, database: Database, endpoint: str) -> Iterator[Figure]:
    with run.pointed_to(database):
        user = create_user(username="benchmark-traces", password=None, role=Role.QUALITY, actor=None)
        data.add_suppliers()
        token = lasting_token(user)
    data.settle(database)
    arguments = ["-m", "lab.bench.traced_requests", endpoint, str(BLOCKS_A_ROUND * run.sizes.rounds)]
    process = start_python(arguments, env=environment(database.url), stdin=PIPE, stdout=PIPE, stderr=PIPE)
    lines, log = process.communicate(f"{token}\n".encode())
    if process.returncode:
        raise WorkerFailed(f"the process that traces requests ended with {process.returncode}:\n{log.decode()[-4000:]}")
    for name, line in zip(ASKED, lines.splitlines(), strict=True):
        cpu = {share: _rounds(blocks) for share, blocks in json.loads(line).items()}
        for share, reach in REACH.items():
            told = f"{name}, CPU of the process with {float(share):.0%} recorded, beside off"
            yield compared("tracing", told, "ms", cpu[share], cpu[OFF], target=reach)


def _rounds(blocks: list[float]) -> list[float]:
    return [median(blocks[first : first + BLOCKS_A_ROUND]) for first in range(0, len(blocks), BLOCKS_A_ROUND)]


def _drains(run: Run, endpoint: str) -> Iterator[Figure]:
    load.begin(run.database, run.sizes.done)
    for form in FORMS:
        with ExitStack() as stack:
            crews = {
                share: stack.enter_context(product_crew(form, run.database, variables=_variables(share, endpoint)))
                for share in SHARES
            }
            cpu: dict[str, list[float]] = defaultdict(list)
            rate: dict[str, list[float]] = defaultdict(list)
            for number in tqdm(range(run.sizes.rounds + 1), desc=f"tracing, {form}", disable=None):
                for share in SHARES[number % 3 :] + SHARES[: number % 3]:
                    events = run.sizes.backlog if number else run.sizes.small_backlog
                    load.remove_backlog(run.database, run.sizes.done)
                    load.add_backlog(run.database, events)
                    if share != OFF:
                        run.database.execute(_TRACED, (round(1 / float(share)),))
                        load.settle(run.database)
                    processes = [run.server.pid, *crews[share].pids]
                    before = cpu_seconds(*processes)
                    told_at, _ = crews[share].drain(workers=1, batch_size=100)
                    if number:  # the first one warms up
                        cpu[share].append(cpu_since(before, *processes) / events * 1e6)
                        rate[share].append(events / (load.check_and_time(run.database, events=events) - told_at))
        for share in REACH:
            name = f"{form} handler, batch 100, with {float(share):.0%} recorded, beside off"
            yield compared("tracing", f"{name}; CPU of worker and server", "µs/event", cpu[share], cpu[OFF])
            yield compared("tracing", name, "events/s", rate[share], rate[OFF])
