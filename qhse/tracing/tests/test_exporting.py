"""Spans reach a collector, and one that is away costs nobody anything but the spans."""

from __future__ import annotations

import itertools
import logging
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import partial

import pytest

from dev.processes import ROOT, kept_variables
from dev.stack import free_port
from dev.waiting import wait_until
from qhse.tracing import exporting, otlp
from qhse.tracing.exporting import DROPPED, Exporter
from qhse.tracing.spans import Kind, RecordedSpan
from qhse.tracing.tests.collector import Collector

ENOUGH = 30.0  # seconds, for what should come at once


def span(name: str = "GET suppliers", **attributes: str | int) -> RecordedSpan:
    return RecordedSpan(name, Kind.SERVER, b"t" * 16, b"", dict(attributes))


def dropped() -> float:
    return DROPPED._value.get()


@contextmanager
def exporter(url: str, **headers: str) -> Iterator[Exporter]:
    made = Exporter(url, headers, partial(otlp.encode, service="qhse-test"))
    try:
        yield made
    finally:
        made.stop(ENOUGH)


@pytest.fixture(autouse=True)
def often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exporting, "EVERY_SECONDS", 0.01)


@pytest.fixture
def silent() -> Iterator[str]:
    """The address of something that accepts and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"http://127.0.0.1:{server.getsockname()[1]}"


@contextmanager
def trickling(first: bytes, then: bytes = b"x") -> Iterator[tuple[str, list[socket.socket]]]:
    """Something that begins an answer, and goes on byte by byte; without `then` it hangs up."""
    over, lines = threading.Event(), []

    def trickle(line: socket.socket) -> None:
        with line, suppress(OSError):
            line.recv(65_536)
            line.sendall(first)
            for each in itertools.cycle(then):
                line.sendall(bytes([each]))
                if over.wait(0.01):
                    return
            line.shutdown(socket.SHUT_WR)
            while line.recv(65_536):  # closed with something unread, it would be reset
                pass

    def accept() -> None:
        with suppress(OSError):
            while True:
                lines.append(server.accept()[0])
                threading.Thread(target=trickle, args=(lines[-1],), daemon=True).start()

    with socket.create_server(("127.0.0.1", 0)) as server:
        threading.Thread(target=accept, daemon=True).start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}", lines
        over.set()
        server.shutdown(socket.SHUT_RDWR)


class TestSending:
    def test_brings_what_a_span_says(self):
        sent = span(**{"http.route": "suppliers", "http.response.status_code": 503})
        sent.links.append((b"l" * 16, b"l" * 8))
        sent.failed = "503"
        with Collector() as collector:
            with exporter(f"{collector.url}/", Authorization="Bearer 4711") as way:
                way.keep(sent)
                sent.finish()

            ((path, headers, _),) = collector.requests
            (seen,) = collector.spans

        assert (path, headers["Content-Type"]) == ("/v1/traces", "application/x-protobuf")
        assert headers["Authorization"] == "Bearer 4711"
        assert (seen.name, seen.service, seen.kind, seen.has_failed) == ("GET suppliers", "qhse-test", 2, True)
        assert (seen.place, seen.parent, seen.links) == ((sent.trace_id, sent.span_id), b"", ((b"l" * 16, b"l" * 8),))
        assert seen.attributes == {"http.route": "suppliers", "http.response.status_code": 503, "error.type": "503"}
        assert seen.nanoseconds == sent.ended_at - sent.began_at >= 0

    def test_takes_all_that_waits_in_pieces(self, monkeypatch):
        monkeypatch.setattr(exporting, "SENT_AT_ONCE", 3)
        with Collector() as collector:
            with exporter(collector.url) as way:
                for number in range(10):
                    way.keep(span(f"span {number}"))

            assert [seen.name for seen in collector.spans] == [f"span {number}" for number in range(10)]
            assert len(collector.requests) > 3

    def test_begins_anew_in_a_forked_process_and_sends_nothing_of_the_parents(self):
        with Collector() as collector, exporter(collector.url) as way:
            way.keep(span("parent"))
            wait_until(lambda: len(collector.spans) == 1, seconds=ENOUGH)
            way._queue.append(span("waiting in the parent"))
            child = os.fork()
            if child == 0:
                way.keep(span("child"))
                way.stop(ENOUGH)
                os._exit(0)
            os.waitpid(child, 0)
            way.stop(ENOUGH)

            assert sorted(seen.name for seen in collector.spans) == ["child", "parent", "waiting in the parent"]


class TestCollectorThatIsAway:
    def test_costs_its_spans_which_are_counted_and_one_line_a_minute(self, caplog):
        before = dropped()
        with caplog.at_level(logging.WARNING), exporter(f"http://127.0.0.1:{free_port()}") as way:
            for number in range(1, 4):
                way.keep(span())
                wait_until(lambda number=number: dropped() == before + number, seconds=ENOUGH)

        assert [record.name for record in caplog.records] == ["qhse.tracing"]
        assert "1 spans are lost" in caplog.text

    @pytest.mark.parametrize("status", [400, 401, 429, 500, 503])
    def test_may_say_no_as_well(self, status, caplog):
        before = dropped()
        with caplog.at_level(logging.WARNING), Collector(lambda: status) as collector, exporter(collector.url) as way:
            way.keep(span())
            wait_until(lambda: dropped() == before + 1, seconds=ENOUGH)

        assert f"it answered {status}" in caplog.text

    def test_is_sent_to_again_when_it_is_back(self):
        answers = iter([503, 200])
        before = dropped()
        with Collector(lambda: next(answers)) as collector, exporter(collector.url) as way:
            way.keep(span("lost"))
            wait_until(lambda: dropped() == before + 1, seconds=ENOUGH)
            way.keep(span("taken"))
            wait_until(lambda: len(collector.requests) == 2, seconds=ENOUGH)

            assert collector.spans[-1].name == "taken"

    @pytest.mark.parametrize("said", [b"", b"HTTP/1.1 200 OK\r\nX: "], ids=["from the start", "a header"])
    def test_that_trickles_is_away_in_bounded_time_and_the_next_spans_are_sent(self, monkeypatch, caplog, said):
        monkeypatch.setattr(exporting, "ANSWER_SECONDS", 0.2)
        before = dropped()
        with caplog.at_level(logging.WARNING), trickling(said) as (url, lines), exporter(url) as way:
            for number in (1, 2):
                way.keep(span())
                wait_until(lambda number=number: dropped() == before + number, seconds=ENOUGH)

        assert len(lines) == 2
        assert caplog.text.count("takes none") == 1

    def test_that_sends_without_end_is_away(self, monkeypatch, caplog):
        monkeypatch.setattr(exporting, "ANSWER_SECONDS", ENOUGH)
        before = dropped()
        endless = b"HTTP/1.1 200 OK\r\nX: " + b"y" * 60_000
        with caplog.at_level(logging.WARNING), trickling(endless) as (url, _), exporter(url) as way:
            way.keep(span())
            wait_until(lambda: dropped() == before + 1, seconds=ENOUGH)

        assert "more than" in caplog.text

    def test_that_hangs_up_in_the_middle_of_its_answer_has_taken_nothing(self, caplog):
        before = dropped()
        half = b"HTTP/1.1 200 OK\r\nConte"
        with caplog.at_level(logging.WARNING), trickling(half, b"") as (url, _), exporter(url) as way:
            way.keep(span())
            wait_until(lambda: dropped() == before + 1, seconds=ENOUGH)

        assert "breaks off" in caplog.text

    def test_fills_a_bounded_queue_and_nobody_waits(self, monkeypatch, silent):
        monkeypatch.setattr(exporting, "QUEUED_AT_MOST", 5)
        monkeypatch.setattr(exporting, "EVERY_SECONDS", 3600)
        before = dropped()
        way = Exporter(silent, {}, partial(otlp.encode, service="qhse-test"))
        for _ in range(9):
            way.keep(span())

        assert (len(way._queue), dropped() - before) == (5, 4)
        way.stop(0)

    def test_that_is_silent_holds_the_end_of_a_process_no_longer_than_told(self, monkeypatch):
        asked, answering = threading.Event(), threading.Event()
        monkeypatch.setattr(exporting, "ANSWER_SECONDS", ENOUGH)

        def hang() -> int:
            asked.set()
            assert answering.wait(ENOUGH)
            return 200

        with Collector(hang) as collector:
            way = Exporter(collector.url, {}, partial(otlp.encode, service="qhse-test"))
            way.keep(span())
            assert asked.wait(ENOUGH)

            way.stop(0.01)

            assert way._thread is not None and way._thread.is_alive()  # it waits on, and nobody for it
            answering.set()
            way._thread.join(ENOUGH)

    def test_that_did_not_answer_last_is_not_waited_for(self, monkeypatch, silent):
        before = dropped()
        monkeypatch.setattr(exporting, "ANSWER_SECONDS", 0.01)
        way = Exporter(silent, {}, partial(otlp.encode, service="qhse-test"))
        way.keep(span())
        wait_until(lambda: dropped() > before, seconds=ENOUGH)
        monkeypatch.setattr(exporting, "ANSWER_SECONDS", ENOUGH / 6)
        way.keep(span())

        way.stop(ENOUGH)

        assert way._thread is not None and way._thread.is_alive()

    def test_a_span_that_cannot_be_written_does_not_end_the_thread(self):
        with Collector() as collector, exporter(collector.url) as way:
            way.keep(span("\udcff"))
            wait_until(lambda: way._lost == 1, seconds=ENOUGH)  # others may be counted meanwhile
            way.keep(span("taken"))
            wait_until(lambda: len(collector.requests) == 1, seconds=ENOUGH)


PROCESS = """
import os
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "qhse.settings")
import django
django.setup()
import sys
from qhse import tracing
from qhse.wsgi import application
import outbox.management.commands.run_outbox_worker
tracing.start("qhse-worker")
with tracing.request(None):
    print("trace", tracing.trace_id())
print(*sorted(name for name in sys.modules if name.startswith(("opentelemetry", "google", "qhse.tracing"))))
"""


def process(**env: str) -> list[list[str]]:
    done = subprocess.run(
        [sys.executable, "-c", PROCESS], cwd=ROOT, env=kept_variables() | {"QHSE_ENV": "test"} | env,
        capture_output=True, text=True, timeout=4 * ENOUGH,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    return [line.split() for line in done.stdout.splitlines()]


class TestProcess:
    def test_without_the_setting_loads_nothing_of_it(self):
        trace, modules = process()

        assert trace == ["trace"]
        assert modules == ["qhse.tracing", "qhse.tracing.spans"]

    def test_sends_what_is_left_when_it_ends(self):
        with Collector() as collector:
            (_, trace), modules = process(
                OTEL_EXPORTER_OTLP_ENDPOINT=collector.url,
                OTEL_TRACES_SAMPLER_ARG="1",
                OTEL_EXPORTER_OTLP_HEADERS="a=b%20c",
            )  # fmt: skip

            assert [(seen.trace.hex(), seen.service) for seen in collector.spans] == [(trace, "qhse-api")]
            assert collector.requests[0][1]["a"] == "b c"
        assert "opentelemetry.proto.trace.v1.trace_pb2" in modules

    def test_ends_when_nobody_answers(self, silent):
        (_, trace), _ = process(OTEL_EXPORTER_OTLP_ENDPOINT=silent, OTEL_TRACES_SAMPLER_ARG="1")

        assert trace
