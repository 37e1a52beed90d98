"""Mutants of tracing: who may decide what is recorded, what is never in it, and that nobody waits for a collector."""

from __future__ import annotations

from lab.mutants.mutant import Mutant

SPANS = "qhse/tracing/tests/test_spans.py"
EXPORTING = "qhse/tracing/tests/test_exporting.py"
STATEMENTS = "qhse/tracing/tests/test_statements.py"
TRACES = "qhse/tests/test_traces.py"

MUTANTS = (
    Mutant(
        "stranger-names-the-trace", "qhse/observability/addresses.py",
        '"HTTP_FORWARDED", "HTTP_TRACEPARENT",', '"HTTP_FORWARDED",', f"{TRACES} -k nobodys_business",
    ),
    Mutant(
        "every-request-is-recorded", "qhse/tracing/spans.py",
        'return int.from_bytes(trace_id[8:], "big") < share * 2**64', "return True", f"{TRACES} -k share",
    ),
    Mutant(
        "caller-that-records-nothing-is-recorded", "qhse/tracing/__init__.py",
        "        if not parent.is_recorded:\n", "        if False:\n", f"{SPANS} -k does_not_record",
    ),
    Mutant(
        "probes-are-traced", "qhse/observability/middleware.py",
        "span = tracing.NOTHING if quiet else tracing.request(", "span = tracing.request(", f"{TRACES} -k probes",
    ),
    Mutant(
        "values-of-statements-leave", "qhse/tracing/statements.py",
        'bare = _NUMBER.sub("?", _TEXT.sub("?", text))', "bare = text", f"{TRACES} -k people_wrote",
    ),
    Mutant(
        "text-cut-in-the-middle-of-a-value", "qhse/tracing/statements.py",
        """_TEXT = re.compile(r"'(?:[^']|'')*(?:'|$)")""", """_TEXT = re.compile(r"'(?:[^']|'')*'")""",
        f"{STATEMENTS} -k cut",
    ),
    Mutant(
        "paths-with-ids-leave", "qhse/observability/middleware.py",
        'route = request.resolver_match.route if request.resolver_match else "unmatched"', "route = request.path",
        f"{TRACES} -k people_wrote",
    ),
    Mutant(
        "messages-of-errors-leave", "qhse/tracing/spans.py",
        "self.failed = kind.__name__", "self.failed = str(error)", f"{SPANS} -k not_its_message",
    ),
    Mutant(
        "event-without-its-trace", "outbox/publisher.py",
        "            row.headers |= _announced(row)", "            _announced(row)", f"{TRACES} -k carries_the_trace",
    ),
    Mutant(
        "what-follows-a-batch-is-recorded-for-ever", "qhse/tracing/spans.py",
        "    def cause(self, request_id: str | None) -> RecordedSpan | None:\n        return None",
        "    def cause(self, request_id: str | None) -> RecordedSpan | None:\n        return self",
        f"{SPANS} -k by_nobody",
    ),
    Mutant(
        "unrecorded-event-in-a-recorded-batch", "qhse/tracing/spans.py",
        "self._token = _current.set(None)", "self._token = _current.set(_current.get())",
        f"{SPANS} -k pauses",
    ),
    Mutant(
        "consequence-in-the-wrong-trace", "qhse/tracing/spans.py",
        "return self._by_request.get(request_id) if request_id else None", "return self._members[0]",
        f"{SPANS} -k follows_from_which",
    ),
    Mutant(
        "any-number-of-statements", "qhse/tracing/spans.py",
        "        if self._children > CHILDREN_AT_MOST:\n            return", "        if False:\n            return",
        f"{SPANS} -k number_of_statements",
    ),
    Mutant(
        "loaded-without-the-setting", "qhse/tracing/__init__.py",
        "if not settings.OTEL_EXPORTER_OTLP_ENDPOINT or _exporter is not None:", "if _exporter is not None:",
        f"{EXPORTING} -k loads_nothing",
    ),
    Mutant(
        "queue-without-a-bound", "qhse/tracing/exporting.py",
        "if len(self._queue) >= QUEUED_AT_MOST or self._stopping.is_set():", "if self._stopping.is_set():",
        f"{EXPORTING} -k bounded_queue",
    ),
    Mutant(
        "end-waits-for-the-collector", "qhse/tracing/exporting.py",
        "thread.join(seconds)", "thread.join()", f"{EXPORTING} -k no_longer_than_told",
    ),
    Mutant(
        "end-waits-for-who-is-away", "qhse/tracing/exporting.py",
        "if thread is not None and not self._is_away:", "if thread is not None:", f"{EXPORTING} -k not_waited_for",
    ),
    Mutant(
        "collector-has-time-for-each-byte", "qhse/tracing/exporting.py",
        "deadline = Deadline(ANSWER_SECONDS)", "deadline = Deadline(3600)", f"{EXPORTING} -k trickles_is_away",
    ),
    Mutant(
        "fork-sends-twice", "qhse/tracing/exporting.py",
        "            self._queue = deque()\n", "", f"{EXPORTING} -k forked",
    ),
    Mutant(
        "one-bad-span-ends-all-sending", "qhse/tracing/exporting.py",
        "except Exception as error:", "except OSError as error:", f"{EXPORTING} -k cannot_be_written",
    ),
    Mutant(
        "line-a-second-about-a-collector", "qhse/tracing/exporting.py",
        "if time.monotonic() - self._warned_at < WARN_SECONDS:", "if False:", f"{EXPORTING} -k one_line",
    ),
    Mutant(
        "lines-without-their-trace", "qhse/observability/logs.py",
        "if trace_id := tracing.trace_id():", 'if trace_id := "":', f"{TRACES} -k have_its_trace",
    ),
)  # fmt: skip
