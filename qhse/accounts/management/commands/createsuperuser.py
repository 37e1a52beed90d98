"""`manage.py createsuperuser`. This app stands before django.contrib.auth, so its command wins over Django's."""

from __future__ import annotations

import os
import sys
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from qhse.accounts.management.asking import ask_password
from qhse.accounts.models import User
from qhse.accounts.roles import Role
from qhse.accounts.services.users import checked_profile, checked_username, create_user
from qhse.errors import DomainError

USAGE = 2  # the exit code of a command that was called wrongly, as argparse has it


class Command(BaseCommand):
    help = (
        "Create an administrator who may use the admin site, with an audit entry (Django's own command of this name "
        "leaves none). What is not given is asked for at the terminal."
    )
    requires_migrations_checks = True

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--username", help="with --noinput also DJANGO_SUPERUSER_USERNAME")
        parser.add_argument("--email", help="with --noinput also DJANGO_SUPERUSER_EMAIL")
        parser.add_argument(
            "--noinput", "--no-input", action="store_false", dest="interactive",
            help="ask nothing; the password is DJANGO_SUPERUSER_PASSWORD, whose length is not judged. Without one, "
            "nobody can log in with the account until `changepassword` sets one",
        )  # fmt: skip

    def handle(self, *args: Any, **options: Any) -> None:
        interactive: bool = options["interactive"]
        if interactive and not sys.stdin.isatty():
            raise CommandError("there is no terminal to ask at: use --noinput", returncode=USAGE)
        given = {name: options[name] or (_ask(name) if interactive else _environment(name)) for name in _QUESTIONS}
        if not given["username"]:
            raise CommandError("no name was given: use --username", returncode=USAGE)
        try:
            profile = checked_profile(given | {"username": checked_username(given["username"])})
        except DomainError as refusal:
            raise CommandError(f"--{refusal.field}: {refusal.detail}") from refusal
        password = ask_password(User(**profile), self.stderr) if interactive else _environment("password") or None
        try:
            user = create_user(**profile, password=password, role=Role.ADMIN, actor=None, is_staff=True)
        except DomainError as refusal:
            raise CommandError(refusal.detail) from refusal
        if options["verbosity"]:
            self.stdout.write(f"{user.username!r} is created, with the role {user.role}")


_QUESTIONS = {"username": "User name: ", "email": "E-mail, if there is one: "}


def _ask(name: str) -> str:
    try:
        return input(_QUESTIONS[name]).strip()
    except (EOFError, KeyboardInterrupt):
        raise CommandError("nothing was changed") from None


def _environment(name: str) -> str:
    return os.environ.get(f"DJANGO_SUPERUSER_{name.upper()}", "")
