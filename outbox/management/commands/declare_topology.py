"""`manage.py declare_topology`."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from outbox.relay.port import BrokerAway
from outbox.relay.topology import declare
from qhse.arguments import positive_int


class Command(BaseCommand):
    help = (
        "Make what the relay publishes to at the broker of BROKER_URL: on RabbitMQ an exchange, a quorum queue and its "
        "dead letters, on NATS a stream. The relay itself only looks whether they are there. May be repeated."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--queue", default="qhse.events", help="name of the queue (default: %(default)s)")
        parser.add_argument(
            "--bind", action="append", metavar="KEY",
            help="routing key that the queue wants, such as nonconformity.*; may be repeated (default: #, all). "
            "It stays bound to those of earlier runs",
        )  # fmt: skip
        parser.add_argument(
            "--max-length", type=positive_int, metavar="N",
            help="messages that fit; more are declined, and wait here (default: no bound)",
        )  # fmt: skip

    def handle(self, *args: Any, **options: Any) -> None:
        if not settings.BROKER_URL:
            raise CommandError("there is no broker: set BROKER_URL")
        try:
            done = declare(
                settings.BROKER_URL,
                queue=options["queue"],
                bindings=options["bind"] or ["#"],
                max_length=options["max_length"],
            )
        except BrokerAway as refusal:
            raise CommandError(str(refusal)) from None
        for line in done:
            self.stdout.write(line)
