"""One name, one event class; one name, one handler: what else is wrong with them, the checks report."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import pytest

from outbox.events import DomainEvent, event_types, register
from outbox.registry import all_handlers, handlers_of, handles, handles_batch
from outbox.tests.gauges import GaugeCalibrated


def handle(delivery):
    pass


def handle_otherwise(delivery):
    pass


def event_class(name: str = "GaugeDropped", module: str = "gauges.events", event_type: str = "TEST_GAUGE_DROPPED"):
    return type(name, (DomainEvent,), {"__module__": module, "event_type": event_type})


class TestRegister:
    def test_gives_the_class_back_and_makes_it_known_by_its_name(self):
        cls = event_class()

        assert register(cls) is cls
        assert event_types["TEST_GAUGE_DROPPED"] is cls

    @pytest.mark.parametrize(
        "other", [{"name": "GaugeFell"}, {"module": "tools.events"}, {"name": "GaugeFell", "module": "tools.events"}]
    )
    def test_refuses_another_class_under_the_same_name_and_names_both(self, other):
        first = register(event_class())
        second = event_class(**other)

        with pytest.raises(ValueError, match="TEST_GAUGE_DROPPED is published by both") as refusal:
            register(second)

        assert event_types["TEST_GAUGE_DROPPED"] is first
        for cls in (first, second):
            assert f"{cls.__module__}.{cls.__qualname__}" in str(refusal.value)

    def test_takes_the_newer_one_when_a_module_is_loaded_again(self):
        register(event_class())
        again = event_class()

        register(again)

        assert event_types["TEST_GAUGE_DROPPED"] is again

    def test_keeps_classes_without_a_name_apart_and_away_from_every_stored_event(self):
        nameless = [register(event_class(name, event_type="")) for name in ("One", "Two")]

        assert [event_types["gauges.events.One"], event_types["gauges.events.Two"]] == nameless
        assert "" not in event_types


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


class TestFromPayload:
    def test_a_key_that_older_events_lack_gets_its_default(self):
        @dataclass(frozen=True, kw_only=True)
        class GaugeScrapped(GaugeCalibrated):
            event_type: ClassVar[str] = "TEST_GAUGE_SCRAPPED"
            reason: str | None = None

        assert GaugeScrapped.from_payload({"gauge_id": 3}) == GaugeScrapped(gauge_id=3, reading=0, reason=None)
