"""`manage.py run_outbox_worker`."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import InterfaceError, OperationalError

from outbox.management.arguments import positive_int, positive_seconds
from outbox.retry import RetryPolicy
from outbox.worker import Worker


class Command(BaseCommand):
    help = (
        "Handle outbox events. Without options it runs until SIGTERM or Ctrl-C, which let the batch in hand "
        "commit; any number of workers may run at once."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        mode = parser.add_mutually_exclusive_group()
        mode.add_argument("--once", action="store_true", help="handle one batch, then exit")
        mode.add_argument("--drain", action="store_true", help="handle events until nothing is due, then exit")
        parser.add_argument(
            "--batch-size", type=positive_int, default=settings.OUTBOX_BATCH_SIZE, metavar="N",
            help="events per transaction (default: %(default)s, OUTBOX_BATCH_SIZE)",
        )  # fmt: skip
        parser.add_argument(
            "--poll-interval", type=positive_seconds, default=settings.OUTBOX_POLL_INTERVAL, metavar="S",
            help="seconds between looks at an empty outbox (default: %(default)s, OUTBOX_POLL_INTERVAL)",
        )  # fmt: skip
        parser.add_argument(
            "--max-attempts", type=positive_int, default=settings.OUTBOX_MAX_ATTEMPTS, metavar="N",
            help="failures after which an event is dead (default: %(default)s, OUTBOX_MAX_ATTEMPTS)",
        )  # fmt: skip

    def handle(self, *args: Any, **options: Any) -> None:
        worker = Worker(
            batch_size=options["batch_size"],
            poll_seconds=options["poll_interval"],
            policy=RetryPolicy(
                max_attempts=options["max_attempts"],
                base_seconds=settings.OUTBOX_BACKOFF_BASE,
                cap_seconds=settings.OUTBOX_BACKOFF_CAP,
            ),
        )
        worker.install_signal_handlers()
        if not (options["once"] or options["drain"]):
            worker.run_forever()
            return
        try:
            result = worker.run_once() if options["once"] else worker.drain()
        except (OperationalError, InterfaceError) as error:
            raise CommandError(f"the database is not reachable: {str(error).strip()}") from error
        self.stdout.write(
            f"{result.processed} processed, {result.retried} to be retried, {result.dead} dead, {result.parked} parked"
        )
