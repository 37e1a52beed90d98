"""`manage.py changepassword`. This app stands before django.contrib.auth, so its command wins over Django's."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from qhse.accounts.management.asking import ask_password
from qhse.accounts.models import User
from qhse.accounts.services.users import set_password


class Command(BaseCommand):
    help = (
        "Ask for a user's new password, and set it. Their tokens and sessions end, and the audit trail records that "
        "(Django's own command of this name would do neither)."
    )
    requires_migrations_checks = True

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("username")

    def handle(self, *args: Any, **options: Any) -> None:
        user = User.objects.named(options["username"])
        if user is None:
            raise CommandError(f"there is no user {options['username']!r}")
        set_password(user_id=user.pk, password=ask_password(user, self.stderr), actor=None)
        self.stdout.write(f"the password of {user.username!r} is set")
