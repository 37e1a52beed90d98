"""Every constraint of the database has a 4xx, whatever service forgot it."""

from __future__ import annotations

import io
from datetime import date
from uuid import uuid4

import psycopg
import pytest
from django.apps import apps
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import IntegrityError, InternalError, connection, transaction
from django.db.models import BaseConstraint
from django.utils import timezone

from audit.models import TrailVerification
from ncs.services import open_action
from outbox.models import InHand, OutboxEvent, WorkerSeen
from outbox.outgoing import BROKER, enqueue
from outbox.webhooks.models import WebhookAttempt, WebhookDelivery
from outbox.webhooks.services import create_webhook
from qhse.api.models import RefusalCounter
from qhse.api.problems.database import constraint_named, database_problem
from qhse.attachments.services import attach
from qhse.attachments.tests.files import PNG
from qhse.exchange.models import ImportMode, ImportStatus
from qhse.exchange.services import preview_import
from qhse.replica.models import Beat
from suppliers.services import set_volume, submit_certificate

OUR_PACKAGES = {"qhse", "suppliers", "ncs", "audit", "outbox", "kpi"}
# From the apps that are installed, so that a new one is not forgotten.
OUR_APPS = [each.label for each in apps.get_app_configs() if each.name.partition(".")[0] in OUR_PACKAGES]


def declared() -> list[BaseConstraint]:
    models = (model for app in OUR_APPS for model in apps.get_app_config(app).get_models())
    return [constraint for model in models for constraint in model._meta.constraints]


def test_there_are_some():
    assert len(declared()) >= 10


@pytest.mark.parametrize("constraint", declared(), ids=lambda constraint: constraint.name)
def test_each_says_in_words_of_its_own_what_it_demands(constraint):
    assert constraint_named(constraint.name) is constraint
    assert constraint.violation_error_message != BaseConstraint.default_violation_error_message
    assert str(constraint.violation_error_message).endswith(".")


@pytest.mark.postgres
@pytest.mark.django_db
def test_each_constraint_of_the_database_itself_becomes_a_4xx(settings):
    """From the server's own list, so that one which no model declares is not forgotten."""
    tables = [model._meta.db_table for app in OUR_APPS for model in apps.get_app_config(app).get_models()]
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT conname, contype, conrelid::regclass::text FROM pg_constraint "
            "WHERE conrelid::regclass::text = ANY (%s) AND contype IN ('c', 'u', 'p', 'f', 'x')",
            [tables],
        )
        constraints = cursor.fetchall()
    assert len(constraints) > 30
    codes = {"c": "23514", "u": "23505", "p": "23505", "f": "23503", "x": "23P01"}

    for name, kind, table in constraints:
        with pytest.raises(IntegrityError) as caught, transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(
                f"DO $$ BEGIN RAISE EXCEPTION 'made up' USING ERRCODE = '{codes[kind]}', "
                f"CONSTRAINT = '{name}', TABLE = '{table}'; END $$"
            )
        answer = database_problem(caught.value)
        assert answer is not None and 400 <= answer.status_code < 500, name


@pytest.mark.django_db
def test_a_check_that_really_fails_is_told_in_its_own_words(make_supplier):
    from suppliers.models import Supplier

    supplier = make_supplier()

    with pytest.raises(IntegrityError) as caught, transaction.atomic():
        Supplier.objects.filter(pk=supplier.pk).update(risk_score=101)

    answer = database_problem(caught.value)
    assert answer is not None and answer.status_code == 409
    assert b'"code": "supplier_risk_score_is_0_to_100"' in answer.content


# How to break each named check by hand, on the first row of its table.
BREAK = {
    "outbox_outgoing_waiting_has_its_time": "state = 1, next_attempt_at = NULL",
    "user_role_is_known": "role = 'emperor'",
    "user_has_a_name": "username_key = ''",
    "supplier_has_a_name": "name = ''",
    "supplier_nc_counts_agree": "nc_open = nc_total + 1",
    "supplier_risk_level_is_known": "risk_level = 'none'",
    "supplier_risk_score_is_0_to_100": "risk_score = 101",
    "supplier_category_is_known": "category = 'none'",
    "supplier_criticality_is_known": "criticality = 'D'",
    "supplier_status_is_known": "status = 'none', status_at = now(), status_by_id = 1, status_reason = 'x'",
    "supplier_status_has_time_person_and_reason": "status = 'approved'",
    "supplier_is_not_merged_into_itself": "merged_into_id = id",
    "supplier_override_has_all_or_nothing": "override_level = 'low'",
    "certificate_standard_is_known": "standard = 'none'",
    "certificate_status_is_known": "status = 'none', decided_at = now(), decided_by_id = submitted_by_id, "
    "status_reason = 'x'",
    "certificate_has_number_and_issuer": "number = ''",
    "certificate_ends_after_it_begins": "valid_to = valid_from",
    "certificate_verified_has_time_person_and_method": "verified_at = now()",
    "certificate_verified_by_somebody": "status = 'verified'",
    "certificate_verified_by_another": "status = 'verified', verified_at = now(), verify_method = 'register', "
    "verified_by_id = submitted_by_id",
    "certificate_decision_has_time_person_and_reason": "status = 'rejected'",
    "volume_month_is_its_first_day": "month = '2026-05-02'",
    "volume_defective_of_received": "defective_qty = received_qty + 1",
    "volume_lots_of_received": "late_lots = received_lots + 1",
    "nc_severity_is_known": "severity = 'none'",
    "nc_has_a_description": "description = ''",
    "nc_closed_has_time_and_person": "status = 'CLOSED', closed_at = NULL",
    "nc_system_is_known": "system = 'none'",
    "nc_category_is_known": "category = 'none'",
    "nc_detected_at_is_known": "detected_at = 'none'",
    "nc_cause_code_is_known": "cause_code = 'none'",
    "nc_disposition_is_known": "disposition = 'none'",
    "nc_closure_code_is_known": "closure_code = 'none'",
    "nc_defective_of_received": "qty_defective = 2, qty_received = 1",
    "nc_cost_is_not_negative": "cost = -1",
    "nc_concession_by_another": "disposition = 'scrap', concession_by_id = reported_by_id",
    "nc_repeats_another": "repeat_of_id = id",
    "action_kind_is_known": "kind = 'none'",
    "action_status_is_known": "status = 'NONE'",
    "action_has_a_title": "title = ''",
    "action_has_one_owner": "contact = 'Anna Weiss'",
    "action_done_has_time_and_person": "done_at = now()",
    "action_verified_has_time_and_person": "verified_at = now()",
    "action_verified_by_another": "status = 'EFFECTIVE', done_at = now(), verified_at = now(), "
    "done_by_id = owner_id, verified_by_id = owner_id",
    "outbox_event_status_is_known": "status = 'GONE', processed_at = NULL",
    "outbox_event_processed_has_its_time": "status = 'DONE', processed_at = NULL",
    "sealing_has_one_turn": "id = 2",
    "verification_state_is_known": "state = 'none', finished_at = now()",
    "verification_ends_once": "finished_at = now()",
    "outbox_event_dismissed_has_its_time": "status = 'DISMISSED', processed_at = NULL",
    "attachment_has_a_record": "entity_id = ''",
    "attachment_has_a_name": "name = ''",
    "attachment_is_not_empty": "size = 0",
    "attachment_is_stored": "sha256 = ''",
    "attachment_kind_is_known": "media_type = 'text/html'",
    "attachment_void_has_time_person_and_reason": "voided_at = now()",
    "import_mode_and_status_are_known": "mode = 'none'",
    "import_counts_agree": "rows_done = rows_total + 1",
    "import_was_started_by_somebody": f"status = '{ImportStatus.RUNNING}'",
    "webhook_paused_has_its_cause_and_time": "status = 'PAUSED'",
    "webhook_previous_secret_has_its_end": "previous_secret = 'x'",
    "webhook_delivery_ended_has_its_time": "status = 'DELIVERED'",
}
APPEND_ONLY = {
    "audit_auditentry",
    "audit_auditseal",
    "audit_sealedentry",
    "audit_reviewstamp",
    "suppliers_riskassessment",
    # Written by the database and by workers alone: no answer ever tells of them.
    *(model._meta.db_table for model in apps.get_app_config("kpi").get_models()),
}  # an UPDATE is refused before any check


@pytest.fixture
def a_row_in_every_table(users, api, anonymous, make_supplier, make_nc, drain):
    anonymous.post("/auth/login", {"username": "quality", "password": "correct-horse-quality"})
    api("procurement").post("/suppliers", {"name": "Hansa Forge GmbH"}, HTTP_IDEMPOTENCY_KEY="a-key")
    nc = make_nc()
    open_action(nc_id=nc.pk, kind="corrective", title="New tool", actor=users["quality"])
    submit_certificate(
        supplier_id=nc.supplier_id, standard="iso_9001", number="12 100 4711", issuer="DNV",
        valid_from=date(2026, 7, 1), valid_to=date(2029, 6, 30), actor=users["procurement"],
    )  # fmt: skip
    figures = {"month": date(2026, 5, 1), "received_qty": 500, "defective_qty": 1}
    set_volume(supplier_id=nc.supplier_id, **figures, actor=users["procurement"])
    attach(entity_type="nonconformity", entity_id=str(nc.pk), name="a.png",
           content=SimpleUploadedFile("a.png", PNG), actor=users["quality"])  # fmt: skip
    preview_import(kind="suppliers", name="suppliers.csv", content=io.BytesIO(b"name\nNordic Castings AS\n"),
                   mode=ImportMode.ALL_OR_NOTHING, actor=users["procurement"])  # fmt: skip
    endpoint, _ = create_webhook(url="https://example.com/hooks", event_types=["*"], actor=users["admin"])
    delivery = WebhookDelivery.objects.create(endpoint=endpoint, event_id=uuid4(), sequence=1, body="{}")
    WebhookAttempt.objects.create(delivery=delivery, at=timezone.now(), url=endpoint.url, milliseconds=1)
    Beat.objects.create(id=uuid4(), timeline="00000001", at=timezone.now())
    drain()
    InHand.objects.create(worker="a-worker", events=[], alone=False)
    WorkerSeen.objects.create(worker="a-worker", seen_at=timezone.now())
    enqueue(BROKER, OutboxEvent.objects.all()[:1])
    TrailVerification.objects.create(started_by=users["auditor"])
    RefusalCounter.objects.create(id="a-digest", user=users["quality"], route="/audit-log")


def violation(name: str, kind: str, table: str, columns: list[str], definition: str) -> str:
    """Return a statement that breaks this constraint."""
    if kind in ("p", "u"):
        return f"INSERT INTO {table} SELECT * FROM {table} LIMIT 1"
    if kind == "f":
        return f'UPDATE {table} SET "{columns[0]}" = 999999999'
    if name in BREAK:
        return f"UPDATE {table} SET {BREAK[name]}"
    assert definition.endswith(">= 0))"), f"how is {name} broken? {definition}"
    return f'UPDATE {table} SET "{columns[0]}" = -1'


@pytest.mark.postgres
@pytest.mark.django_db
def test_each_constraint_that_is_really_violated_becomes_a_4xx(a_row_in_every_table):
    tables = [model._meta.db_table for app in OUR_APPS for model in apps.get_app_config(app).get_models()]
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT conname, contype, conrelid::regclass::text, "
            "ARRAY(SELECT attname::text FROM pg_attribute WHERE attrelid = conrelid AND attnum = ANY (conkey)), "
            "pg_get_constraintdef(oid) FROM pg_constraint "
            "WHERE conrelid::regclass::text = ANY (%s) AND contype IN ('c', 'u', 'p', 'f')",
            [tables],
        )
        constraints = [row for row in cursor.fetchall() if row[2] not in APPEND_ONLY]
    assert {name for name, kind, *_ in constraints if kind == "c"} >= set(BREAK)

    for name, kind, table, columns, definition in constraints:
        try:
            with transaction.atomic(), connection.cursor() as cursor:
                cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
                cursor.execute(violation(name, kind, table, columns, definition))
        except IntegrityError as error:
            answer = database_problem(error)
        else:
            pytest.fail(f"{name} was not violated")
        assert answer is not None and 400 <= answer.status_code < 500, name
        if name in BREAK:
            assert f'"code": "{name}"'.encode() in answer.content, name


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_a_line_that_began_while_nothing_could_be_written_is_not_kept_after_a_refusal(api, connection_stays_open):
    """A session keeps what the database said when it began. The API would refuse writes until its restart."""
    client = api("procurement")
    name = connection.ops.quote_name(connection.settings_dict["NAME"])
    with connection.cursor() as cursor:
        cursor.execute(f"ALTER DATABASE {name} SET default_transaction_read_only = on")
    connection.close()
    try:
        assert client.post("/suppliers", {"name": "Refused"}).status_code == 503
    finally:
        with connection.cursor() as cursor:
            cursor.execute("SET default_transaction_read_only = off")
            cursor.execute(f"ALTER DATABASE {name} RESET default_transaction_read_only")
            cursor.execute("SET default_transaction_read_only = on")

    assert client.post("/suppliers", {"name": "Refused again"}).status_code == 503
    assert client.post("/suppliers", {"name": "Stored"}).status_code == 201


def test_an_answer_that_fits_no_question_is_an_outage_and_no_defect():
    """A pooler sends one when it loses the server behind it: more results than there were statements."""
    error = InternalError("received 2 results from command 'BEGIN'")
    error.__cause__ = psycopg.InternalError("received 2 results from command 'BEGIN'")

    answer = database_problem(error)

    assert answer is not None and answer.status_code == 503
