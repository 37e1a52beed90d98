"""One name, one handler. What else is wrong with a handler, the checks report."""

from __future__ import annotations

import pytest

from outbox.events import DomainEvent, register
from outbox.registry import all_handlers, handlers_of, handles, handles_batch
from outbox.tests.gauges import GaugeCalibrated


def handle(delivery):
    pass


def handle_otherwise(delivery):
    pass


def event_class(name: str = "GaugeDropped", module: str = "gauges.events", event_type: str = "TEST_GAUGE_DROPPED"):
    return type(name, (DomainEvent,), {"__module__": module, "event_type": event_type})


class TestHandles:
    def test_subscribes_to_each_class_in_the_order_of_registration(self):
        other = register(event_class())
        handles(GaugeCalibrated, other, name="gauges.note_reading")(handle)
        handles_batch(GaugeCalibrated, name="gauges.plot_readings")(handle_otherwise)

        assert [handler.name for handler in handlers_of("TEST_GAUGE_CALIBRATED")] == [
            "gauges.note_reading",
            "gauges.plot_readings",
        ]
        assert [handler.in_batches for handler in handlers_of("TEST_GAUGE_CALIBRATED")] == [False, True]
        (note_reading,) = handlers_of("TEST_GAUGE_DROPPED")
        assert note_reading.event_classes == (GaugeCalibrated, other)

    def test_gives_the_function_back(self):
        assert handles(GaugeCalibrated, name="gauges.note_reading")(handle) is handle

    def test_one_handler_may_be_subscribed_in_several_places(self):
        other = register(event_class())
        handles(GaugeCalibrated, name="gauges.note_reading")(handle)

        handles(other, name="gauges.note_reading")(handle)

        subscriptions = [handler for handler in all_handlers() if handler.name == "gauges.note_reading"]
        assert [handler.event_classes for handler in subscriptions] == [(GaugeCalibrated,), (other,)]

    def test_refuses_two_functions_under_one_name_and_names_both(self):
        handles(GaugeCalibrated, name="gauges.note_reading")(handle)

        with pytest.raises(ValueError, match=r"gauges\.note_reading: .*\.handle and .*\.handle_otherwise"):
            handles(register(event_class()), name="gauges.note_reading")(handle_otherwise)

        assert not handlers_of("TEST_GAUGE_DROPPED")

    def test_refuses_the_same_subscription_twice(self):
        handles(GaugeCalibrated, name="gauges.note_reading")(handle)

        with pytest.raises(ValueError, match="registered twice for TEST_GAUGE_CALIBRATED"):
            handles(GaugeCalibrated, name="gauges.note_reading")(handle)

    def test_refuses_a_handler_of_nothing(self):
        with pytest.raises(ValueError, match="subscribes to no event class"):
            handles(name="gauges.note_reading")(handle)
