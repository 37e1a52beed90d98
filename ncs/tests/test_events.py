"""What stands in an event is what a reader outside finds, by names that stay."""

from __future__ import annotations

import pytest

from ncs.events import NonConformityClosed, NonConformityOpened


@pytest.mark.parametrize(
    ("event_class", "name"), [(NonConformityOpened, "NC_CREATED"), (NonConformityClosed, "NC_CLOSED")]
)
class TestNonConformityEvent:
    def test_has_the_name_on_the_wire_that_readers_outside_know(self, event_class, name):
        assert event_class.event_type == name

    def test_is_about_its_nc_so_that_the_opening_is_handled_before_the_closing(self, event_class, name):
        event = event_class(nc_id=41, supplier_id=17, severity="high")

        assert (event.aggregate_type, event.aggregate_id) == ("nonconformity", "41")

    def test_is_the_same_event_after_it_was_stored(self, event_class, name):
        event = event_class(nc_id=41, supplier_id=17, severity="high")

        assert event_class.from_payload(event.payload()) == event
