"""One name stands for one event class. An event is read back from what a newer or an older version stored."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

import pytest

from outbox.errors import MalformedPayload
from outbox.events import DomainEvent, event_types, register
from outbox.tests.gauges import GaugeCalibrated


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


@dataclass(frozen=True, kw_only=True)
class GaugeScrapped(GaugeCalibrated):
    event_type: ClassVar[str] = "TEST_GAUGE_SCRAPPED"

    reason: Literal["worn out", "lost"] | None = None


class TestFromPayload:
    def test_a_key_that_older_events_lack_gets_its_default(self):
        assert GaugeScrapped.from_payload({"gauge_id": 3}) == GaugeScrapped(gauge_id=3, reading=0, reason=None)

    def test_a_payload_with_keys_of_a_newer_version_is_read(self):
        event = GaugeCalibrated.from_payload({"gauge_id": 1, "reading": 2, "operator": "new in version 2"})

        assert event == GaugeCalibrated(gauge_id=1, reading=2)

    def test_a_choice_that_a_newer_version_added_is_read(self):
        event = GaugeScrapped.from_payload({"gauge_id": 1, "reason": "stolen"})

        assert (event.gauge_id, event.reason) == (1, "stolen")

    @pytest.mark.parametrize("payload", [{}, {"reading": 2}, {"reading": 2, "operator": "new in version 2"}])
    def test_a_payload_without_a_required_key_is_refused(self, payload):
        with pytest.raises(MalformedPayload, match="the payload of TEST_GAUGE_SCRAPPED has no gauge_id"):
            GaugeScrapped.from_payload(payload)

    @pytest.mark.parametrize("payload", [None, [], "gauge_id", 3])
    def test_a_payload_that_is_no_object_is_refused(self, payload):
        with pytest.raises(MalformedPayload, match="is not an object"):
            GaugeScrapped.from_payload(payload)
