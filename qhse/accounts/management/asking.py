"""How a command asks a person at a terminal."""

from __future__ import annotations

import getpass

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.core.management.base import CommandError, OutputWrapper

from qhse.accounts.models import User

TRIES = 3


def ask_password(user: User, complaints: OutputWrapper) -> str:
    """
    Ask for a new password, twice, until it satisfies the rules. They compare it with this user's name and address.

    Raises CommandError after TRIES tries, or when the person breaks off.
    """
    for _ in range(TRIES):
        try:
            password = getpass.getpass("New password: ")
            if password != getpass.getpass("Once more: "):
                complaints.write("these are not the same")
                continue
            validate_password(password, user)
        except ValidationError as refusal:
            complaints.write("\n".join(refusal.messages))
            continue
        except (EOFError, KeyboardInterrupt):
            break
        return password
    raise CommandError("nothing was changed")
