"""What the server finds: suppliers, NCs, and a trail that the product itself wrote and sealed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

from django.db import connection, transaction
from tqdm import tqdm

from audit.models import AuditEntry
from audit.proof import sealing
from audit.services import entry_for, record_all
from kpi.movements import triggers
from kpi.movements.backfill import backfill
from kpi.movements.states import POSTGRESQL, supplier_state
from kpi.movements.summing import sum_next_day
from lab.bench.sealing import seal_rest
from lab.database import Database
from qhse import clock
from qhse.accounts.models import User
from qhse.accounts.roles import Role
from qhse.accounts.services.users import create_user
from suppliers.models import Supplier

SUPPLIERS = 2_000
WRITTEN_AT_ONCE = 5_000
TABLES = (
    "suppliers_supplier",
    "ncs_nonconformity",
    "ncs_correctiveaction",
    "audit_auditentry",
    "audit_sealedentry",
    "outbox_outboxevent",
    *triggers.MOVEMENTS,
    "kpi_daysum",
    "kpi_monthsum",
)
NOTED = (triggers.CASES, triggers.ACTIONS, triggers.CERTIFICATES, triggers.SUPPLIERS, triggers.VOLUMES)
CERTIFICATES = 50_000
VOLUME_MONTHS = 12


def add_suppliers(number: int = SUPPLIERS) -> None:
    # As workers leave them, who would else publish while other benchmarks count what waits. So it is with certificates.
    seen = {"risk_assessed_at": clock.present()}
    made = (Supplier(name=f"Supplier {n:06}", name_key=f"supplier {n:06}", **seen) for n in range(1, number + 1))
    Supplier.objects.bulk_create(made, batch_size=500)  # a statement has 65,535 values at most
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE suppliers_supplier SET created_at = now() - interval '400 days', certification_expiry = "
            "CASE WHEN id %% 10 <> 0 THEN current_date + ((id * 37) %% 1000 - 220)::int END",
            [],
        )


def add_figures(user: User, suppliers: int = SUPPLIERS, certificates: int = CERTIFICATES) -> None:
    """
    Add certificates, of which each 2,500th waits for somebody, and what suppliers delivered in the last months.

    As everything here, they came over the year. If all of it came today, `/kpi/quality` would sum it at each request.
    """
    buyer = create_user(username="benchmark-buyer", password=None, role=Role.PROCUREMENT, actor=None)
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO suppliers_certificate (supplier_id, standard, edition, number, issuer, valid_from, valid_to, "
            "status, submitted_at, submitted_by_id, expiry_told, verified_at, verified_by_id, verify_method) "
            "SELECT 1 + (i * 7) %% %(suppliers)s, (ARRAY['iso_9001', 'iso_14001'])[1 + i %% 2], "
            "(ARRAY['2015', '2026'])[1 + i %% 2], i::text, 'TÜV', current_date - 700, "
            "current_date + ((i * 37) %% 1000 - 100)::int, status, "
            "now() - (i %% 365) * interval '1 day', %(buyer)s, -1, "
            "CASE status WHEN 'verified' THEN now() END, CASE status WHEN 'verified' THEN %(user)s END, "
            "CASE status WHEN 'verified' THEN 'register' ELSE '' END "
            "FROM generate_series(1, %(certificates)s) AS i, "
            "LATERAL (SELECT CASE i %% 2500 WHEN 0 THEN 'submitted' ELSE 'verified' END AS status) AS decided",
            {"suppliers": suppliers, "certificates": certificates, "buyer": buyer.pk, "user": user.pk},
        )
        cursor.execute(
            "INSERT INTO suppliers_suppliervolume "
            "(supplier_id, month, received_qty, defective_qty, received_lots, rejected_lots, late_lots, source, "
            "updated_at) "
            "SELECT s, (date_trunc('month', now()) - m * interval '1 month')::date, 1000 + s %% 977, s %% 7, 20, 1, 1, "
            "'', now() - m * interval '1 month' "
            "FROM generate_series(1, %(suppliers)s) AS s, generate_series(1, %(months)s) AS m",
            {"suppliers": suppliers, "months": VOLUME_MONTHS},
        )


def add_cases(rows: int, user: User, suppliers: int = SUPPLIERS) -> None:
    """Add NCs until there are so many, with actions on some, and the movements and sums of all that there is."""
    with _unnoted():
        _add_ncs(rows, user, suppliers)
        _add_actions(user)
    _note_anew()


def grow_to(rows: int, user: User) -> None:
    """Add NCs and audit entries until there are so many of each. Leave the tables as vacuum would."""
    add_cases(rows, user)
    first = AuditEntry.objects.count()
    for start in tqdm(range(first, rows, WRITTEN_AT_ONCE), desc=f"trail of {rows:,}", unit="chunk", disable=None):
        with transaction.atomic():
            record_all(_entry(number, user) for number in range(start, min(start + WRITTEN_AT_ONCE, rows)))
    seal_rest()
    _close_the_trail()


@contextmanager
def _unnoted() -> Iterator[None]:
    """Add rows of the past without movements of today."""
    for state in ("DISABLE", "ENABLE"):
        with connection.cursor() as cursor:
            for table in NOTED:
                cursor.execute(f"ALTER TABLE {table} {state} TRIGGER USER")
        if state == "DISABLE":
            yield


def _note_anew() -> None:
    """Make the movements of all rows as the migration does, and let the worker sum them."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            f"TRUNCATE {', '.join(triggers.MOVEMENTS)}, kpi_daysum, kpi_monthsum, kpi_suppliertally, kpi_latecase, "
            "kpi_summedday, kpi_belatedmovement, kpi_belatedsum, kpi_belatedround"
        )
        # No day is summed, so none of millions of rows has to be asked whether its own is.
        for state in ("DISABLE", "ENABLE"):
            for table in triggers.MOVEMENTS:
                cursor.execute(f"ALTER TABLE {table} {state} TRIGGER {table}_belated")
            for statement in backfill(POSTGRESQL, supplier_state()) if state == "DISABLE" else ():
                cursor.execute(statement)
    while sum_next_day():
        pass


def _close_the_trail() -> None:
    """Let the sealer count all entries, as a minute later. Nobody else writes here."""
    margin, sealing.HORIZON_MARGIN = sealing.HORIZON_MARGIN, timedelta(0)
    try:
        sealing.seal_new_entries()
    finally:
        sealing.HORIZON_MARGIN = margin


def settle(database: Database) -> None:
    """Leave the tables as workers and vacuum do: no event waits."""
    database.execute("UPDATE outbox_outboxevent SET status = 'DONE', processed_at = now() WHERE status = 'PENDING'")
    for table in TABLES:
        database.execute(f"VACUUM (ANALYZE) {table}")
    database.execute("CHECKPOINT")


def _add_actions(user: User) -> None:
    """
    Add two actions to each of the first 200,000 cases, and count them on these as the services would have.

    Those of every hundredth case are one person's, 1,200 of them running; the others are the suppliers'.
    """
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO ncs_correctiveaction "
            "(nc_id, kind, title, status, owner_id, contact, due_on, overdue_told, created_by_id, created_at) "
            "SELECT n.id, 'corrective', 'Set an interval for the tool change', "
            "CASE WHEN n.status = 'OPEN' THEN 'IN_PROGRESS' ELSE 'CANCELLED' END, "
            "CASE WHEN n.id %% 100 = 0 THEN %(user)s END, CASE WHEN n.id %% 100 = 0 THEN '' ELSE 'Anna Weiss' END, "
            "(n.created_at + interval '45 days')::date, (n.created_at + interval '45 days')::date, %(user)s, "
            "n.created_at "
            "FROM ncs_nonconformity n CROSS JOIN generate_series(1, 2) "
            "WHERE n.id <= 200000 AND NOT EXISTS (SELECT FROM ncs_correctiveaction a WHERE a.nc_id = n.id)",
            {"user": user.pk},
        )
        cursor.execute(
            "UPDATE ncs_nonconformity n SET actions_open = 2 WHERE status = 'OPEN' AND actions_open = 0 AND EXISTS "
            "(SELECT FROM ncs_correctiveaction a WHERE a.nc_id = n.id)"
        )


def _entry(number: int, user: User) -> AuditEntry:
    about_supplier = number % 3 == 2
    return entry_for(
        actor=user,
        action=("NC_CREATED", "NC_CLOSED", "SUPPLIER_CERT_UPDATED")[number % 3],
        entity_type="supplier" if about_supplier else "nonconformity",
        entity_id=1 + number * 7919 % (SUPPLIERS if about_supplier else 200_000),
        changes={"status": ("OPEN", "CLOSED")},
        request_id=f"benchmark-{number}",
    )


def _add_ncs(rows: int, user: User, suppliers: int) -> None:
    """Add NCs by SQL, most of them for few suppliers, and count them on these as the services would have."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT setseed(0.42)")
        cursor.execute(
            "INSERT INTO ncs_nonconformity (supplier_id, severity, status, description, created_at, closure_reason, "
            "category, part_no, owner_id, due_on, overdue_told, containment_told, reported_by_id, closed_at, "
            "closed_by_id) "
            "SELECT supplier, severity, status, description, made, '', "
            "(ARRAY['material', 'surface', 'dimension', 'labelling'])[1 + i %% 4], (4000 + i %% 5000)::text, "
            "CASE WHEN i %% 100 = 0 THEN %(user)s END, (made + interval '60 days')::date, "
            # All that is late has been told, as a worker would have: other benchmarks count what waits.
            "(made + interval '60 days')::date, true, %(user)s, "
            "CASE WHEN status = 'CLOSED' THEN made + least(interval '20 days', (now() - made) / 2) END, "
            "CASE WHEN status = 'CLOSED' THEN %(user)s END FROM ("
            "SELECT 1 + floor(%(suppliers)s * power(random(), 2))::int AS supplier, "
            "CASE WHEN chance < 0.6 THEN 'low' WHEN chance < 0.9 THEN 'medium' ELSE 'high' END AS severity, "
            "CASE WHEN random() < 0.3 THEN 'OPEN' ELSE 'CLOSED' END AS status, "
            "'Lot ' || i || ': ' || repeat('bore diameter out of tolerance; ', (2 + i %% 3)::int) AS description, "
            "i, now() - interval '365 days' * (1 - i::float8 / %(rows)s) AS made "
            "FROM (SELECT i, random() AS chance FROM generate_series((SELECT count(*) + 1 FROM ncs_nonconformity), "
            "%(rows)s) AS g(i)) AS drawn) AS made",
            {"user": user.pk, "suppliers": suppliers, "rows": rows},
        )
        cursor.execute(
            "UPDATE suppliers_supplier s SET nc_total = c.total, nc_open = c.open, nc_open_high = c.high, "
            "nc_open_medium = c.medium FROM (SELECT supplier_id, count(*) AS total, "
            "count(*) FILTER (WHERE status = 'OPEN') AS open, "
            "count(*) FILTER (WHERE status = 'OPEN' AND severity = 'high') AS high, "
            "count(*) FILTER (WHERE status = 'OPEN' AND severity = 'medium') AS medium "
            "FROM ncs_nonconformity GROUP BY 1) c WHERE c.supplier_id = s.id"
        )
