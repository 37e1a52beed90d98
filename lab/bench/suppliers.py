"""What figures, risk and imports of many suppliers take."""

from __future__ import annotations

import io
import statistics
import time
from collections.abc import Iterator
from datetime import timedelta

from rest_framework.test import APIClient
from tqdm import tqdm

from lab.bench.figures import Figure, Target
from lab.bench.http import data
from lab.bench.run import Run
from lab.bench.sizes import Sizes
from ncs.models import NonConformity
from qhse import clock
from qhse.accounts.models import User
from qhse.accounts.roles import Role
from qhse.accounts.services.tokens import issue_tokens
from qhse.accounts.services.users import create_user
from qhse.exchange.models import ImportStatus
from qhse.exchange.running import run_import
from qhse.exchange.services import preview_import, start_import
from suppliers.models import Supplier
from suppliers.reassessment import reassess_unseen

ANSWERED_IN = Target("≤", 50.0, "value")
REASSESSED_IN = Target("≤", 60.0, "value")
IMPORTED = Target("≥", 10_000.0, "value")
REQUESTS = 20


def measure(run: Run) -> Iterator[Figure]:
    """Yield the time of quality figures, of a reassessment of all suppliers, and of an import of new ones."""
    sizes = run.sizes
    with run.database_of_its_own("suppliers") as database, run.pointed_to(database):
        user = create_user(username="benchmark-figures", password=None, role=Role.ADMIN, actor=None)
        data.add_suppliers(sizes.suppliers)
        data.add_figures(user, sizes.suppliers, sizes.certificates)
        data.add_cases(sizes.cases, user, sizes.suppliers)
        data.settle(database)
        yield from _figures(run, user)
        yield from _reassessments(run)
        data.settle(database)
        yield from _imports(run, user)


def _of(sizes: Sizes) -> str:
    return f"{sizes.suppliers:,} suppliers, {sizes.certificates:,} certificates, {sizes.cases:,} cases"


def _figures(run: Run, user: User) -> Iterator[Figure]:
    client = APIClient(SERVER_NAME="localhost")
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {issue_tokens(user).access_token}")
    (most,) = NonConformity.objects.raw(
        "SELECT supplier_id AS id FROM ncs_nonconformity GROUP BY 1 ORDER BY count(*) DESC LIMIT 1"
    )
    past = clock.today() - timedelta(days=200)
    asked = {
        "of all suppliers": "",
        "of the supplier with most cases": f"?supplier_id={most.pk}",
        "of all suppliers, as of 200 days ago": f"?as_of={past}",
        "of the supplier with most cases, as of 200 days ago": f"?supplier_id={most.pk}&as_of={past}",
    }
    for name, query in asked.items():
        _answered(client, query)  # the server reads its pages once
        cpu = [run.spent(lambda query=query: _answered(client, query)) for _ in range(3)]  # type: ignore[misc]
        yield Figure(
            "suppliers", f"CPU of /kpi/quality {name}; {_of(run.sizes)}",
            statistics.median(cpu) / REQUESTS * 1000, "ms", target=ANSWERED_IN,
        )  # fmt: skip


def _answered(client: APIClient, query: str) -> None:
    for _ in range(REQUESTS):
        answer = client.get(f"/kpi/quality{query}")
        if answer.status_code != 200:
            raise RuntimeError(f"/kpi/quality{query} was answered {answer.status_code}: {answer.content[:500]!r}")


def _reassessments(run: Run) -> Iterator[Figure]:
    for name in ("every one of which changes", "none of which changes"):
        Supplier.objects.update(risk_assessed_at=clock.present() - timedelta(days=1))
        with run.workers_line():
            began = time.monotonic()
            cpu = run.spent(_reassess_all)
            wall = time.monotonic() - began
        label = f"reassessment of {run.sizes.suppliers:,} suppliers, {name}"
        yield Figure("suppliers", f"{label}, by one worker", wall, "s", target=REASSESSED_IN)
        yield Figure("suppliers", f"{label}, CPU", cpu, "s")


def _reassess_all() -> None:
    with tqdm(desc="pieces reassessed", disable=None) as bar:
        while reassess_unseen():
            bar.update()


def _imports(run: Run, user: User) -> Iterator[Figure]:
    rows = "".join(f"Imported {n:06} GmbH;DE;B\n" for n in range(run.sizes.imported))
    content = f"Name;Country;Criticality\n{rows}".encode()
    for mode in ("good_rows", "all_or_nothing"):
        text = content.replace(b"Imported", b"Imported by " + mode.encode())
        began = time.monotonic()
        cpu = run.spent(lambda text=text, mode=mode: _import(text, mode, user))  # type: ignore[misc]
        minutes = (time.monotonic() - began) / 60
        name = f"import of {run.sizes.imported:,} new suppliers from CSV, {mode}"
        yield Figure("suppliers", f"{name}, with its check", run.sizes.imported / minutes, "rows/min", target=IMPORTED)
        yield Figure("suppliers", f"{name}, CPU of a row", cpu / run.sizes.imported * 1000, "ms")


def _import(content: bytes, mode: str, user: User) -> None:
    job = preview_import(kind="suppliers", name="suppliers.csv", content=io.BytesIO(content), mode=mode, actor=user)
    start_import(import_id=job.pk, actor=user)
    run_import(job.pk)
    job.refresh_from_db()
    if job.status != ImportStatus.DONE or job.rows_new != job.rows_total:
        raise RuntimeError(f"{job.rows_new:,} of {job.rows_total:,} rows were imported: {job.why}")
