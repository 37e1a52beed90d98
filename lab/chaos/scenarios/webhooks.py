"""Webhooks: two hundred endpoints, of which some fail and some hang. The others get everything, and soon."""

from __future__ import annotations

import signal
import socketserver
import threading
import time
from collections import defaultdict
from contextlib import suppress
from datetime import datetime
from functools import partial
from ipaddress import ip_network
from typing import Any

from dev.waiting import wait_until
from lab.chaos.instruments.database import Database
from lab.chaos.instruments.laboratory import Laboratory, run_relay
from lab.chaos.instruments.outcome import Outcome, Verdict
from lab.chaos.instruments.readings import publish_readings
from lab.percentile import percentile

FAILING, HANGING = 10, 5
"""Percent of the endpoints."""
EVERY_SECONDS = 2.0
LATEST_SECONDS = 2.0
LOOPBACK = "127.0.0.0/8"


class Receivers(socketserver.ThreadingTCPServer):
    """All endpoints behind one port. The path names the endpoint and says how it behaves."""

    daemon_threads = True
    request_queue_size = 512

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Answer)
        self.got: dict[str, list[tuple[str, float]]] = defaultdict(list)
        self.over = threading.Event()

    def url(self, conduct: str, number: int) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/{conduct}/{number}"


class _Answer(socketserver.StreamRequestHandler):
    server: Receivers

    def handle(self) -> None:
        with suppress(OSError):  # the caller has gone
            path = self.rfile.readline().split()[1].decode()
            headers = dict(line.split(b": ", 1) for line in iter(self.rfile.readline, b"\r\n") if line)
            self.rfile.read(int(headers[b"Content-Length"]))
            if path.startswith("/hang"):
                self.server.over.wait(60)
            elif path.startswith("/fail"):
                self.wfile.write(b"HTTP/1.1 500 X\r\nContent-Length: 0\r\n\r\n")
            else:
                self.server.got[path].append((headers[b"webhook-id"].decode().strip(), time.time()))
                self.wfile.write(b"HTTP/1.1 204 X\r\n\r\n")


def run(lab: Laboratory) -> Outcome:
    """Publish an event every two seconds. Kill a relay in the middle. At the end look who got what, and when."""
    endpoints, events = (40, 5) if lab.quick else (200, 60)
    with Receivers() as receivers, lab.fresh("webhooks") as database:
        threading.Thread(target=receivers.serve_forever, daemon=True).start()
        conducts = _conducts(endpoints)
        addresses = [receivers.url(conduct, number) for number, conduct in enumerate(conducts)]
        if (code := lab.fork("endpoints", partial(_make_endpoints, addresses)).wait(60)) != 0:
            return Outcome("webhooks", complaints=[f"endpoints could not be made: {code}"])
        relays = [lab.fork(f"chaos-relay-{number}", partial(_relay, f"chaos-relay-{number}")) for number in range(2)]
        for number in range(2):
            on_database = partial(database.backends, f"chaos-relay-{number}")
            wait_until(on_database, seconds=30, what="the relays to connect")
        publisher = lab.fork("publisher", partial(_publish, events))
        time.sleep(events * EVERY_SECONDS / 2)
        relays.pop().send(signal.SIGKILL)
        publisher.wait(events * EVERY_SECONDS + 120)
        well = [f"/well/{number}" for number, conduct in enumerate(conducts) if conduct == "well"]
        wait_until(lambda: _all_there(receivers, well, events), seconds=120, what="all healthy endpoints")
        outcome = _judge(database, receivers, well, endpoints, events)
        receivers.over.set()
        relays[0].send(signal.SIGTERM)
        outcome.demand(relays[0].wait(20) == 0, "the relay did not end in good order")
        receivers.shutdown()
    return outcome


def _conducts(endpoints: int) -> list[str]:
    failing, hanging = endpoints * FAILING // 100, endpoints * HANGING // 100
    return ["fail"] * failing + ["hang"] * hanging + ["well"] * (endpoints - failing - hanging)


def _make_endpoints(addresses: list[str]) -> None:
    from django.conf import settings

    from outbox.webhooks.services import create_webhook
    from qhse.accounts.models import User

    settings.WEBHOOK_ALLOWED_NETWORKS = [ip_network(LOOPBACK)]
    admin = User.objects.get(username="admin")
    for url in addresses:
        create_webhook(url=url, event_types=["*"], actor=admin)


def _relay(name: str) -> None:
    from django.conf import settings

    settings.WEBHOOK_ALLOWED_NETWORKS = [ip_network(LOOPBACK)]
    run_relay(name=name, broker="")


def _publish(events: int) -> None:
    for number in range(events):
        publish_readings([(f"g{number % 7}", number // 7 + 1, "")])
        time.sleep(EVERY_SECONDS)


def _all_there(receivers: Receivers, well: list[str], events: int) -> bool:
    return all(len({message for message, _ in receivers.got[path]}) == events for path in well)


def _judge(database: Database, receivers: Receivers, well: list[str], endpoints: int, events: int) -> Outcome:
    rows: list[Any] = database.rows("SELECT event_id, created_at, id FROM outbox_outboxevent ORDER BY id")
    published: dict[str, datetime] = {str(event_id): at for event_id, at, _ in rows}
    order = {str(event_id): number for event_id, _, number in rows}
    verdict, took, copies = Verdict(), [], 0
    for path in well:
        seen: dict[str, float] = {}
        for message, at in receivers.got[path]:
            copies += message in seen
            seen.setdefault(message, at)
        verdict.lost += [f"{message} by {path}" for message in published if message not in seen]
        verdict.phantom += [f"{message} by {path}" for message in seen if message not in published]
        places = [order[message] for message in seen if message in order]
        verdict.overtaken += [path] if places != sorted(places) else []
        took += [at - published[message].timestamp() for message, at in seen.items() if message in published]
    outcome = Outcome("webhooks", verdict=verdict)
    outcome.figures = {
        "endpoints": endpoints, "events": events, "delivered": len(took), "sent_twice": copies,
        "p50": percentile(took, 50), "p99": percentile(took, 99), "longest": max(took),
    }  # fmt: skip
    late = percentile(took, 99)
    outcome.demand(late <= LATEST_SECONDS, f"one of a hundred deliveries to a healthy endpoint took {late:.1f} s")
    return outcome
