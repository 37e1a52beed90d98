"""The forms end in the service. Its refusal stands beside the field it is about."""

from __future__ import annotations

import pytest

from audit.models import AuditEntry
from ncs.admin.forms import NonConformityAddForm, NonConformityCloseForm
from ncs.choices import NcStatus
from ncs.events import NonConformityClosed, NonConformityOpened
from ncs.models import NonConformity
from outbox.testing import assert_published, assert_publishes_nothing

pytestmark = pytest.mark.django_db

BORE = "Lot 4711: bore diameter 12.08 mm, tolerance 12.00 ± 0.02 mm"


@pytest.fixture
def filled_in(users):
    """Return a form that somebody in quality sends in, as the admin page makes it."""

    def fill_in(form_class, values, **arguments):
        form_class = type(form_class.__name__, (form_class,), {"actor": users["quality"]})
        return form_class(values, **arguments)

    return fill_in


class TestNonConformityAddForm:
    def test_opens_it_by_the_service(self, make_supplier, filled_in):
        supplier = make_supplier()

        form = filled_in(NonConformityAddForm, {"supplier": supplier.pk, "severity": "high", "description": BORE})

        assert form.is_valid()
        nc = form.save()
        assert (nc.supplier, nc.severity, nc.description, nc.status) == (supplier, "high", BORE, NcStatus.OPEN)
        assert (nc.reported_by.username, nc.supplier.pk) == ("quality", supplier.pk)
        assert_published(NonConformityOpened, nc_id=nc.pk)

    @pytest.mark.parametrize(
        ("values", "field"),
        [
            ({"supplier": 4711}, "supplier"),
            ({"supplier": ""}, "supplier"),
            ({"severity": "fatal"}, "severity"),
            ({"description": " \n "}, "description"),
            ({"description": "x" * 5001}, "description"),
        ],
    )
    def test_shows_what_is_wrong_beside_its_field_and_stores_nothing(self, make_supplier, filled_in, values, field):
        correct = {"supplier": make_supplier().pk, "severity": "low", "description": BORE}

        with assert_publishes_nothing():
            form = filled_in(NonConformityAddForm, correct | values)
            assert list(form.errors) == [field]

        assert not NonConformity.objects.exists()

    def test_lets_nobody_choose_status_or_reporter(self, users, make_supplier, filled_in):
        forged = {"status": "CLOSED", "reported_by": users["admin"].pk, "closure_reason": "Never mind"}

        form = filled_in(
            NonConformityAddForm,
            {"supplier": make_supplier().pk, "severity": "low", "description": BORE} | forged,
        )

        assert form.is_valid()
        stored = NonConformity.objects.get()
        assert (stored.status, stored.reported_by.username, stored.closure_reason) == ("OPEN", "quality", "")


@pytest.fixture
def without_gate(settings):
    settings.NC_CLOSE_GATE = {"api": "record", "admin": "record"}


@pytest.mark.usefixtures("without_gate")
class TestNonConformityCloseForm:
    def test_closes_it_with_its_reason(self, make_nc, filled_in):
        nc = make_nc()

        form = filled_in(NonConformityCloseForm, {"reason": " Lot sorted, 8D report accepted "}, instance=nc)

        assert form.is_valid()
        assert form.save().status == NcStatus.CLOSED
        assert AuditEntry.objects.get(action="NC_CLOSED").reason == "Lot sorted, 8D report accepted"
        assert_published(NonConformityClosed, nc_id=nc.pk)

    @pytest.mark.parametrize("reason", ["", "  \n ", "x" * 2001], ids=["empty", "white space", "2001 characters"])
    def test_demands_a_reason_that_can_be_kept(self, make_nc, filled_in, reason):
        nc = make_nc()

        with assert_publishes_nothing():
            assert list(filled_in(NonConformityCloseForm, {"reason": reason}, instance=nc).errors) == ["reason"]

        assert NonConformity.objects.get().status == NcStatus.OPEN

    def test_changes_nothing_of_what_was_found(self, make_nc, filled_in):
        nc = make_nc(severity="high", description=BORE)
        forged = {"severity": "low", "description": "Nothing was wrong"}

        assert filled_in(NonConformityCloseForm, {"reason": "Lot sorted"} | forged, instance=nc).is_valid()

        stored = NonConformity.objects.get()
        assert (stored.severity, stored.description) == ("high", BORE)
