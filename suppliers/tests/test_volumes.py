"""What suppliers delivered: the service, the route, and the figure."""

from __future__ import annotations

import re
from datetime import date

import pytest
from django.test import Client

from audit.models import AuditEntry
from outbox.models import OutboxEvent
from outbox.testing import assert_published, assert_publishes_nothing
from qhse import clock
from qhse.api.filters import PLAUSIBLE_MONTH
from qhse.errors import RecordHasChanged
from qhse.tests.waiting import at_once
from suppliers.errors import SupplierIsMerged, SupplierNotFound, VolumeIsInvalid
from suppliers.events import SupplierVolumeSet
from suppliers.models import Supplier, SupplierVolume
from suppliers.ppm import ppm
from suppliers.services import set_volume
from suppliers.services.volumes import LOTS

MAY = date(2026, 5, 1)
FIGURES = {"received_qty": 12_000, "defective_qty": 9, "received_lots": 24, "rejected_lots": 1, "late_lots": 2}


@pytest.mark.parametrize(
    ("received", "defective", "expected"),
    [
        (499, 0, None),
        (0, 0, None),
        (500, 0, 0),
        (500, 1, 2000),
        (12_000, 9, 750),
        (3_000_000, 1, 0),
        (2_000_000, 1, 1),
        (1000, 1000, 1_000_000),
    ],
)
def test_ppm_is_rounded_half_up_and_of_too_few_pieces_there_is_none(received, defective, expected):
    assert ppm(received=received, defective=defective) == expected


@pytest.mark.django_db
class TestSetVolume:
    @pytest.fixture
    def supplier(self, make_supplier):
        return make_supplier()

    def test_stores_row_entry_and_event_together(self, supplier, users):
        volume = set_volume(supplier_id=supplier.pk, month=MAY, **FIGURES, source="api", actor=users["procurement"])

        assert SupplierVolume.objects.get() == volume
        assert (volume.version, volume.ppm, volume.source, vars(volume)["is_new"]) == (1, 750, "api", True)
        assert_published(SupplierVolumeSet, supplier_id=supplier.pk, month="2026-05", is_new=True, **FIGURES)
        entry = AuditEntry.objects.get(action="SUPPLIER_VOLUME_SET")
        assert (entry.entity_type, entry.entity_id, entry.actor) == ("supplier", str(supplier.pk), "procurement")
        assert entry.changes["volume_month"] == [None, "2026-05"]
        assert entry.changes["defective_qty"] == [None, 9]

    def test_the_same_figures_again_store_and_publish_nothing(self, supplier, users):
        set_volume(supplier_id=supplier.pk, month=MAY, **FIGURES, actor=users["procurement"])

        with assert_publishes_nothing():
            again = set_volume(supplier_id=supplier.pk, month=MAY, **FIGURES, source="b.csv", actor=users["admin"])

        assert (again.version, vars(again)["is_new"]) == (1, False)
        assert AuditEntry.objects.filter(action="SUPPLIER_VOLUME_SET").count() == 1

    def test_other_figures_tell_old_and_new(self, supplier, users):
        set_volume(supplier_id=supplier.pk, month=MAY, **FIGURES, actor=users["procurement"])

        changed = set_volume(
            supplier_id=supplier.pk, month=MAY, **FIGURES | {"defective_qty": 12}, reason="Recounted",
            actor=users["procurement"], expected_versions={1},
        )  # fmt: skip

        entry = AuditEntry.objects.filter(action="SUPPLIER_VOLUME_SET").latest("id")
        assert entry.changes == {"volume_month": ["2026-05", "2026-05"], "defective_qty": [9, 12]}
        assert (entry.reason, changed.version) == ("Recounted", 2)

    def test_lots_that_are_not_given_stay(self, supplier, users):
        set_volume(supplier_id=supplier.pk, month=MAY, **FIGURES, actor=users["procurement"])

        changed = set_volume(
            supplier_id=supplier.pk, month=MAY, received_qty=13_000, defective_qty=9, actor=users["procurement"]
        )

        assert (changed.received_lots, changed.late_lots) == (24, 2)

    @pytest.mark.parametrize(
        ("wrong", "field"),
        [
            ({"defective_qty": 12_001}, "defective_qty"),
            ({"rejected_lots": 25}, "rejected_lots"),
            ({"late_lots": 25}, "late_lots"),
            ({"received_qty": -1}, "received_qty"),
            ({"received_qty": 10**18}, "received_qty"),
            ({"month": date(2026, 5, 2)}, "month"),
            ({"month": date(1970, 5, 1)}, "month"),
        ],
    )
    def test_impossible_figures_are_refused(self, supplier, users, wrong, field):
        with pytest.raises(VolumeIsInvalid) as refusal:
            set_volume(**{"supplier_id": supplier.pk, "month": MAY, **FIGURES, "actor": users["admin"]} | wrong)

        assert refusal.value.field == field
        assert not SupplierVolume.objects.exists()

    def test_a_month_that_has_not_begun_is_refused_and_the_present_one_is_not(self, supplier, users):
        present = clock.today().replace(day=1)
        following = (present.replace(day=28) + (date(2026, 1, 5) - date(2026, 1, 1))).replace(day=1)

        set_volume(supplier_id=supplier.pk, month=present, **FIGURES, actor=users["admin"])
        with pytest.raises(VolumeIsInvalid):
            set_volume(supplier_id=supplier.pk, month=following, **FIGURES, actor=users["admin"])

    def test_an_unknown_supplier_and_a_merged_one_are_refused(self, supplier, make_supplier, users):
        other = make_supplier()
        Supplier.objects.filter(pk=supplier.pk).update(merged_into=other)

        with pytest.raises(SupplierIsMerged, match=str(other.pk)):
            set_volume(supplier_id=supplier.pk, month=MAY, **FIGURES, actor=users["admin"])
        with pytest.raises(SupplierNotFound):
            set_volume(supplier_id=10**9, month=MAY, **FIGURES, actor=users["admin"])

    def test_a_stale_version_is_refused_also_of_a_month_that_has_no_figures(self, supplier, users):
        with pytest.raises(RecordHasChanged):
            set_volume(supplier_id=supplier.pk, month=MAY, **FIGURES, actor=users["admin"], expected_versions={1})
        set_volume(supplier_id=supplier.pk, month=MAY, **FIGURES, actor=users["admin"])
        with pytest.raises(RecordHasChanged):
            set_volume(supplier_id=supplier.pk, month=MAY, **FIGURES, actor=users["admin"], expected_versions={2})


@pytest.mark.django_db
class TestRoute:
    @pytest.fixture
    def address(self, make_supplier):
        return f"/suppliers/{make_supplier().pk}/volumes"

    def test_the_first_put_is_201_and_the_next_is_200(self, api, address):
        first = api("procurement").put(f"{address}/2026-05", FIGURES)
        again = api("procurement").put(f"{address}/2026-05", FIGURES, headers={"If-Match": first["ETag"]})

        assert (first.status_code, first["ETag"], first.json()["ppm"]) == (201, '"1"', 750)
        assert (again.status_code, again["ETag"]) == (200, '"1"')
        assert set(first.json()) == {"supplier_id", "month", "ppm", "source", "updated_at", *FIGURES}

    def test_ppm_is_null_below_500_and_both_counts_are_there(self, api, address):
        body = api("admin").put(f"{address}/2026-05", {"received_qty": 499, "defective_qty": 3}).json()

        assert (body["ppm"], body["received_qty"], body["defective_qty"]) == (None, 499, 3)

    def test_lists_the_newest_month_first(self, api, address):
        for month in ("2026-03", "2026-05", "2026-04"):
            api("procurement").put(f"{address}/{month}", FIGURES)

        body = api("auditor").get(address).json()

        assert [each["month"] for each in body["results"]] == ["2026-05", "2026-04", "2026-03"]

    def test_a_stale_etag_is_412(self, api, address, problem_of):
        api("procurement").put(f"{address}/2026-05", FIGURES)
        response = api("procurement").put(f"{address}/2026-05", FIGURES | {"late_lots": 3}, headers={"If-Match": '"7"'})

        problem_of(response, 412)

    def test_any_version_is_expected_by_a_star_and_no_month_without_figures_has_one(self, api, address, problem_of):
        star = {"headers": {"If-Match": "*"}}

        problem = problem_of(api("procurement").put(f"{address}/2026-05", FIGURES, **star), 412)
        assert "The month has no figures" in problem["detail"]
        assert not SupplierVolume.objects.exists()

        api("procurement").put(f"{address}/2026-05", FIGURES)
        changed = api("procurement").put(f"{address}/2026-05", FIGURES | {"late_lots": 3}, **star)
        assert (changed.status_code, changed["ETag"]) == (200, '"2"')

    def test_a_repeated_key_answers_again_and_stores_once(self, api, address):
        answers = [
            api("procurement").put(f"{address}/2026-05", FIGURES, headers={"Idempotency-Key": "k-1"}) for _ in range(2)
        ]

        assert [each.status_code for each in answers] == [201, 201]
        assert OutboxEvent.objects.filter(event_type="SUPPLIER_VOLUME_SET").count() == 1

    @pytest.mark.parametrize("month", ["1980-01", "2026-05", "2199-12"])
    def test_a_month_that_the_document_allows_is_looked_for(self, api, address, month):
        assert re.match(PLAUSIBLE_MONTH["pattern"], month)
        assert api("procurement").get(f"{address}/{month}").status_code == 404

    @pytest.mark.parametrize("month", ["0000-01", "1979-12", "2200-01"])
    def test_the_document_forbids_a_month_that_nothing_was_delivered_in(self, month):
        assert not re.match(PLAUSIBLE_MONTH["pattern"], month)

    @pytest.mark.parametrize("month", ["2026-13", "2026-1", "26-05", "2026-05-01", "x"])
    def test_what_is_no_month_is_400(self, api, address, month, problem_of):
        document = problem_of(api("procurement").put(f"{address}/{month}", FIGURES), 400)

        assert document["errors"][0]["field"] == "month"

    def test_who_does_not_buy_is_refused(self, api, address, problem_of):
        problem_of(api("quality").put(f"{address}/2026-05", FIGURES), 403)
        assert api("quality").get(address).status_code == 200

    def test_unknown_ones_are_404(self, api, address, problem_of):
        assert problem_of(api("quality").get(f"{address}/2026-05"), 404)["code"] == "volume_not_found"
        problem_of(api("quality").get("/suppliers/999999/volumes"), 404)
        problem_of(api("admin").put("/suppliers/999999/volumes/2026-05", FIGURES), 404)


@pytest.mark.django_db
class TestAddForm:
    ADD = "/admin/suppliers/suppliervolume/add/"

    @pytest.fixture
    def buyer(self, client, users):
        client.force_login(users["procurement"])
        return client

    @pytest.fixture
    def month(self, make_supplier):
        return {"supplier": make_supplier().pk, "month": "2026-05", "received_qty": "900", "defective_qty": "0"}

    def test_adding_a_month_that_has_figures_leads_to_it_and_changes_nothing(self, buyer, month, users):
        there = set_volume(supplier_id=month["supplier"], month=MAY, **FIGURES, actor=users["admin"])

        with assert_publishes_nothing():
            response = buyer.post(self.ADD, month)

        (error,) = response.context["adminform"].form.errors["month"]
        assert "2026-05 has figures of this supplier already." in error
        assert f'href="/admin/suppliers/suppliervolume/{there.pk}/change/"' in error
        assert SupplierVolume.objects.values(*FIGURES, "version").get() == FIGURES | {"version": 1}

    def test_adding_the_same_figures_again_says_that_they_are_there(self, buyer, month):
        first, again = buyer.post(self.ADD, month), buyer.post(self.ADD, month)

        assert (first.status_code, list(again.context["adminform"].form.errors)) == (302, ["month"])

    def test_lots_begin_empty_and_nobody_needs_to_name_them(self, buyer, month):
        form = buyer.get(self.ADD).context["adminform"].form
        response = buyer.post(self.ADD, month | {"received_lots": "", "rejected_lots": "", "late_lots": ""})

        assert [form[name].value() for name in LOTS] == [None, None, None]
        assert response.status_code == 302
        assert SupplierVolume.objects.values_list(*LOTS).get() == (0, 0, 0)


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_of_two_who_add_a_month_at_once_one_is_told_that_it_has_figures(make_supplier, users):
    supplier, buyers = make_supplier(), [Client(), Client()]
    for each in buyers:
        each.force_login(users["procurement"])
    month = {"supplier": supplier.pk, "month": "2026-05", "defective_qty": "0"}

    answers = at_once(
        2, lambda n: buyers[n].post("/admin/suppliers/suppliervolume/add/", month | {"received_qty": f"{n + 1}000"})
    )

    assert sorted(each.status_code for each in answers) == [200, 302]
    (told,) = [each for each in answers if each.status_code == 200]
    assert "has figures of this supplier already" in told.context["adminform"].form.errors["month"][0]
    stored = SupplierVolume.objects.get()
    assert (stored.received_qty, stored.version) == (1000 if answers[0].status_code == 302 else 2000, 1)
    assert AuditEntry.objects.filter(action="SUPPLIER_VOLUME_SET").count() == 1


@pytest.mark.django_db
def test_the_worker_reassesses_the_supplier(make_supplier, users, drain):
    supplier = make_supplier()
    drain()
    before = Supplier.objects.get(pk=supplier.pk).risk_assessed_at
    set_volume(supplier_id=supplier.pk, month=MAY, **FIGURES, actor=users["procurement"])

    drain()

    assert Supplier.objects.get(pk=supplier.pk).risk_assessed_at > before
