"""Guesses: a thousand wrong logins over four API processes. As many as allowed are looked at, and no more."""

from __future__ import annotations

import re
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

from django.conf import settings

from dev.http_client import HttpClient
from dev.stack import HOST
from lab.chaos.instruments.laboratory import PASSWORD, USERS, Laboratory
from lab.chaos.instruments.outcome import Outcome

CLIENTS = 16
PROCESSES = 4
TIMEOUT_SECONDS = 60.0
LOOKED_AT = "SELECT count(*) FROM audit_auditentry WHERE action = 'LOGIN_FAILED'"


def run(lab: Laboratory) -> Outcome:
    """Guess at one account, then at many, from one address. Then its owner tries the right password."""
    each = 100 if lab.quick else 500
    outcome = Outcome("guesses")
    of_account, of_address = settings.LOGIN_FAILURES_PER_ACCOUNT, settings.LOGIN_FAILURES_PER_ADDRESS
    with lab.fresh("guesses") as database:
        metrics = str(lab.directory / "guesses-metrics")  # the processes count together
        port = lab.api(database.url, processes=PROCESSES, threads=4, PROMETHEUS_MULTIPROC_DIR=metrics)
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


def _hashed(port: int) -> int:
    """Return how many passwords all processes have hashed, by their own count."""
    answer = HttpClient(f"http://{HOST}:{port}").send("GET", "/metrics")
    match = re.search(rb"^qhse_password_hashes_total ([0-9.]+)$", answer.content, re.MULTILINE)
    return int(float(match[1])) if match else 0


def _guess(port: int, names: list[str]) -> Counter[int]:
    with ThreadPoolExecutor(CLIENTS) as clients:
        return Counter(clients.map(lambda name: _log_in(port, name, "a-wrong-guess"), names))


def _log_in(port: int, username: str, password: str) -> int:
    client = HttpClient(f"http://{HOST}:{port}", timeout_seconds=TIMEOUT_SECONDS)
    return client.send("POST", "/auth/login", {"username": username, "password": password}).status
