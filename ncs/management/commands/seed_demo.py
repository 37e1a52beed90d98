"""`manage.py seed_demo`."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from tqdm import tqdm

from ncs.demo import ensure_demo_users, seed_nonconformities, seed_suppliers
from qhse.accounts.roles import Role
from qhse.arguments import positive_int
from suppliers.models import Supplier


class Command(BaseCommand):
    help = (
        "Create the demo users quality, procurement, auditor and admin (password = name), and suppliers and NCs "
        "through the services. Refuses in production."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--suppliers", type=positive_int, default=40, metavar="N")
        parser.add_argument("--ncs", type=positive_int, default=120, metavar="N")
        parser.add_argument("--if-empty", action="store_true", help="do nothing when there are suppliers already")

    def handle(self, *args: Any, **options: Any) -> None:
        if settings.PRODUCTION:
            raise CommandError("demo users have known passwords: refused in production")
        if options["if_empty"] and Supplier.objects.exists():
            self.stdout.write("there is data already, nothing seeded")
            return
        users = ensure_demo_users()
        suppliers = seed_suppliers(options["suppliers"], actor=users[Role.PROCUREMENT])
        ncs = seed_nonconformities(options["ncs"], actor=users[Role.QUALITY])
        made = sum(1 for _ in tqdm(suppliers, total=options["suppliers"], unit="supplier", disable=None))
        opened = sum(1 for _ in tqdm(ncs, total=options["ncs"], unit="NC", disable=None))
        self.stdout.write(f"{made} suppliers and {opened} non-conformities seeded")
