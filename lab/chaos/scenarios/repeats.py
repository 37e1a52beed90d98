"""Repeats: whatever is cut, a client that asks again with its Idempotency-Key gets its one result."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

from dev.http_client import HttpClient, NoAnswer
from dev.stack import HOST
from lab.chaos.instruments.cutting import CuttingProxy, cutting
from lab.chaos.instruments.database import Database
from lab.chaos.instruments.environment import use_database
from lab.chaos.instruments.laboratory import PASSWORD, Laboratory
from lab.chaos.instruments.outcome import Outcome
from lab.chaos.instruments.proxied import ProxyProcess, proxy

MOST_REPEATS = 200


def run(lab: Laboratory) -> Outcome:
    """Cut the first try of each write: the database's line or the client's, before the COMMIT or after it."""
    each = 5 if lab.quick else 100
    outcome = Outcome("repeats")
    with lab.fresh("repeats") as database, proxy(lab) as line, cutting(lab.api(line.url(database))) as before:
        client = Client(before.port)
        use_database(database.url)
        supplier = client.post("/suppliers", {"name": "Repeats GmbH"}, key="supplier")[1]["id"]
        kinds: dict[str, Callable[[str, dict[str, Any]], int]] = {
            "database_before": lambda key, body: _cut_database(client, line, "before", key, body),
            "database_after": lambda key, body: _cut_database(client, line, "after", key, body),
            "client_before": lambda key, body: _cut_client(client, before, "before", key, body),
            "client_after": lambda key, body: _cut_client(client, before, "after", key, body),
        }
        replays: Counter[str] = Counter()
        for number in range(each):
            for kind, first_try in kinds.items():
                key = f"{kind}-{number}"
                body = {"supplier_id": supplier, "severity": "low", "description": key}
                told = first_try(key, body)
                outcome.demand(told in (0, 503), f"{key}: the first try was answered {told}")
                replays[kind] += client.repeat(key, body, outcome)
        outcome.demand(before.cut == 2 * each, f"the client's line was cut {before.cut} times, not {2 * each}")
        _judge(database, 4 * each, replays, each, outcome)
        outcome.figures = {"writes": 4 * each, **{f"{kind}_replayed": count for kind, count in replays.items()}}
    return outcome


def _cut_database(client: Client, line: ProxyProcess, mode: str, key: str, body: dict[str, Any]) -> int:
    line.order(f"{mode} 1 1")  # the next COMMIT, whoever sends it, and no further one
    status, _, _ = client.post("/ncs", body, key=key)
    line.order("pass")
    return status


def _cut_client(client: Client, before: CuttingProxy, mode: str, key: str, body: dict[str, Any]) -> int:
    before.mode = mode
    status, _, _ = client.post("/ncs", body, key=key)
    before.mode = "pass"
    return status


def _judge(database: Database, writes: int, replays: Counter[str], each: int, outcome: Outcome) -> None:
    tables = {
        "NCs": "SELECT count(*) FROM ncs_nonconformity",
        "descriptions": "SELECT count(DISTINCT description) FROM ncs_nonconformity",
        "counted NCs": "SELECT nc_total FROM suppliers_supplier",
        "events": "SELECT count(*) FROM outbox_outboxevent WHERE event_type = 'NC_CREATED'",
        "audit entries": "SELECT count(*) FROM audit_auditentry WHERE action = 'NC_CREATED'",
        "records of answers": "SELECT count(*) - 1 FROM api_idempotencyrecord",  # one is the supplier's
    }
    for what, sql in tables.items():
        found = int(database.value(sql))
        if found < writes:
            outcome.verdict.lost.append(f"{found} {what} of {writes} writes")
        elif found > writes:
            outcome.verdict.duplicate.append(f"{found} {what} of {writes} writes")
    # What the cuts meant to do they did: before the COMMIT nothing was stored, after it everything.
    outcome.demand(replays["database_before"] == 0, "a write whose COMMIT never arrived was replayed")
    outcome.demand(replays["database_after"] == each, "a write whose COMMIT was done was not replayed")
    outcome.demand(replays["client_before"] == 0, "a request that never arrived was replayed")
    outcome.demand(replays["client_after"] == each, "a write that was answered, and its answer lost, was not replayed")


class Client:
    """A client of the API with a token, and a new connection for each request."""

    def __init__(self, port: int) -> None:
        self._http = HttpClient(f"http://{HOST}:{port}")
        self._token = ""
        self._token = self.post("/auth/login", {"username": "admin", "password": PASSWORD})[1]["access_token"]

    def post(self, path: str, body: dict[str, Any], *, key: str = "") -> tuple[int, Any, bool]:
        """Return status, document, and whether it is an earlier answer. Status 0: the line broke."""
        headers = {"Idempotency-Key": key} if key else {}
        try:
            answer = self._http.send("POST", path, body, token=self._token, headers=headers)
            return answer.status, answer.document() or {}, answer.headers.get("Idempotency-Replayed") == "true"
        except NoAnswer:
            return 0, {}, False

    def repeat(self, key: str, body: dict[str, Any], outcome: Outcome) -> bool:
        """Ask until there is an answer, and once more. Return whether the first answer was an earlier one."""
        for _ in range(MOST_REPEATS):
            status, document, replayed = self.post("/ncs", body, key=key)
            if status not in (0, 409, 503):
                break
        outcome.demand(status == 201 and document.get("description") == key, f"{key}: {status} {document}")
        again = self.post("/ncs", body, key=key)
        outcome.demand(again == (201, document, True), f"{key}: another answer when asked once more")
        return replayed
