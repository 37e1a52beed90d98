"""`manage.py prune_outbox`."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError, InterfaceError
from tqdm import tqdm

from outbox.pruning import PRUNE_BATCH, count_prunable, prune_processed
from qhse.arguments import days, positive_int


class Command(BaseCommand):
    help = (
        "Remove outbox events that were processed more than so many days ago. Pending and dead events stay. It may "
        "run beside workers and beside itself, be interrupted at any moment, and be repeated."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--older-than", type=days, required=True, metavar="DAYS",
            help="a whole number of days of 24 hours, by the database's clock; 0 means all that are processed by now",
        )  # fmt: skip
        parser.add_argument("--dry-run", action="store_true", help="only say how many would be removed")
        parser.add_argument(
            "--batch-size", type=positive_int, default=PRUNE_BATCH, metavar="N",
            help="events looked at in one transaction (default: %(default)s)",
        )  # fmt: skip

    def handle(self, *args: Any, **options: Any) -> None:
        removed = 0
        try:
            if options["dry_run"]:
                self.stdout.write(f"{count_prunable(older_than_days=options['older_than'])} would be removed")
                return
            with tqdm(unit="id", unit_scale=True, disable=None) as bar:
                for step in prune_processed(older_than_days=options["older_than"], batch_size=options["batch_size"]):
                    removed += step.removed
                    bar.total = step.total
                    bar.update(step.passed)
        except KeyboardInterrupt:
            message = f"interrupted when {removed} had been removed; run it again for the rest"
            raise CommandError(message, returncode=130) from None
        except (DatabaseError, InterfaceError) as error:
            raise CommandError(f"{removed} removed, then the database failed: {str(error).strip()}") from error
        self.stdout.write(f"{removed} removed")
