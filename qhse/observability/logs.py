"""Log lines: JSON for machines, readable for people. Both carry the request id."""

from __future__ import annotations

import json
import logging
from datetime import UTC, datetime

from qhse import tracing
from qhse.observability import context

# What the logging module itself puts on a record; everything else came by `extra=` and belongs into the line.
_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


def _extras(record: logging.LogRecord) -> dict[str, object]:
    return {
        key: value
        for key, value in vars(record).items()
        if key not in _STANDARD and key != "request" and value is not None
    }


class JsonFormatter(logging.Formatter):
    """One JSON object a line. json.dumps escapes control characters: no value can forge a line."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, object] = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
        }
        running = context.current()
        if running.request_id:
            line["request_id"] = running.request_id
        if trace_id := tracing.trace_id():
            line["trace_id"] = trace_id
        line |= _extras(record)
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return json.dumps(line, default=str)


class TextFormatter(logging.Formatter):
    """One line for a person at a terminal."""

    def format(self, record: logging.LogRecord) -> str:
        at = datetime.fromtimestamp(record.created, UTC).strftime("%H:%M:%S")
        message = record.getMessage().encode("unicode_escape").decode("ascii")
        milliseconds = getattr(record, "milliseconds", None)
        took = f" ({milliseconds} ms)" if milliseconds is not None else ""
        line = f"{at} {record.levelname.lower():7} {record.name}: {message}{took}"
        if record.exc_info:
            line += "\n" + self.formatException(record.exc_info)
        return line
