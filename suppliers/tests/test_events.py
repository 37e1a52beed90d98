"""What stands in an event is what a reader outside finds, by names that stay."""

from __future__ import annotations

import pytest

from suppliers.events import SupplierCertificationUpdated, SupplierCreated, SupplierRiskChanged

EVENTS = [
    (SupplierCreated(supplier_id=17, name="Hansa Forge GmbH"), "SUPPLIER_CREATED"),
    (
        SupplierCertificationUpdated(supplier_id=17, certification_expiry="2029-06-30", previous=None),
        "SUPPLIER_CERT_UPDATED",
    ),
    (
        SupplierRiskChanged(
            supplier_id=17, old_level="low", new_level="high", score=50, reasons=[{"code": "floor"}], rule_version=1
        ),
        "SUPPLIER_RISK_CHANGED",
    ),
]


@pytest.mark.parametrize(("event", "name"), EVENTS)
class TestSupplierEvent:
    def test_has_the_name_on_the_wire_that_readers_outside_know(self, event, name):
        assert event.event_type == name

    def test_is_about_its_supplier_so_that_its_events_are_handled_in_order(self, event, name):
        assert (event.aggregate_type, event.aggregate_id) == ("supplier", "17")

    def test_is_the_same_event_after_it_was_stored(self, event, name):
        assert type(event).from_payload(event.payload()) == event

    def test_is_understood_with_keys_that_a_newer_publisher_adds(self, event, name):
        assert type(event).from_payload(event.payload() | {"plant": "Kiel"}) == event
