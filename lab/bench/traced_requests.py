"""
One process in which requests are traced and not, in turn: `python -m lab.bench.traced_requests ENDPOINT BLOCKS`.

The token is the first line of its input. It prints one JSON line for each case of ASKED: CPU in milliseconds a request,
block by block, for each share.

In one process, because two servers differ by more than what is measured: by where their memory lies. In short blocks,
because the machine changes its pace within seconds. A block ends when its spans are at the collector: what that costs
is counted too.
"""

from __future__ import annotations

import io
import json
import os
import random
import sys
import time
from collections.abc import Iterator
from typing import Any

import django

from qhse.env import choose_settings

choose_settings()
django.setup()

from django.conf import settings  # noqa: E402 (needs the apps)
from django.core.wsgi import get_wsgi_application  # noqa: E402

from lab.bench.http.cases import Case, cases  # noqa: E402
from lab.bench.tracing import ASKED, OFF, SHARES  # noqa: E402
from qhse import tracing  # noqa: E402
from qhse.terminal import run_program  # noqa: E402

BLOCK = 100
"""Requests: a second of a process that is busy. An exporter sends once a second, and not after each few of them."""


def environ(case: Case, token: str, chance: random.Random) -> dict[str, Any]:
    path, _, query = case.path(chance).partition("?")
    body = json.dumps(case.body(chance)).encode() if case.body else b""
    return {
        "REQUEST_METHOD": case.method, "PATH_INFO": path, "QUERY_STRING": query, "SERVER_NAME": "127.0.0.1",
        "SERVER_PORT": "80", "SERVER_PROTOCOL": "HTTP/1.1", "REMOTE_ADDR": "127.0.0.1", "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(body), "wsgi.errors": sys.stderr, "HTTP_HOST": "127.0.0.1",
        "HTTP_AUTHORIZATION": f"Bearer {token}", "CONTENT_LENGTH": str(len(body)), "CONTENT_TYPE": "application/json",
    }  # fmt: skip


def measured(case: Case, token: str, blocks: int, exporter: Any) -> dict[str, list[float]]:
    application, chance = get_wsgi_application(), random.Random(4711)
    exporter._pid = os.getpid()  # no thread of its own: each block sends its spans itself

    def block(share: str) -> float:
        tracing._exporter = None if share == OFF else exporter
        settings.OTEL_TRACES_SAMPLER_ARG = 0.0 if share == OFF else float(share)
        requests = [environ(case, token, chance) for _ in range(BLOCK)]
        began = time.process_time()
        for each in requests:
            _demand(case, application, each)
        exporter._send_all()
        return (time.process_time() - began) / BLOCK * 1000

    for share in SHARES * 3:
        block(share)
    cpu: dict[str, list[float]] = {share: [] for share in SHARES}
    for number in range(blocks):
        # In another order each time, so that nobody always comes after the same one.
        for share in SHARES[number % 3 :] + SHARES[: number % 3]:
            cpu[share].append(block(share))
    return cpu


def _demand(case: Case, application: Any, request: dict[str, Any]) -> None:
    told: list[str] = []
    answer: Iterator[bytes] = application(request, lambda status, headers, *more: told.append(status))
    body = b"".join(answer)
    answer.close()  # type: ignore[attr-defined]
    if not told[0].startswith(case.expected.decode()):
        raise RuntimeError(f"{case.name}: {told[0]}: {body[:500]!r}")


def main(endpoint: str, blocks: str) -> int:
    token = sys.stdin.readline().strip()
    settings.OTEL_EXPORTER_OTLP_ENDPOINT = endpoint
    tracing.start("qhse-api")
    exporter = tracing._exporter
    assert exporter is not None
    for case in cases(0):
        if case.name in ASKED:
            print(json.dumps(measured(case, token, int(blocks), exporter)), flush=True)
    return 0


if __name__ == "__main__":
    run_program(lambda: main(*sys.argv[1:]))
