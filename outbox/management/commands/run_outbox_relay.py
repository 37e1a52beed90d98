"""`manage.py run_outbox_relay`."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError, InterfaceError, connection

from outbox.guards.deadline import Watchdog
from outbox.liveness import LivenessFile
from outbox.management.serving import refuse_old_schema, serve_metrics
from outbox.relay.couriers import all_couriers
from outbox.relay.relay import Relay
from outbox.tuning import WATCHDOG_SECONDS
from qhse import tracing
from qhse.deployment.connections import bound_connections
from qhse.deployment.database_checks import refuse_unsafe_database


def bound_session() -> None:
    bound_connections(
        statement=WATCHDOG_SECONDS, lock=WATCHDOG_SECONDS, idle_in_transaction=WATCHDOG_SECONDS,
        name="qhse-relay", by_indexes=True,
    )  # fmt: skip


class Command(BaseCommand):
    help = (
        "Send events to the broker of BROKER_URL and to other receivers. Without options it runs until SIGTERM or "
        "Ctrl-C, which let the batch in hand end; several relays share the work."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--drain", action="store_true", help="send what is due, then exit")
        parser.add_argument(
            "--liveness-file", type=Path, metavar="FILE",
            help="rewrite this file while the loop turns; `python -m outbox.liveness FILE` checks it",
        )  # fmt: skip

    def handle(self, *args: Any, **options: Any) -> None:
        if connection.vendor != "postgresql":
            raise CommandError("the relay needs PostgreSQL, whose locks keep two relays from sending the same")
        try:
            couriers = all_couriers()
        except ImproperlyConfigured as refusal:
            raise CommandError(str(refusal)) from None
        if not couriers:
            raise CommandError("there is nothing to carry: set BROKER_URL")
        bound_session()
        try:
            refuse_unsafe_database()
        except ImproperlyConfigured as refusal:
            raise CommandError(str(refusal)) from None
        file = options["liveness_file"]
        liveness = LivenessFile(file) if file else None
        relay = Relay(couriers, liveness=liveness, watchdog=Watchdog(on=True))
        relay.install_signal_handlers()
        if options["drain"]:
            self._drain(relay)
            return
        tracing.start("qhse-relay")
        serve_metrics(settings.OUTBOX_METRICS_BIND)
        refuse_old_schema()
        relay.run_forever()

    def _drain(self, relay: Relay) -> None:
        try:
            moved = relay.drain()
        except (DatabaseError, InterfaceError) as error:
            raise CommandError(f"the database is not reachable: {str(error).strip()}") from error
        finally:
            relay.leave()
        self.stdout.write(f"{moved} messages moved")
