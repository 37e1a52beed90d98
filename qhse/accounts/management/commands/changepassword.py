"""`manage.py changepassword`, in place of Django's: this app stands before django.contrib.auth, so its command wins."""

from __future__ import annotations

import getpass
from argparse import ArgumentParser
from typing import Any

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError

from qhse.accounts.models import User
from qhse.accounts.services.users import set_password

TRIES = 3


class Command(BaseCommand):
    help = (
        "Ask for a user's new password, and set it. His tokens and sessions end, and the audit trail records that "
        "(Django's own command of this name would do neither)."
    )
    requires_migrations_checks = True

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("username")

    def handle(self, *args: Any, **options: Any) -> None:
        user = User.objects.filter(username=options["username"]).first()
        if user is None:
            raise CommandError(f"there is no user {options['username']!r}")
        for _ in range(TRIES):
            if password := self._asked(user):
                set_password(user_id=user.pk, password=password, actor=None)
                self.stdout.write(f"the password of {user.username!r} is set")
                return
        raise CommandError("nothing was changed")

    def _asked(self, user: User) -> str | None:
        password = getpass.getpass("New password: ")
        if password != getpass.getpass("Once more: "):
            self.stderr.write("these are not the same")
            return None
        try:
            validate_password(password, user)
        except ValidationError as error:
            self.stderr.write("\n".join(error.messages))
            return None
        return password
