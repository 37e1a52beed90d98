"""`manage.py run_imports`."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from qhse.deployment.connections import bound_connections
from qhse.exchange import signs
from qhse.exchange.running import run_waiting

LOCK_SECONDS = 8.0
"""A hundred rows of another import hold their locks for a second or so. For longer ones the next run comes back."""
STATEMENT_SECONDS = 12.0
"""A hundred rows are written in hundreds of short statements; all rows are locked by one."""
IDLE_SECONDS = 12.0
"""Between two statements a row is read. A process that was stopped keeps others from its locks for so long."""


class Command(BaseCommand):
    help = (
        "Run the imports that people have started, and end. Workers start it by themselves. Several at once are "
        "harmless: one of them has its turn at an import. One that was killed is gone on with by the next."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--signs-to", type=int, metavar="FD", help="write signs of life to this descriptor, as workers want it"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        bound_connections(
            statement=STATEMENT_SECONDS, lock=LOCK_SECONDS, idle_in_transaction=IDLE_SECONDS, name="qhse-import"
        )
        with signs.watched(options["signs_to"]):
            self.stdout.write(f"{run_waiting()} imports run")
