"""`manage.py run_outbox_worker`."""

from __future__ import annotations

import gc
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError, InterfaceError

from outbox import presence
from outbox.engine.retry import RetryPolicy
from outbox.engine.worker import Worker
from outbox.errors import GivenBack
from outbox.liveness import LivenessFile
from outbox.management.serving import refuse_old_schema, serve_metrics
from outbox.tuning import WATCHDOG_SECONDS
from qhse import tracing
from qhse.arguments import positive_int, positive_seconds
from qhse.deployment.connections import bound_connections
from qhse.deployment.database_checks import refuse_unsafe_database


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
            help="longest seconds between looks at an empty outbox (default: %(default)s, OUTBOX_POLL_INTERVAL)",
        )  # fmt: skip
        parser.add_argument(
            "--max-attempts", type=positive_int, default=settings.OUTBOX_MAX_ATTEMPTS, metavar="N",
            help="failures after which an event is dead (default: %(default)s, OUTBOX_MAX_ATTEMPTS)",
        )  # fmt: skip
        parser.add_argument(
            "--handler-timeout", type=positive_seconds, default=settings.OUTBOX_HANDLER_TIMEOUT, metavar="S",
            help="seconds that one call of a handler may take (default: %(default)s, OUTBOX_HANDLER_TIMEOUT)",
        )  # fmt: skip
        parser.add_argument(
            "--liveness-file", type=Path, metavar="FILE",
            help="rewrite this file while the loop turns; `python -m outbox.liveness FILE` checks it",
        )  # fmt: skip

    def handle(self, *args: Any, **options: Any) -> None:
        seconds = options["handler_timeout"]
        bound_connections(
            # The server ends a statement a little before the alarm ends the handler: the cleaner of the two ends. But a
            # claim has its own time, however little the handlers have.
            statement=max(seconds * 0.9, WATCHDOG_SECONDS),
            lock=seconds * 0.8,
            idle_in_transaction=seconds + 5,
            name="qhse-worker",
            prepared=True,
        )
        tracing.start("qhse-worker")
        worker = self._worker(options)
        worker.install_signal_handlers()
        try:
            refuse_unsafe_database()
            refuse_old_schema()  # else handlers fail, and events are dead for what a migration would mend
        except (ImproperlyConfigured, CommandError) as refusal:
            worker.leave()  # its alarm would outlive a command that was called in another program
            raise CommandError(str(refusal)) from None
        # A batch makes thousands of objects and no cycles: looking for cycles as often as Python does by itself would
        # take a twelfth of the time.
        gc.freeze()
        gc.set_threshold(50_000, 20, 20)
        if not (options["once"] or options["drain"]):
            serve_metrics(settings.OUTBOX_METRICS_BIND)
            presence.stay()
            worker.run_forever()
            return
        try:
            if options["drain"]:
                result = worker.drain_with_jobs()
            else:
                result = worker.run_once()
                worker.do_jobs()
        except (DatabaseError, InterfaceError) as error:
            raise CommandError(f"the database is not reachable: {str(error).strip()}") from error
        except GivenBack:
            raise CommandError("told to stop; the batch in hand was given back") from None
        finally:
            worker.leave()
        self.stdout.write(
            f"{result.processed} processed, {result.retried} to be retried, {result.dead} dead, {result.parked} parked"
        )

    @staticmethod
    def _worker(options: dict[str, Any]) -> Worker:
        seconds = options["handler_timeout"]
        return Worker(
            batch_size=options["batch_size"],
            poll_seconds=options["poll_interval"],
            policy=RetryPolicy(
                max_attempts=options["max_attempts"],
                base_seconds=settings.OUTBOX_BACKOFF_BASE,
                cap_seconds=settings.OUTBOX_BACKOFF_CAP,
            ),
            handler_seconds=seconds,
            farewell=presence.take_sign_away,
            liveness=LivenessFile(options["liveness_file"], call_seconds=seconds) if options["liveness_file"] else None,
        )
