"""`manage.py pseudonymise_person`."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError

from qhse.accounts.services.users import pseudonymise_user
from qhse.errors import DomainError


class Command(BaseCommand):
    help = (
        "Replace the name of a deactivated user by a pseudonym, in the account and as the actor of audit entries, "
        "which stay verifiable. To be run by the owner of the tables. It cannot be undone."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("username")
        parser.add_argument("--reason", required=True, help="kept in the audit trail")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            pseudonym, entries = pseudonymise_user(username=options["username"], actor=None, reason=options["reason"])
        except DomainError as error:
            raise CommandError(error.detail) from error
        except DatabaseError as error:
            raise CommandError(f"nothing was changed: {str(error).strip()}") from error
        self.stdout.write(f"now {pseudonym}, also in {entries:,} audit entries")
