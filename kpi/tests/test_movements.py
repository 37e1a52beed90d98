"""Whatever changes a row is noted as a movement, and movements stay as they are."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django.db import DatabaseError, connection, transaction

from kpi.models import (
    MOVEMENTS,
    ActionMovement,
    CaseMovement,
    CertificateMovement,
    FiguresBegin,
    SupplierMovement,
    VolumeMovement,
)
from kpi.movements import triggers
from kpi.movements.backfill import backfill, begin
from kpi.movements.states import dialect_of, supplier_state
from kpi.quality import quality_figures
from ncs.models import NonConformity
from ncs.services import close_nonconformity, complete_action, contain_nonconformity, open_action, start_action
from suppliers.models import Certificate, Supplier, SupplierVolume
from suppliers.services.coverage import recount

pytestmark = pytest.mark.django_db
NOON = datetime(2026, 3, 20, 12, tzinfo=UTC)


def moved(model, *names):
    return list(model.objects.order_by("id").values_list("n", *names))


class TestCases:
    def test_a_new_one_is_one_movement(self, make_nc):
        nc = make_nc(severity="high", category="material")

        assert moved(CaseMovement, "nc_id", "severity", "category", "closed_on") == [(1, nc.pk, 3, "material", None)]

    def test_another_description_is_none(self, users, make_nc):
        nc = make_nc()
        NonConformity.objects.filter(pk=nc.pk).update(description="as it was", version=9)

        assert CaseMovement.objects.count() == 1

    def test_hands_in_sql_are_noted_too(self, make_nc):
        nc = make_nc(severity="low")
        with connection.cursor() as cursor:
            cursor.execute("UPDATE ncs_nonconformity SET severity = 'high' WHERE id = %s", [nc.pk])

        assert moved(CaseMovement, "severity") == [(1, 1), (-1, 1), (1, 3)]

    def test_hours_to_containment_are_those_begun(self, users, make_nc, move_clock):
        move_clock(NOON)
        nc = make_nc()
        move_clock(NOON + timedelta(hours=24, seconds=1))
        contain_nonconformity(nc_id=nc.pk, containment="Blocked", actor=users["quality"])

        assert moved(CaseMovement, "contained_hours")[-1] == (1, 25)

    def test_actions_go_with_their_case_to_another_supplier(self, users, make_nc, make_supplier):
        nc, other = make_nc(), make_supplier()
        open_action(nc_id=nc.pk, kind="corrective", title="Count", actor=users["quality"])
        NonConformity.objects.filter(pk=nc.pk).update(supplier_id=other.pk)

        assert moved(ActionMovement, "supplier_id") == [(1, nc.supplier_id), (-1, nc.supplier_id), (1, other.pk)]


class TestSuppliers:
    def test_counts_of_cases_are_no_movement(self, make_nc):
        make_nc()

        assert SupplierMovement.objects.count() == 1

    def test_one_that_was_merged_counts_no_more(self, make_supplier):
        gone, kept = make_supplier(), make_supplier()
        Supplier.objects.filter(pk=gone.pk).update(merged_into=kept)

        assert moved(SupplierMovement, "supplier_id") == [(1, gone.pk), (1, kept.pk), (-1, gone.pk)]

    @pytest.mark.parametrize(("verified", "until"), [(("iso_9001", "iso_14001"), 40), (("iso_9001",), None)])
    def test_all_is_proven_through_the_day_on_which_the_first_ends(self, users, make_supplier, verified, until):
        supplier = make_supplier()
        today = NOON.date()
        Supplier.objects.filter(pk=supplier.pk).update(
            status="approved", status_reason="x", status_at=NOON, status_by=users["admin"],
            required_standards=["iso_14001", "iso_9001"],
        )  # fmt: skip
        for number, (standard, days) in enumerate((("iso_9001", 10), ("iso_9001", 90), ("iso_14001", 40))):
            proof = {
                "status": "verified",
                "verified_at": NOON,
                "verified_by": users["quality"],
                "verify_method": "register",
            }
            Certificate.objects.create(
                supplier=supplier, standard=standard, number=str(number), issuer="TÜV", submitted_by=users["admin"],
                valid_from=today - timedelta(days=5), valid_to=today + timedelta(days=days),
                **(proof if standard in verified else {}),
            )  # fmt: skip

        recount(Supplier.objects.get())
        last = SupplierMovement.objects.order_by("id").last()
        assert (last.n, last.must_prove) == (1, True)
        assert last.proven_until == (until and today + timedelta(days=until))


class TestVolumes:
    def test_a_correction_takes_back_what_stood_there(self, make_supplier):
        volume = SupplierVolume.objects.create(
            supplier=make_supplier(), month=NOON.date().replace(day=1), received_qty=900, defective_qty=3
        )
        SupplierVolume.objects.filter(pk=volume.pk).update(received_qty=1000)
        volume.delete()

        assert moved(VolumeMovement, "received", "defective") == [
            (1, 900, 3), (-1, -900, -3), (1, 1000, 3), (-1, -1000, -3),
        ]  # fmt: skip


class TestAppendOnly:
    @pytest.mark.parametrize("model", MOVEMENTS, ids=lambda model: model.__name__)
    @pytest.mark.parametrize("write", ["UPDATE {} SET n = 0", "DELETE FROM {}"])
    def test_the_database_refuses_to_change_a_movement(self, users, make_nc, model, write):
        nc = make_nc()
        open_action(nc_id=nc.pk, kind="corrective", title="Count", actor=users["quality"])
        day = NOON.date()
        Certificate.objects.create(
            supplier_id=nc.supplier_id, standard="iso_9001", number="1", issuer="TÜV", submitted_by=users["admin"],
            valid_from=day, valid_to=day + timedelta(days=9),
        )  # fmt: skip
        SupplierVolume.objects.create(
            supplier_id=nc.supplier_id, month=day.replace(day=1), received_qty=9, defective_qty=0
        )
        before = moved(model)
        assert before

        with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(write.format(model._meta.db_table))

        assert moved(model) == before

    def test_every_table_of_movements_is_guarded(self):
        assert {model._meta.db_table for model in MOVEMENTS} == set(triggers.MOVEMENTS)


class TestRowsFromBefore:
    def test_have_movements_that_give_the_same_figures_of_today(self, users, make_nc, make_supplier, move_clock):
        """As the migration makes them: what the triggers noted is forgotten first."""
        move_clock(NOON - timedelta(days=50))
        closed, open_, void = make_nc(severity="low"), make_nc(severity="high", category="surface"), make_nc()
        NonConformity.objects.filter(pk=void.pk).update(closure_code="unfounded")
        move_clock(NOON - timedelta(days=40))
        action = open_action(nc_id=open_.pk, kind="corrective", title="Count", actor=users["quality"])
        start_action(action_id=action.pk, actor=users["quality"])
        complete_action(action_id=action.pk, note="Done", actor=users["quality"])
        contain_nonconformity(nc_id=closed.pk, containment="Blocked", actor=users["quality"])
        move_clock(NOON - timedelta(days=30))
        close_nonconformity(nc_id=closed.pk, actor=users["quality"])
        move_clock(NOON)
        noted, then = quality_figures(), quality_figures(as_of=NOON.date() - timedelta(days=35))

        dialect = dialect_of(connection.vendor)
        with connection.cursor() as cursor:
            for statement in _forget():
                cursor.execute(statement)
            for statement in (*backfill(dialect, supplier_state()), begin(dialect)):
                cursor.execute(statement)

        again = quality_figures()
        assert again.exact_since == FiguresBegin.objects.get().day == NOON.date()
        for name in ("open", "time_to_close", "overdue", "containment", "actions", "by_month", "suppliers"):
            assert getattr(again, name) == getattr(noted, name), name
        assert quality_figures(as_of=NOON.date() - timedelta(days=35)).open == then.open


def _forget():
    if connection.vendor == "postgresql":
        yield f"TRUNCATE {', '.join(triggers.MOVEMENTS)}"
        return
    for table in triggers.MOVEMENTS:
        yield f"DROP TRIGGER {table}_refuse_delete"
        yield f"DELETE FROM {table}"


def test_certificates_count_while_they_speak_for_their_supplier(users, make_supplier):
    day = NOON.date()
    certificate = Certificate.objects.create(
        supplier=make_supplier(), standard="iso_9001", number="1", issuer="TÜV", submitted_by=users["admin"],
        valid_from=day, valid_to=day + timedelta(days=9),
    )  # fmt: skip
    Certificate.objects.filter(pk=certificate.pk).update(
        status="rejected", decided_at=NOON, decided_by=users["quality"], status_reason="x"
    )

    assert moved(CertificateMovement, "is_verified") == [(1, False), (-1, False)]
