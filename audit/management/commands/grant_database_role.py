"""`manage.py grant_database_role`."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError, connection

from audit.database_role import grant_application_role


class Command(BaseCommand):
    help = (
        "PostgreSQL: give a role what the application needs, and no right to change or empty the audit trail. The "
        "owner of the tables runs it after each migrate; the application then runs as that role."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("role", help="it exists: CREATE ROLE … LOGIN PASSWORD …")

    def handle(self, *args: Any, **options: Any) -> None:
        if connection.vendor != "postgresql":
            raise CommandError("SQLite has no roles")
        try:
            grant_application_role(options["role"])
        except (LookupError, ValueError, DatabaseError) as error:
            raise CommandError(str(error).strip()) from error
        self.stdout.write(f"{options['role']} may run the application, and may only read and extend the audit trail")
