"""`manage.py run_imports`."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand

from qhse.exchange.running import run_waiting


class Command(BaseCommand):
    help = (
        "Run the imports that people have started, and end. Workers start it by themselves. Several at once are "
        "harmless: one of them has its turn at an import. One that was killed is gone on with by the next."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        self.stdout.write(f"{run_waiting()} imports run")
