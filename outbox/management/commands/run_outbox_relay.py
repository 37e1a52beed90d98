"""`manage.py run_outbox_relay`."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError, InterfaceError, connection
from django.db.models import Q
from django.db.models.functions import Now

from outbox.choices import OutgoingState
from outbox.guards.deadline import Watchdog
from outbox.leaving import leaving_status
from outbox.liveness import LivenessFile
from outbox.management.serving import refuse_old_schema, serve_metrics
from outbox.models import Outgoing
from outbox.relay.couriers import all_couriers
from outbox.relay.relay import Relay
from outbox.tuning import WATCHDOG_SECONDS
from qhse import tracing
from qhse.deployment.connections import bound_connections
from qhse.deployment.database_checks import refuse_unsafe_database

LOOKED_AT = 1_000
"""Rows of a look at what is left: enough to tell one that is stuck from one that has just come."""


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
        parser.add_argument(
            "--drain", action="store_true", help="send what is due, then exit; not 0 if something due has not left"
        )
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
            # Also what others publish is seen as due for a moment. What was so before a further look is stuck.
            seen = _due()
            moved += relay.drain() if seen else 0
            stuck, status = set(_due()) & set(seen), leaving_status()
        except (DatabaseError, InterfaceError) as error:
            raise CommandError(f"the database is not reachable: {str(error).strip()}") from error
        finally:
            relay.leave()
        aside = f", {status.put_aside} put aside" if status.put_aside else ""
        if stuck:
            raise CommandError(
                f"{moved} messages moved; {status.waiting} have not left{aside}. Some are due: the broker is away, as "
                "the log says, BROKER_URL is not set, another relay holds their lanes, or this one was told to stop"
            )
        left = f"; {status.waiting} wait for their next attempt{aside}" if status.waiting or aside else ""
        self.stdout.write(f"{moved} messages moved{left}")


def _due() -> list[int]:
    """Return the rows that wait for nothing but a relay, whichever: the oldest, and not more than are looked at."""
    is_due = Q(state=OutgoingState.FRESH) | Q(state=OutgoingState.WAITING, next_attempt_at__lte=Now())
    return list(Outgoing.objects.filter(is_due).order_by("id").values_list("pk", flat=True)[:LOOKED_AT])
