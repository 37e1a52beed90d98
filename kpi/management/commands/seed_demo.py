"""`manage.py seed_demo`."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from tqdm import tqdm

from kpi.demo import is_seeded, seed
from qhse.arguments import positive_int
from qhse.errors import DomainError
from suppliers.models import Supplier


class Command(BaseCommand):
    help = (
        "Create the demo users quality, procurement, auditor and admin (password = name), and suppliers with "
        "certificates, deliveries and NCs through the services: once. Refuses in production."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--suppliers", type=positive_int, default=40, metavar="N")
        parser.add_argument("--ncs", type=positive_int, default=150, metavar="N")
        parser.add_argument("--if-empty", action="store_true", help="do nothing when there are suppliers already")

    def handle(self, *args: Any, **options: Any) -> None:
        if settings.PRODUCTION:
            raise CommandError("demo users have known passwords: refused in production")
        if options["if_empty"] and Supplier.objects.exists():
            self.stdout.write("there is data already, nothing seeded")
            return
        if is_seeded():
            self.stdout.write("the demo data is there already, nothing seeded")
            return

        def shown(steps: Any, total: int, unit: str) -> Any:
            return tqdm(steps, total=total, unit=unit, disable=None)

        try:
            made, opened = seed(suppliers=options["suppliers"], ncs=options["ncs"], shown=shown)
        except DomainError as error:
            raise CommandError(f"{error.detail} Does another one seed just now? Nothing was seeded here.") from error
        self.stdout.write(f"{made} suppliers and {opened} non-conformities seeded")
