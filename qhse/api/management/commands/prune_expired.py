"""`manage.py prune_expired`."""

from __future__ import annotations

from argparse import ArgumentParser
from collections import Counter
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError, InterfaceError

from qhse.api.pruning import prune_expired
from qhse.arguments import days


class Command(BaseCommand):
    help = (
        "Remove answers that were kept for repeated requests, ended logins, login counters and expired sessions. It "
        "may run beside everything, be interrupted at any moment, and be repeated; once a day is enough."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--keys-older-than", type=days, default=7, metavar="DAYS",
            help="keep answers under an Idempotency-Key for so many days (default: %(default)s); later, the same key "
            "begins a new write",
        )  # fmt: skip

    def handle(self, *args: Any, **options: Any) -> None:
        removed: Counter[str] = Counter()
        try:
            for what, number in prune_expired(keys_older_than_days=options["keys_older_than"]):
                removed[what] += number
        except (DatabaseError, InterfaceError) as error:
            raise CommandError(f"{removed.total()} removed, then the database failed: {str(error).strip()}") from error
        for what, number in removed.items():
            self.stdout.write(f"{number} {what} removed")
        if not removed:
            self.stdout.write("nothing to remove")
