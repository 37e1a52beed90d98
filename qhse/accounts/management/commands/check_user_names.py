"""`manage.py check_user_names`."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError

from qhse.accounts.models import User
from qhse.accounts.usernames import Named, describe, troubles


class Command(BaseCommand):
    help = (
        "List the users whose names are not theirs alone, and what `migrate` does about each. Run it before an upgrade "
        "from a version in which `anna` and `Anna` could be two users. Exit code 1: somebody has to decide first, and "
        "`migrate` would refuse."
    )
    requires_system_checks: list[str] = []

    def handle(self, *args: Any, **options: Any) -> None:
        # Only these columns: the table is that of the earlier version.
        columns = ("pk", "username", "is_active", "external_id")
        try:
            found = troubles(Named(*row) for row in User.objects.order_by("pk").values_list(*columns))
        except DatabaseError as error:
            raise CommandError(f"the users cannot be read: {str(error).strip()}") from error
        for trouble in found:
            self.stdout.write(describe(trouble))
        undecided = sum(trouble.has_to_decide for trouble in found)
        if undecided:
            raise CommandError(f"{undecided} to be decided by a person; `migrate` refuses until then")
        if not found:
            self.stdout.write("every user's name is theirs alone")
