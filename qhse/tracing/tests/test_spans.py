"""What is recorded, what is not, and what belongs to what."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from qhse import tracing
from qhse.tracing import spans
from qhse.tracing.spans import CHILDREN_AT_MOST, LINKS_AT_MOST, RecordedSpan, begins_a_trace, parse

TRACE, PARENT = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
RECORDED = f"00-{TRACE}-{PARENT}-01"
UNRECORDED = f"00-{TRACE}-{PARENT}-00"


def carrier(number: int = 1, *, flags: str = "01") -> dict[str, str]:
    return {"traceparent": f"00-{number:032x}-{number:016x}-{flags}"}


@pytest.fixture
def ended(monkeypatch: pytest.MonkeyPatch, settings) -> Iterator[list[RecordedSpan]]:
    """Record every request, and keep what has ended here."""
    kept: list[RecordedSpan] = []
    settings.OTEL_TRACES_SAMPLER_ARG = 1.0
    monkeypatch.setattr(tracing, "_exporter", object())
    monkeypatch.setattr(spans, "sink", kept.append)
    yield kept
    assert spans.current() is None


class TestTraceparent:
    def test_is_read_by_the_form_of_version_00(self):
        origin = parse(RECORDED)

        assert origin is not None
        assert (origin.trace_id.hex(), origin.span_id.hex(), origin.is_recorded) == (TRACE, PARENT, True)
        assert parse(UNRECORDED) == origin._replace(is_recorded=False)

    @pytest.mark.parametrize(
        "rubbish",
        [
            None, "", 7, {}, "00", f"01-{TRACE}-{PARENT}-01", f"00-{TRACE.upper()}-{PARENT}-01", f" {RECORDED}",
            f"{RECORDED}\n", f"{RECORDED}-more", f"00-{TRACE[1:]}-{PARENT}-01", f"00-{'0' * 32}-{PARENT}-01",
            f"00-{TRACE}-{'0' * 16}-01", f"00-{TRACE}-{PARENT}-0x", f"00-{'４' * 32}-{PARENT}-01",
        ],
    )  # fmt: skip
    def test_that_is_malformed_names_nothing(self, rubbish):
        assert parse(rubbish) is None

    def test_is_what_others_continue_by(self, ended):
        with tracing.request(RECORDED):
            carried = tracing.carrier()

        assert parse(carried["traceparent"]) == (bytes.fromhex(TRACE), ended[0].span_id, True)


class TestShare:
    def test_none_and_all(self):
        assert not begins_a_trace(bytes(16), 0.0)
        assert begins_a_trace(b"\xff" * 16, 1.0)

    def test_is_decided_by_the_id(self):
        early, late = bytes(8) + (2**62).to_bytes(8, "big"), bytes(8) + (3 * 2**62).to_bytes(8, "big")

        assert begins_a_trace(early, 0.5) and not begins_a_trace(late, 0.5)

    def test_of_nothing_records_no_request_but_those_that_the_caller_records(self, ended, settings):
        settings.OTEL_TRACES_SAMPLER_ARG = 0.0

        with tracing.request(None):
            assert tracing.carrier() == {}
        with tracing.request(RECORDED):
            assert tracing.trace_id() == TRACE

        assert len(ended) == 1

    def test_of_all_records_no_request_that_the_caller_does_not_record(self, ended):
        with tracing.request(UNRECORDED):
            assert tracing.carrier() == {}

        assert ended == []


class TestOff:
    def test_is_the_rule_and_does_nothing(self):
        assert not tracing.is_on()
        assert tracing.request(RECORDED) is tracing.NOTHING
        assert tracing.span("relay", carrier=carrier()) is tracing.NOTHING
        assert tracing.batch("relay") is tracing.NOTHING
        assert tracing.call("handle", []) is tracing.NOTHING
        assert (tracing.announce("publish"), tracing.carrier(), tracing.trace_id()) == ({}, {}, "")


class TestSpan:
    def test_is_part_of_what_runs(self, ended):
        with tracing.request(None) as outer, tracing.span("sign", **{"qhse.rows": 3}):
            pass

        sign, request = ended
        assert request is outer
        assert (sign.trace_id, sign.parent_id, sign.attributes) == (request.trace_id, request.span_id, {"qhse.rows": 3})

    def test_without_anything_around_it_is_not_recorded(self, ended):
        with tracing.span("sign"):
            pass

        assert ended == []

    def test_goes_on_with_the_trace_of_its_carrier(self, ended):
        with tracing.span("relay", carrier={"request_id": "req-7"} | carrier(5)):
            pass

        assert (ended[0].trace_id, ended[0].parent_id) == (bytes(15) + b"\5", bytes(7) + b"\5")

    @pytest.mark.parametrize("headers", [{}, carrier(flags="00"), {"traceparent": None}, {"traceparent": "rubbish"}])
    def test_whose_carrier_is_not_recorded_pauses_what_is_around_it(self, ended, headers):
        with tracing.request(None), tracing.span("relay", carrier=headers):
            assert tracing.carrier() == {}
            with tracing.span("inside"):
                pass

        assert [each.name for each in ended] == ["request"]

    def test_that_fails_names_the_class_of_the_error_and_not_its_message(self, ended):
        with pytest.raises(ValueError), tracing.request(None):
            raise ValueError("Anna Weiss")

        assert ended[0].failed == "ValueError"
        assert "Anna" not in repr([getattr(ended[0], name) for name in RecordedSpan.__slots__])

    def test_records_a_bounded_number_of_statements_and_says_how_many_are_missing(self, ended):
        with tracing.request(None) as span:
            assert isinstance(span, RecordedSpan)
            for _ in range(CHILDREN_AT_MOST + 7):
                span.keep_statement("SELECT", {}, span.began_at, "")

        assert len(ended) == CHILDREN_AT_MOST + 1
        assert ended[-1].attributes["qhse.statements_not_recorded"] == 7


class TestBatch:
    def test_links_to_what_is_recorded_in_it(self, ended):
        with tracing.batch("outbox batch") as batch:
            batch.join([carrier(1), carrier(2, flags="00"), {}, carrier(3)])

        assert [(trace[-1], span[-1]) for trace, span in ended[0].links] == [(1, 1), (3, 3)]
        assert ended[0].trace_id not in {trace for trace, _ in ended[0].links}

    def test_without_anything_that_is_recorded_is_not_recorded(self, ended):
        with tracing.batch("outbox batch") as batch:
            batch.join([{}, carrier(2, flags="00")])
            assert spans.current() is None

        assert ended == []

    def test_has_a_bounded_number_of_links(self, ended):
        with tracing.batch("outbox batch") as batch:
            batch.join(carrier(number) for number in range(1, LINKS_AT_MOST + 50))

        assert len(ended[0].links) == LINKS_AT_MOST

    def test_is_continued_by_nobody(self, ended):
        with tracing.batch("outbox batch") as batch:
            batch.join([carrier(1)])

            assert (tracing.carrier(), tracing.announce("publish")) == ({}, {})

    def test_is_linked_to_by_what_goes_on_with_one_trace_in_it(self, ended):
        with tracing.batch("outbox batch") as batch:
            batch.join([carrier(1)])
            with tracing.span("handle risk", carrier=carrier(1), is_linked=True, **{"qhse.attempts": 2}):
                published = tracing.announce("publish")

        announced, handled, whole = ended
        assert (handled.trace_id[-1], handled.parent_id[-1], handled.attributes) == (1, 1, {"qhse.attempts": 2})
        assert handled.links == [(whole.trace_id, whole.span_id)]
        assert (announced.trace_id, announced.parent_id) == (handled.trace_id, handled.span_id)
        assert published == announced.carrier()

    def test_holds_nothing_of_what_is_not_recorded(self, ended):
        with tracing.batch("outbox batch") as batch:
            batch.join([carrier(1)])
            with tracing.span("handle risk", carrier={}, is_linked=True):
                assert spans.current() is None
            with tracing.call("handle risk", []):
                assert spans.current() is None

        assert [each.name for each in ended] == ["outbox batch"]


class TestCall:
    def test_of_several_causes_has_a_span_in_the_trace_of_each(self, ended):
        causes = [tracing.Cause(carrier(n), f"req-{n}", {"n": n}) for n in (1, 2)] + [tracing.Cause({}, "req-3", {})]
        with tracing.batch("outbox batch") as batch:
            batch.join(cause.carrier for cause in causes)
            with tracing.call("handle risk", causes) as call:
                assert spans.current() is call

        shared, first, second, whole = ended
        assert (shared.trace_id, shared.parent_id) == (whole.trace_id, whole.span_id)
        assert [(each.trace_id[-1], each.attributes) for each in (first, second)] == [(1, {"n": 1}), (2, {"n": 2})]
        assert {link for each in (first, second) for link in each.links} == {(shared.trace_id, shared.span_id)}

    def test_of_several_causes_says_by_the_request_what_follows_from_which(self, ended):
        causes = [tracing.Cause(carrier(n), f"req-{n}", {}) for n in (1, 2)]
        with tracing.call("handle risk", causes):
            of_second = tracing.announce("publish", request_id="req-2")
            of_nobody = tracing.announce("publish", request_id="req-9")
            of_nothing = tracing.announce("publish", request_id="")

        origin = parse(of_second["traceparent"])
        assert origin is not None and origin.trace_id[-1] == 2
        assert (of_nobody, of_nothing) == ({}, {})

    def test_that_fails_fails_in_every_trace(self, ended):
        with pytest.raises(LookupError), tracing.call("handle", [tracing.Cause(carrier(n), "", {}) for n in (1, 2)]):
            raise LookupError

        assert [each.failed for each in ended] == ["LookupError"] * 3
