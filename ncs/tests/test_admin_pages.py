"""The page of an NC, in words that quality reads at a glance, and its search."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from django.contrib import admin
from django.test import RequestFactory
from django.utils import timezone

from ncs.choices import NcStatus
from ncs.models import NonConformity
from ncs.services import close_nonconformity
from suppliers.choices import Severity


@pytest.fixture
def page():
    return admin.site.get_model_admin(NonConformity)


@pytest.mark.django_db
class TestAge:
    """Outside of a request PostgreSQL's clock is asked what time it is."""

    @pytest.mark.parametrize(
        ("hours", "says"), [(0, "new"), (23, "new"), (24, "1 day"), (47, "1 day"), (24 * 400, "400 days")]
    )
    def test_counts_whole_days_since_it_was_recorded(self, page, hours, says):
        nc = NonConformity(created_at=timezone.now() - timedelta(hours=hours, minutes=1))

        assert page.age(nc) == says

    @pytest.mark.parametrize(
        ("hours", "says"), [(5, "closed within a day"), (24, "closed after 1 day"), (72, "closed after 3 days")]
    )
    def test_of_a_closed_one_is_how_long_it_took(self, page, hours, says):
        created = datetime.fromisoformat("2026-11-02T08:00:00Z")

        assert page.age(NonConformity(created_at=created, closed_at=created + timedelta(hours=hours))) == says

    def test_of_one_that_the_database_recorded_by_a_clock_ahead_of_ours_is_new(self, page):
        nc = NonConformity(created_at=timezone.now() + timedelta(seconds=30))

        assert page.age(nc) == "new"


class TestNonConformityAdmin:
    @pytest.mark.parametrize("severity", Severity)
    def test_has_a_colour_for_every_severity(self, page, severity):
        assert severity.label in page.severity_badge(NonConformity(severity=severity))

    @pytest.mark.parametrize(
        ("values", "shown"),
        [
            ({}, '<span class="badge badge-warn">Reported</span>'),
            ({"containment": "Lot blocked"}, '<span class="badge badge-warn">Contained</span>'),
            ({"actions_effective": 1}, '<span class="badge badge-good">Actions verified</span>'),
            ({"status": NcStatus.CLOSED}, '<span class="badge badge-good">Closed</span>'),
            ({"status": NcStatus.CLOSED, "closure_code": "unfounded"},
             '<span class="badge badge-mute">Recorded by mistake</span>'),
        ],
    )  # fmt: skip
    def test_shows_how_far_it_has_come(self, page, values, shown):
        assert page.phase_badge(NonConformity(**values)) == shown

    def test_shortens_a_long_description_in_the_list_and_keeps_it_whole_on_the_page(self, page):
        nc = NonConformity(description="Lot 4711: " + "burrs on a non-functional edge, " * 10)

        assert len(page.summary(nc)) == 90
        assert nc.description in page.full_description(nc)

    def test_calls_a_closed_one_finished(self, page):
        assert page.finished(NonConformity(status=NcStatus.CLOSED)) == "has been closed already"
        assert page.finished(NonConformity(status=NcStatus.OPEN)) == ""

    @pytest.mark.django_db
    def test_says_who_reported_and_who_closed_it_and_when(self, users, make_nc, page):
        nc = make_nc()
        assert page.closed(nc) == "–"

        closed = close_nonconformity(nc_id=nc.pk, actor=users["admin"], reason="Lot sorted")

        assert page.reported(closed) == f"{closed.created_at:%Y-%m-%d %H:%M} UTC by quality"
        assert page.closed(closed) == f"{closed.closed_at:%Y-%m-%d %H:%M} UTC by admin: corrected"
        assert "Lot sorted" in page.closing_reason(closed)


@pytest.mark.django_db
class TestSearch:
    @pytest.fixture
    def found(self, page, users):
        """Return the NCs that a term finds."""
        request = RequestFactory().get("/admin/ncs/nonconformity/")
        request.user = users["quality"]
        return lambda term: set(page.get_search_results(request, NonConformity.objects.all(), term)[0])

    def test_finds_a_number_in_any_form_people_write_it(self, make_nc, found):
        nc, other = make_nc(), make_nc()

        for term in (nc.number, nc.number.lower(), f" {nc.number} ", f"nc-2019-{nc.pk}", f"{nc.pk:05d}"):
            assert found(term) == {nc}, term
        assert other not in found(nc.number)

    def test_finds_a_plain_number_in_the_texts_as_well(self, make_nc, found):
        by_id = make_nc(description="Bent pins")
        by_text = make_nc(description=f"Delivery {by_id.pk}: wet boxes")

        assert found(str(by_id.pk)) >= {by_id, by_text}

    def test_finds_a_supplier_in_any_case_and_unicode_form(self, make_supplier, make_nc, found):
        nc = make_nc(supplier_id=make_supplier(name="Käfer Guß GmbH").pk)

        for term in ("käfer", "KÄFER GUSS", "Ka\u0308fer"):
            assert found(term) == {nc}, term

    @pytest.mark.parametrize("term", ["NC-2026-", "NC-26-1", "9" * 19, "NC-2026-٤٢"])
    def test_finds_nothing_for_what_is_no_number(self, make_nc, found, term):
        make_nc()

        assert found(term) == set()
