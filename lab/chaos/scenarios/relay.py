"""Relay: two relays and their broker are killed, frozen and cut off while events are published. The queue tells."""

from __future__ import annotations

import os
import signal
import time
from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

import pika

from dev.brokers.rabbitmq import MISSING, PrivateRabbit, find_rabbitmq, free_port
from dev.waiting import wait_until
from lab.chaos.instruments.children import Child, spawn
from lab.chaos.instruments.database import Database
from lab.chaos.instruments.laboratory import Laboratory, run_relay
from lab.chaos.instruments.outcome import Outcome, Verdict
from lab.chaos.instruments.points import Points
from lab.chaos.instruments.readings import publish_readings
from outbox.relay.topology import declare

QUEUE = "chaos"
GAUGES = 200
AT_ONCE = 4
DRAIN_SECONDS = 180.0


@dataclass
class Scene:
    """What is harmed: two relays, their broker, and the network between them."""

    lab: Laboratory
    database: Database
    rabbit: PrivateRabbit
    port: int
    network: Child | None = None
    relays: list[Child] = field(default_factory=list)
    started: int = 0
    points: int = 0
    ended: list[str] = field(default_factory=list)

    @property
    def url(self) -> str:
        return self.rabbit.url.replace(f":{self.rabbit.port}/", f":{self.port}/")

    def connect(self) -> None:
        """Let the network work, again."""
        command = ["-m", "lab.chaos.instruments.forwarder", str(self.port), str(self.rabbit.port)]
        self.network = spawn("network", command, env=dict(os.environ), log=self.lab.log("network"))

    def disconnect(self) -> None:
        assert self.network
        self.network.kill()

    def start_relay(self, kill_at: int = 0) -> Child:
        self.started += 1
        name = f"chaos-relay-{self.started}"
        child = self.lab.fork(name, partial(_relay, name, self.url, kill_at))
        self.relays.append(child)
        return child


def run(lab: Laboratory) -> Outcome:
    """Publish all the while. At the end each event is in the queue, those of an aggregate in order."""
    if find_rabbitmq("rabbitmq-server") is None:
        return Outcome("relay", not_played=MISSING)
    events, rounds = (1_500, 1) if lab.quick else (10_000, 10)
    with PrivateRabbit() as rabbit, lab.fresh("relay") as database:
        declare(rabbit.url, queue=QUEUE, bindings=["#"], max_length=None)
        scene = Scene(lab, database, rabbit, free_port())
        scene.connect()
        for _ in range(2):
            scene.start_relay()
        publisher = lab.fork("publisher", partial(_publish, scene.url, events, rounds * 20.0))
        done = Counter(_harm(scene, rounds))
        code = publisher.wait(600)
        outcome = Outcome("relay", complaints=[f"the publisher ended with {code}"] if code else [])
        left = partial(database.value, "SELECT count(*) FROM outbox_outgoing")
        wait_until(lambda: not left(), seconds=DRAIN_SECONDS, what="the last events to leave", every=0.2)
        for relay in scene.relays:
            relay.send(signal.SIGTERM)
            outcome.demand(relay.wait(20) == 0, f"{relay.name} ended with {relay.code}: {relay.last_words()[-400:]}")
        outcome.complaints += scene.ended
        scene.disconnect()
        found = _read(rabbit)
        outcome.verdict = _judge(database, found)
    copies = len(found) - len({message for message, _, _ in found})
    outcome.figures = {"events": events, **done, "sent_twice": copies}
    return outcome


def _harm(scene: Scene, rounds: int) -> list[str]:
    """Do each harm so often, in turn. Return what was done."""
    per_round: list[tuple[str, int, Callable[[Scene], None]]] = [
        ("relay_kills", 10, _kill_relay),
        ("relays_frozen", 1, _freeze_relay),
        ("partitions", 2, _cut),
        ("broker_kills", 2, _kill_broker),
        ("broker_frozen", 1, _freeze_broker),
    ]
    done = []
    for _ in range(rounds):
        for name, times, harm in per_round:
            for _ in range(times):
                harm(scene)
                done.append(name)
    return done


def _kill_relay(scene: Scene) -> None:
    """Kill one at the next of the points between its statements, round and round through all of a turn."""
    scene.points = scene.points % 24 + 1
    victim = scene.relays.pop(0)
    if victim.poll() is not None:
        scene.ended.append(f"{victim.name} had ended by itself with {victim.code}: {victim.last_words()[-400:]}")
    victim.kill()
    doomed = scene.start_relay(kill_at=scene.points)
    doomed.wait(60)
    scene.relays.remove(doomed)
    scene.start_relay()


def _freeze_relay(scene: Scene) -> None:
    """Freeze one that holds lanes, and end its session as an operator would. Then it wakes up."""
    sleeper = scene.relays[0]
    wait_until(lambda: scene.database.backends(sleeper.name), seconds=30, what="a relay on the database")
    sleeper.send(signal.SIGSTOP)
    sleeper.wait_until_frozen(10)
    scene.database.terminate(sleeper.name)
    time.sleep(1.5)  # the other one takes over, and sends what the sleeper was about to send
    sleeper.send(signal.SIGCONT)


def _cut(scene: Scene) -> None:
    scene.disconnect()
    time.sleep(0.5)
    scene.connect()
    time.sleep(0.5)


def _kill_broker(scene: Scene) -> None:
    scene.rabbit.kill()
    scene.rabbit.start()


def _freeze_broker(scene: Scene) -> None:
    scene.rabbit.freeze()
    time.sleep(3)
    scene.rabbit.thaw()


def _relay(name: str, url: str, kill_at: int) -> None:
    points = Points(kill_at)
    if kill_at:
        points.install()
        points.armed = True
    run_relay(name=name, broker=url)


def _publish(url: str, events: int, seconds: float) -> None:
    from django.conf import settings

    settings.BROKER_URL = url
    pause = seconds / (events / AT_ONCE)
    for start in range(0, events, AT_ONCE):
        publish_readings([(f"g{n % GAUGES}", n // GAUGES + 1, "") for n in range(start, start + AT_ONCE)])
        time.sleep(pause)


def _read(rabbit: PrivateRabbit) -> list[tuple[str, str, int]]:
    """Return (message id, subject, sequence) of all that the queue holds, in its order."""
    found = []
    with pika.BlockingConnection(pika.URLParameters(rabbit.url)) as line:
        channel = line.channel()
        channel.basic_qos(prefetch_count=500)
        for method, properties, _ in channel.consume(QUEUE, inactivity_timeout=2.0):
            if method is None:
                break
            headers = properties.headers
            found.append(
                (properties.message_id, headers["cloudEvents_subject"], int(headers["cloudEvents_sequence"]))
            )  # fmt: skip
            channel.basic_ack(method.delivery_tag)
        channel.cancel()
    return found


def _judge(database: Database, found: list[tuple[str, str, int]]) -> Verdict:
    stored = {str(event_id) for (event_id,) in database.rows("SELECT event_id FROM outbox_outboxevent")}
    seen: set[str] = set()
    verdict = Verdict()
    latest: dict[str, int] = defaultdict(int)
    for message_id, subject, sequence in found:
        if message_id in seen:
            continue  # a copy, under the same id: what the other side must know again
        seen.add(message_id)
        if sequence < latest[subject]:
            verdict.overtaken.append(f"{sequence} of {subject} was first seen after {latest[subject]}")
        latest[subject] = max(latest[subject], sequence)
    verdict.lost = sorted(stored - seen)
    verdict.phantom = sorted(seen - stored)
    return verdict
