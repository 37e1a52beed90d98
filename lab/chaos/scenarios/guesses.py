"""Guesses: a thousand wrong logins over four API processes, of which exactly as many as allowed are looked at."""

from __future__ import annotations

import http.client
import json
import os
import re
import urllib.request
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

from django.conf import settings

from dev.stack import HOST, free_port
from lab.chaos.instruments.laboratory import PASSWORD, USERS, Laboratory
from lab.chaos.instruments.load import answers
from lab.chaos.instruments.outcome import Outcome
from lab.chaos.instruments.waiting import wait_until

CLIENTS = 16
PROCESSES = 4
TIMEOUT_SECONDS = 60.0
LOOKED_AT = "SELECT count(*) FROM audit_auditentry WHERE action = 'LOGIN_FAILED'"


def run(lab: Laboratory) -> Outcome:
    """Guess at one account, then at many, from one address; then its owner tries the right password elsewhere."""
    each = 100 if lab.quick else 500
    outcome = Outcome("guesses")
    of_account, of_address = settings.LOGIN_FAILURES_PER_ACCOUNT, settings.LOGIN_FAILURES_PER_ADDRESS
    with lab.fresh("guesses") as database:
        port = _start_api(lab, database.url)
        one = _guess(port, [USERS[0]] * each)
        outcome.demand(one[401] == of_account, f"{one[401]} guesses at one account were looked at, not {of_account}")
        outcome.demand(one[401] + one[429] == each, f"answers to guesses at one account: {dict(one)}")
        many = _guess(port, [f"somebody-{number % 50}" for number in range(each)])
        both = one[401] + many[401]
        outcome.demand(both == of_address, f"{both} guesses from one address were looked at, not {of_address}")
        outcome.demand(many[401] + many[429] == each, f"answers to guesses at many accounts: {dict(many)}")
        hashed = _hashed(port)
        outcome.demand(hashed == both, f"{hashed} passwords reached the hasher, {both} guesses were looked at")
        recorded = int(database.value(LOOKED_AT))
        outcome.demand(recorded == both, f"{recorded} failed logins in the trail, {both} were answered")
        right = _log_in(port, USERS[0], PASSWORD)
        outcome.demand(right == 429, f"a blocked account was answered {right}")
        outcome.figures = {
            "guesses": 2 * each,
            "processes": PROCESSES,
            "looked_at": both,
            "hashed": hashed,
            "blocked": one[429] + many[429],
        }
    return outcome


def _start_api(lab: Laboratory, url: str) -> int:
    port = free_port()
    env = dict(os.environ) | {
        "DATABASE_URL": url,
        "GUNICORN_WORKERS": str(PROCESSES),
        "GUNICORN_THREADS": "4",
        "PROMETHEUS_MULTIPROC_DIR": str(lab.directory / "guesses-metrics"),
    }
    lab.spawn("api", "-m", "gunicorn", "--config", "gunicorn.conf.py", "--bind", f"{HOST}:{port}", env=env)
    wait_until(lambda: answers(f"http://{HOST}:{port}/readyz"), seconds=60, what="the API to be ready")
    return port


def _hashed(port: int) -> int:
    """Return how many passwords all processes have hashed, which they count themselves."""
    with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(f"http://{HOST}:{port}/metrics") as answer:
        match = re.search(rb"^qhse_password_hashes_total ([0-9.]+)$", answer.read(), re.MULTILINE)
    return int(float(match[1])) if match else 0


def _guess(port: int, names: list[str]) -> Counter[int]:
    with ThreadPoolExecutor(CLIENTS) as clients:
        return Counter(clients.map(lambda name: _log_in(port, name, "a-wrong-guess"), names))


def _log_in(port: int, username: str, password: str) -> int:
    connection = http.client.HTTPConnection(HOST, port, timeout=TIMEOUT_SECONDS)
    try:
        body = json.dumps({"username": username, "password": password})
        connection.request("POST", "/auth/login", body, {"Content-Type": "application/json"})
        return connection.getresponse().status
    finally:
        connection.close()
