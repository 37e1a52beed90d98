"""A case repeats earlier ones of its supplier with the same part or category."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db.models import F

from ncs.events import NonConformityRepeated
from ncs.models import NonConformity
from ncs.repeats import MOST_REPEATS, repeats_of
from ncs.services import close_nonconformity, void_nonconformity
from outbox.testing import assert_published

pytestmark = pytest.mark.django_db


@pytest.fixture
def supplier(make_supplier):
    return make_supplier()


@pytest.fixture
def make(make_nc, supplier):
    return lambda **values: make_nc(supplier_id=supplier.pk, **values)


class TestRepeatsOf:
    def test_are_those_of_the_same_part_or_category_newest_first(self, make, make_nc, supplier):
        part, category = make(part_no="4711-B"), make(category="surface")
        both = make(part_no="4711-B", category="surface")
        make(part_no="4712"), make(category="material"), make()
        make_nc(part_no="4711-B", category="surface")

        found = repeats_of(supplier_id=supplier.pk, part_no="4711-B", category="surface")

        assert found == ([both.pk, category.pk, part.pk], "part, category")
        assert repeats_of(supplier_id=supplier.pk, part_no="4711-B") == ([both.pk, part.pk], "part")
        assert repeats_of(supplier_id=supplier.pk, category="surface") == ([both.pk, category.pk], "category")

    def test_of_a_case_that_names_neither_are_none(self, make, supplier):
        make()

        assert repeats_of(supplier_id=supplier.pk) == ([], "")

    def test_are_closed_ones_too_but_none_that_was_a_mistake(self, users, make, supplier):
        closed, mistaken = make(part_no="4711-B"), make(part_no="4711-B")
        close_nonconformity(nc_id=closed.pk, actor=users["quality"])
        void_nonconformity(nc_id=mistaken.pk, actor=users["quality"], reason="Wrong gauge")

        assert repeats_of(supplier_id=supplier.pk, part_no="4711-B").ids == [closed.pk]

    @pytest.mark.parametrize(("days", "found"), [(364, 1), (366, 0)])
    def test_lie_within_the_window(self, make, supplier, days, found):
        make(part_no="4711-B")
        NonConformity.objects.update(created_at=F("created_at") - timedelta(days=days))

        assert len(repeats_of(supplier_id=supplier.pk, part_no="4711-B").ids) == found

    def test_are_ten_at_most(self, make, supplier):
        for _ in range(MOST_REPEATS + 1):
            make(part_no="4711-B")

        assert len(repeats_of(supplier_id=supplier.pk, part_no="4711-B").ids) == MOST_REPEATS


class TestANewCase:
    def test_is_linked_to_the_newest_that_it_repeats_and_says_so(self, make):
        first, second = make(category="surface"), make(category="surface")
        third = make(category="surface")

        assert (first.repeat_of_id, second.repeat_of_id, third.repeat_of_id) == (None, first.pk, second.pk)
        assert third.similar == [second.pk, first.pk]
        assert_published(NonConformityRepeated, nc_id=third.pk, matches=[second.pk, first.pk], rule="category")

    def test_tells_a_program_what_it_repeats(self, api, make, supplier):
        first = make(part_no="4711-B")

        answer = api("quality").post("/ncs", {
            "supplier_id": supplier.pk, "severity": "low", "description": "Again", "part_no": "4711-B",
        })  # fmt: skip

        assert (answer.json()["similar"], answer.json()["repeat_of"]) == ([first.pk], first.pk)

    def test_is_stored_by_a_page_only_after_the_person_has_seen_what_it_repeats(self, client, users, make, supplier):
        first = make(part_no="4711-B")
        client.force_login(users["quality"])
        form = {"supplier": supplier.pk, "severity": "low", "description": "Again", "part_no": "4711-B"}

        shown = client.post("/admin/ncs/nonconformity/add/", form)
        assert NonConformity.objects.count() == 1
        assert first.number in shown.content.decode()
        seen = shown.context["adminform"].form["repeats_seen"].value()
        client.post("/admin/ncs/nonconformity/add/", form | {"repeats_seen": seen})

        assert NonConformity.objects.latest("id").repeat_of == first
