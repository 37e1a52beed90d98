"""What the table of NCs holds true by itself, and the number that people quote."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from django.db import IntegrityError, transaction
from django.db.models import ProtectedError

from ncs.choices import NcStatus
from ncs.models import BY_WEIGHT, NonConformity
from ncs.services import close_nonconformity

pytestmark = pytest.mark.django_db


class TestNonConformityQuerySet:
    def test_open_leaves_out_what_is_closed(self, users, make_nc):
        still_open, closed = make_nc(), make_nc()
        close_nonconformity(nc_id=closed.pk, actor=users["quality"])

        assert list(NonConformity.objects.open()) == [still_open]

    def test_comes_newest_first(self, make_nc):
        first, second = make_nc(), make_nc()

        assert list(NonConformity.objects.all()) == [second, first]


class TestByWeight:
    def test_puts_high_above_medium_above_low(self, make_nc):
        medium, high, low = (make_nc(severity=severity) for severity in ("medium", "high", "low"))

        assert list(NonConformity.objects.order_by(BY_WEIGHT.desc())) == [high, medium, low]


class TestNonConformity:
    @pytest.mark.parametrize(
        ("values", "constraint"),
        [
            ({"severity": "fatal"}, "nc_severity_is_known"),
            ({"severity": "HIGH"}, "nc_severity_is_known"),
            ({"description": ""}, "nc_has_a_description"),
            ({"status": "CLOSED"}, "nc_closed_has_time_and_person"),
            ({"status": "DONE"}, "nc_closed_has_time_and_person"),
            ({"closed_at": datetime(2026, 11, 23, tzinfo=UTC)}, "nc_closed_has_time_and_person"),
        ],
    )
    def test_cannot_be_stored_against_its_rules_by_any_way(self, make_nc, values, constraint):
        make_nc()

        with pytest.raises(IntegrityError, match=constraint), transaction.atomic():
            NonConformity.objects.update(**values)

    @pytest.mark.parametrize("lost", ["closed_at", "closed_by"])
    def test_cannot_lose_who_closed_it_or_when(self, users, make_nc, lost):
        close_nonconformity(nc_id=make_nc().pk, actor=users["quality"])

        with pytest.raises(IntegrityError, match="nc_closed_has_time_and_person"), transaction.atomic():
            NonConformity.objects.update(**{lost: None})

    @pytest.mark.parametrize("owner", ["supplier", "reported_by"])
    def test_holds_on_to_its_supplier_and_to_who_reported_it(self, make_nc, owner):
        nc = make_nc()

        with pytest.raises(ProtectedError):
            getattr(nc, owner).delete()

    def test_is_quoted_by_the_year_of_its_recording_and_its_id(self):
        nc = NonConformity(pk=42, created_at=datetime(2026, 12, 31, 23, 59, tzinfo=UTC), status=NcStatus.OPEN)

        assert str(nc) == nc.number == "NC-2026-00042"

    def test_keeps_its_number_whole_when_there_are_many(self):
        nc = NonConformity(pk=1_234_567, created_at=datetime(2031, 1, 1, tzinfo=UTC))

        assert nc.number == "NC-2031-1234567"
