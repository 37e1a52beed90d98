"""How fast the relay carries events to RabbitMQ: a backlog beside raw publishing, and 20 a second beside a raw loop."""

from __future__ import annotations

import os
import subprocess
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from statistics import median
from typing import Any, NamedTuple

import pika
import psycopg
from django.conf import settings
from django.db import connection, transaction

from dev.brokers.rabbitmq import PrivateRabbit
from dev.processes import start_python
from dev.waiting import wait_until
from lab.bench import load
from lab.bench.crew import cpu_seconds, cpu_since
from lab.bench.figures import Figure, Target, compared
from lab.bench.run import Run
from lab.bench.server import environment
from lab.bench.subject import AGGREGATES
from lab.gauge import GaugeRead
from lab.percentile import percentile
from outbox.leaving import LOCKS, PRESENCE
from outbox.models import OutboxEvent, Outgoing
from outbox.outgoing import BROKER, LANES, enqueue_all
from outbox.publisher import publish_all
from outbox.relay.messages import Message, message_of
from outbox.relay.queue import due
from outbox.relay.rabbitmq import EXCHANGE, _properties
from outbox.relay.topology import declare
from qhse.wakeup import wake_workers

IN_FLIGHT = 500
QUEUE = "bench"
EVENTS_PER_SECOND = 20
DRAIN_SECONDS = 300.0
RAW_CHANNEL = "raw_relay"


def measure(run: Run) -> Iterator[Figure]:
    """Yield events a second of one relay and of two, and the latency, on a private broker with a quorum queue."""
    with PrivateRabbit() as rabbit:
        declare(rabbit.url, queue=QUEUE, bindings=["#"], max_length=None)
        load.begin(run.database, run.sizes.done)
        messages = _messages(run)
        raws, ones, twos = [], [], []
        for _ in range(run.sizes.rounds):
            raws.append(_publish_raw(rabbit.url, messages))
            ones.append(_drain(run, rabbit, relays=1))
            twos.append(_drain(run, rabbit, relays=2))
            _purge(rabbit.url)
        one, two = ([each.rate for each in rounds] for rounds in (ones, twos))
        yield compared(
            "relay", "one relay, beside raw publishing", "events/s", one, raws, target=Target("≥", 0.4, "ratio")
        )
        yield compared("relay", "two relays, beside one", "events/s", two, one, target=Target("≥", 1.6, "ratio"))
        yield from _costs(ones, twos)
        yield from _latency(run, rabbit.url)


class Drained(NamedTuple):
    """Events a second, and the CPU in microseconds that each part spent on an event."""

    rate: float
    cpu: dict[str, float]


def _costs(ones: Sequence[Drained], twos: Sequence[Drained]) -> Iterator[Figure]:
    """Yield what an event costs, and how many a second all cores could carry if nobody ever waited for anything."""
    for number, rounds in (("one relay", ones), ("two relays", twos)):
        for part in rounds[0].cpu:
            value = median(each.cpu[part] for each in rounds)
            yield Figure("relay", f"{number}, CPU of {part}", value, "µs/event")
    cores = os.cpu_count() or 1
    most = [cores * 1e6 / sum(each.cpu.values()) for each in twos]
    yield compared("relay", f"what {cores} cores could carry, beside one relay", "events/s", most,
                   [each.rate for each in ones])  # fmt: skip


def _messages(run: Run) -> list[Message]:
    """Return what the relay would publish, made beforehand."""
    _fill(run)
    rows = due(BROKER, range(LANES), run.sizes.backlog)
    Outgoing.objects.all().delete()
    return [message_of(row) for row in rows]


def _fill(run: Run) -> None:
    events = OutboxEvent.objects.order_by("pk")
    first = events.values_list("pk", flat=True)[0]
    with transaction.atomic():
        list(enqueue_all(BROKER, events.filter(pk__lt=first + run.sizes.backlog), replay=0))
        wake_workers()


def _publish_raw(url: str, messages: Sequence[Message]) -> float:
    """Publish all, IN_FLIGHT at a time, and return how many a second. Nothing is read from a database."""
    left = iter(messages)
    confirmed = 0
    line: Any = None

    def opened(channel: Any) -> None:
        def send(number: int) -> None:
            for message in islice(left, number):
                channel.basic_publish(EXCHANGE, message.route, message.body, _properties(message), mandatory=True)

        def on_confirm(frame: Any) -> None:
            nonlocal confirmed
            newly = frame.method.delivery_tag - confirmed if frame.method.multiple else 1
            confirmed += newly
            if confirmed >= len(messages):
                line.close()
            else:
                send(newly)

        channel.confirm_delivery(on_confirm)
        send(IN_FLIGHT)

    line = pika.SelectConnection(
        pika.URLParameters(url),
        on_open_callback=lambda opened_line: opened_line.channel(on_open_callback=opened),
        on_close_callback=lambda closed, reason: closed.ioloop.stop(),
    )
    began = time.monotonic()
    line.ioloop.start()
    return len(messages) / (time.monotonic() - began)


@contextmanager
def _relays(run: Run, url: str, number: int) -> Iterator[list[int]]:
    env = environment(run.database.url) | {"BROKER_URL": url}
    crew = [start_python(["manage.py", "run_outbox_relay"], env=env, stderr=subprocess.DEVNULL) for _ in range(number)]
    try:
        even = (
            "SELECT coalesce(bool_and(n = %s) AND count(*) = %s, false) FROM (SELECT count(*) n FROM pg_locks "
            "WHERE locktype = 'advisory' AND classid::bigint = %s AND objid::bigint <> %s GROUP BY pid) relay"
        )
        wanted = (LANES // number, number, LOCKS, PRESENCE)
        wait_until(lambda: run.database.value(even, wanted), seconds=60, what="relays that share the lanes evenly")
        yield [process.pid for process in crew]
    finally:
        for process in crew:
            process.terminate()
            process.wait(20)


def _drain(run: Run, rabbit: PrivateRabbit, *, relays: int) -> Drained:
    with _relays(run, rabbit.url, relays) as pids:
        _fill(run)
        parts = {"the relays": pids, "PostgreSQL": [run.server.pid], "RabbitMQ": [rabbit.pid]}
        before = {name: cpu_seconds(*roots) for name, roots in parts.items()}
        began = time.monotonic()
        empty = "SELECT NOT EXISTS (SELECT FROM outbox_outgoing)"
        wait_until(lambda: run.database.value(empty), seconds=DRAIN_SECONDS, what="the backlog to leave", every=0.02)
        rate = run.sizes.backlog / (time.monotonic() - began)
        spent = {name: cpu_since(before[name], *roots) for name, roots in parts.items()}
        return Drained(rate, {name: seconds / run.sizes.backlog * 1e6 for name, seconds in spent.items()})


def _purge(url: str) -> None:
    with pika.BlockingConnection(pika.URLParameters(url)) as line:
        line.channel().queue_purge(QUEUE)


def _latency(run: Run, url: str) -> Iterator[Figure]:
    arrived: dict[str, float] = {}
    consumer = threading.Thread(target=_consume, args=(url, arrived), daemon=True)
    stop = threading.Event()
    raw = threading.Thread(target=_raw_loop, args=(run, url, stop), daemon=True)
    run.second_database.execute(
        "CREATE TABLE IF NOT EXISTS raw_outgoing (id bigserial PRIMARY KEY, token text, body text)"
    )
    consumer.start()
    raw.start()
    settings.BROKER_URL = url
    sent: list[dict[str, float]] = [{}, {}]
    with _relays(run, url, 1):
        gap = 1 / EVENTS_PER_SECOND / 2
        for number in range(run.sizes.arrivals * 2):
            began = time.monotonic()
            token = _publish(number) if number % 2 == 0 else _publish_raw_one(run, number)
            sent[number % 2][token] = time.monotonic()
            time.sleep(max(0.0, gap - (time.monotonic() - began)))
        everything = set(sent[0]) | set(sent[1])
        wait_until(lambda: everything <= set(arrived), seconds=60, what="the last messages")
    settings.BROKER_URL = ""
    stop.set()
    raw.join(10)
    ours, raws = ([(arrived[token] - at) * 1000 for token, at in side.items()] for side in sent)
    connection.close()
    for percent, bound in ((50.0, 8.0), (99.0, 25.0)):
        value, beside = percentile(ours, percent), percentile(raws, percent)
        yield Figure(
            "relay", f"commit to consumer, 20 a second, p{percent:g}, beside a raw loop", value, "ms", beside,
            ratio=value / beside, target=Target("≤", bound, "value"),
        )  # fmt: skip


def _publish(number: int) -> str:
    with transaction.atomic():
        (stored,) = publish_all([(GaugeRead(gauge=str(number % AGGREGATES), position=number), None)], actor=None)
    return str(stored.event_id)


def _publish_raw_one(run: Run, number: int) -> str:
    token = f"raw-{number}"
    with run.second_database.connection.transaction():
        run.second_database.execute("INSERT INTO raw_outgoing (token, body) VALUES (%s, '{}')", (token,))
        run.second_database.execute(f"NOTIFY {RAW_CHANNEL}")
    return token


def _consume(url: str, arrived: dict[str, float]) -> None:
    def come(channel: Any, method: Any, properties: Any, body: bytes) -> None:
        arrived.setdefault(properties.message_id, time.monotonic())
        channel.basic_ack(method.delivery_tag)

    channel = pika.BlockingConnection(pika.URLParameters(url)).channel()
    channel.basic_qos(prefetch_count=100)
    channel.basic_consume(QUEUE, come)
    channel.start_consuming()


def _raw_loop(run: Run, url: str, stop: threading.Event) -> None:
    """LISTEN, read, publish, wait for the confirm, delete: what somebody would write in an hour."""
    channel = pika.BlockingConnection(pika.URLParameters(url)).channel()
    channel.confirm_delivery()
    persistent = pika.DeliveryMode.Persistent.value
    with psycopg.connect(run.second_database.url, autocommit=True) as line:
        line.execute(f"LISTEN {RAW_CHANNEL}")
        while not stop.is_set():
            for row, token, body in line.execute("SELECT id, token, body FROM raw_outgoing ORDER BY id").fetchall():
                properties = pika.BasicProperties(message_id=token, delivery_mode=persistent)
                channel.basic_publish(EXCHANGE, "raw", body.encode(), properties, mandatory=True)
                line.execute("DELETE FROM raw_outgoing WHERE id = %s", (row,))
            channel.connection.process_data_events(0)
            list(line.notifies(timeout=1.0, stop_after=1))
