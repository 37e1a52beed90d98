"""API and worker as real processes: one trace of both, and a collector that falls silent delays the end of neither."""

from __future__ import annotations

import secrets
import threading

import pytest

from dev.http_client import HttpClient
from dev.processes import kept_variables
from dev.stack import Stack, free_port, run_manage
from dev.waiting import wait_until
from qhse.tracing.tests.collector import Collector

ENOUGH = 60.0  # seconds, for what should come at once


@pytest.mark.laboratory
def test_one_trace_leads_through_both_processes_and_neither_waits_for_a_silent_collector(tmp_path):
    is_silent, over = threading.Event(), threading.Event()

    def answer() -> int:
        if is_silent.is_set():
            over.wait(ENOUGH)
        return 200

    with Collector(answer) as collector:
        password = secrets.token_urlsafe(16)
        env = kept_variables() | {
            "QHSE_ENV": "dev",
            "DATABASE_URL": f"sqlite:///{tmp_path}/qhse.sqlite3",
            "ATTACHMENTS_DIR": str(tmp_path / "files"),
            "OTEL_EXPORTER_OTLP_ENDPOINT": collector.url,
            "OTEL_TRACES_SAMPLER_ARG": "1",
        }
        run_manage("migrate", "--verbosity", "0", env=env)
        person = {"DJANGO_SUPERUSER_USERNAME": "anna", "DJANGO_SUPERUSER_PASSWORD": password}
        run_manage("createsuperuser", "--noinput", "--email", "", env=env | person)
        with Stack(port=free_port(), env=env, show=False) as stack:
            stack.start()
            client = HttpClient(stack.url)
            answered = client.send("POST", "/auth/login", body={"username": "anna", "password": password})
            token = answered.document()["access_token"]
            made = client.send("POST", "/suppliers", body={"name": "Hansa Forge GmbH"}, token=token)
            assert made.status == 201

            def handled() -> list[bytes]:
                return [span.trace for span in collector.spans if span.name == "handle suppliers.reassess_risk"]

            wait_until(handled, seconds=ENOUGH, what="the handler's span", every=0.1)
            spans = collector.spans
            (request,) = [span for span in spans if span.name == "POST suppliers"]
            assert request.trace in handled()
            assert {span.service for span in spans if span.trace == request.trace} == {"qhse-api", "qhse-worker"}

            is_silent.set()
            client.send("GET", "/suppliers", token=token)
            stack.stop()

            assert [service.process.returncode for service in stack.services] == [0, 0]
        over.set()
