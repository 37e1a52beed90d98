"""
A consumer of QHSE's events, as another system would have one: each event has its effect once, whatever is sent twice.

It needs pika and psycopg, and a database of its own. It shares no code with QHSE.
"""

from __future__ import annotations

import json
from typing import Any

import pika
import psycopg

INBOX = """
CREATE TABLE IF NOT EXISTS inbox (message_id text PRIMARY KEY, received_at timestamptz NOT NULL DEFAULT now());
CREATE TABLE IF NOT EXISTS open_cases (
    nc_id bigint PRIMARY KEY, status text NOT NULL, sequence bigint NOT NULL
);
CREATE TABLE IF NOT EXISTS case_log (nc_id bigint NOT NULL, what text NOT NULL)
"""
STATUS = {"NC_CREATED": "OPEN", "NC_CLOSED": "CLOSED", "NC_REOPENED": "OPEN"}


def handle(database: psycopg.Connection[Any], message_id: str, headers: dict[str, Any], body: bytes) -> None:
    """
    Do what follows from one message, once.

    The effect and the inbox's row commit together. So a message that comes again finds its row, and does nothing. One
    that failed leaves no row, and may come again.
    """
    with database.transaction():
        new = database.execute(
            "INSERT INTO inbox (message_id) VALUES (%s) ON CONFLICT DO NOTHING", [message_id]
        ).rowcount  # fmt: skip
        if not new:
            return
        what, sequence = headers["cloudEvents_type"], int(headers["cloudEvents_sequence"])
        if what not in STATUS:
            return  # an event that this system does not care about
        nc_id = json.loads(body)["nc_id"]
        database.execute("INSERT INTO case_log (nc_id, what) VALUES (%s, %s)", [nc_id, what])
        # What keeps a state only takes what is newer: a replay comes late, with a low sequence.
        database.execute(
            "INSERT INTO open_cases (nc_id, status, sequence) VALUES (%s, %s, %s) ON CONFLICT (nc_id) DO UPDATE "
            "SET status = excluded.status, sequence = excluded.sequence WHERE open_cases.sequence < excluded.sequence",
            [nc_id, STATUS[what], sequence],
        )


def consume(broker_url: str, database_url: str, queue: str) -> None:
    """Handle messages until the line ends. A message is acknowledged after its effect has committed, never before."""
    with psycopg.connect(database_url, autocommit=True) as database:
        database.execute(INBOX)
        with pika.BlockingConnection(pika.URLParameters(broker_url)) as line:
            channel = line.channel()
            # One at a time, and one consumer of a queue: that keeps the order. For more, make the queue's
            # x-single-active-consumer true, or split it by routing key.
            channel.basic_qos(prefetch_count=1)
            for method, properties, body in channel.consume(queue):
                handle(database, properties.message_id, properties.headers, body)
                channel.basic_ack(method.delivery_tag)
