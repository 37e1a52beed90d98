"""Log lines: whatever a value holds, it stays one line."""

from __future__ import annotations

import json
import logging
import sys
from datetime import UTC, datetime

import pytest
from django.test import Client

from qhse.observability import context
from qhse.observability.logs import JsonFormatter, TextFormatter

FORGERY = 'x\n{"level": "CRITICAL"}\r\x1b[31m'


def line(formatter: logging.Formatter, message: str = "GET %s", *arguments: object, **extra: object) -> str:
    record = logging.LogRecord("qhse.request", logging.INFO, __file__, 1, message, arguments, None)
    record.created = datetime(2026, 7, 31, 12, 5, 59, 250_000, tzinfo=UTC).timestamp()
    vars(record).update(extra)
    return formatter.format(record)


class TestJson:
    def test_is_one_object_a_line_with_the_extras(self):
        with context.use(request_id="gauge-7", source="api"):
            document = json.loads(line(JsonFormatter(), "GET %s", "/suppliers", status=200, user_id=None))

        assert document == {
            "at": "2026-07-31T12:05:59.250+00:00",
            "level": "INFO",
            "logger": "qhse.request",
            "message": "GET /suppliers",
            "request_id": "gauge-7",
            "status": 200,
        }

    def test_no_value_forges_a_line(self):
        text = line(JsonFormatter(), "GET %s", FORGERY, path=FORGERY)

        assert len(text.splitlines()) == 1
        assert json.loads(text)["path"] == FORGERY

    def test_what_is_no_json_becomes_text(self):
        assert json.loads(line(JsonFormatter(), "x", cause=ValueError("gauge")))["cause"] == "gauge"

    def test_holds_the_traceback(self):
        try:
            raise RuntimeError("the gauge is sealed")
        except RuntimeError:
            text = line(JsonFormatter(), "failed", exc_info=sys.exc_info())

        assert "RuntimeError: the gauge is sealed" in json.loads(text)["traceback"]


class TestText:
    def test_is_one_readable_line(self):
        assert (
            line(TextFormatter(), "GET %s", "/kpi", milliseconds=3.2)
            == "12:05:59 info    qhse.request: GET /kpi (3.2 ms)"
        )

    @pytest.mark.parametrize("value", [FORGERY, "\u2028", "\x85", "\x00"])
    def test_no_value_forges_a_line_or_moves_the_cursor(self, value):
        text = line(TextFormatter(), "GET %s", value)

        assert len(text.splitlines()) == 1
        assert text.isprintable()


def test_a_form_from_another_origin_says_in_the_log_which(caplog, db):
    browser = Client(enforce_csrf_checks=True)
    browser.get("/admin/login/")
    form = {"username": "anna", "csrfmiddlewaretoken": browser.cookies["csrftoken"].value}

    answer = browser.post("/admin/login/", form, HTTP_ORIGIN="https://qhse.example.com:8443")

    assert answer.status_code == 403
    assert "Origin checking failed - https://qhse.example.com:8443 does not match" in caplog.text
