"""
The mark of a form: a one-time key, signed for whom the form was made. And what else of a form is not typed.

The template tag `csrf_token` writes the mark into every form, so the next form has one without asking. By the mark a
form that is sent twice is recognised (`once`), and its text returns to the person who wrote it (`held`).
"""

from __future__ import annotations

import json
from typing import Any
from uuid import uuid4

from django.core import signing
from django.http import HttpRequest, QueryDict
from django.utils.crypto import salted_hmac

MARK = "_mark"
VERSION = "_version"  # of the record that the form was opened with; on pages of several records "<id>:<version>" each
SEEN = "_seen"  # the newest audit entry about the record when the form was opened
OPENED = "_opened"  # the values that the form was opened with, signed
CSRF = "csrfmiddlewaretoken"
CONFIRMED = "confirmed"  # in the form of an action that has asked for a reason
NOT_TYPED = frozenset({VERSION, SEEN, OPENED})  # of what `typed` returns
_SALT = "qhse.adminsite.mark"
_OPENED_SALT = "qhse.adminsite.opened"

Sent = str | bool | list[str]
"""A value of a field as a browser sends it: a text, whether a box is ticked, or what is chosen of several."""


def new_mark(user: Any) -> str:
    """Return a mark that no other form has."""
    return signing.dumps([user.pk, uuid4().hex], salt=_SALT)


def owner_of(mark: str) -> int | None:
    """Return the id of the user for whose form we made this mark. None for a forged one."""
    try:
        owner, _ = signing.loads(mark, salt=_SALT)
    except (signing.BadSignature, ValueError, TypeError):
        return None
    return owner if isinstance(owner, int) else None


def opened_with(values: dict[str, Sent]) -> str:
    """
    Return what a form carries of the values that it was opened with.

    It is signed: a page that comes back says of them what they mean, and may only do so of what it had shown.
    """
    return signing.Signer(salt=_OPENED_SALT).sign_object(values, compress=True)


def values_in(opened: str) -> dict[str, Sent]:
    """Return the values that a form was opened with. None of what we have not signed, or if it carries nothing."""
    try:
        values: dict[str, Sent] = signing.Signer(salt=_OPENED_SALT).unsign_object(opened)
    except (signing.BadSignature, ValueError):
        return {}
    return values


def typed(request: HttpRequest) -> QueryDict:
    """Return what a person has put into a form. Passwords are left out: they are kept nowhere."""
    fields = request.POST.copy()
    for name in list(fields):
        if name in (CSRF, MARK) or _is_password(name):
            del fields[name]
    return fields


def digest_of_passwords(request: HttpRequest) -> str | None:
    """
    Return by what other passwords in the same form are told from these, or nothing when there are none.

    It needs SECRET_KEY, and the form's mark goes into it. So it cannot be guessed at with the database alone, and is
    another one for the same password in another form.
    """
    passwords = sorted((name, values) for name, values in request.POST.lists() if _is_password(name) and any(values))
    if not passwords:
        return None
    text = json.dumps([request.POST.get(MARK), passwords])
    return salted_hmac("qhse.adminsite.passwords", text, algorithm="sha256").hexdigest()


def _is_password(name: str) -> bool:
    return "password" in name


def number_in(text: str) -> int | None:
    """Return the number that a hidden field holds. None for anything else."""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 18 else None


def version_in(request: HttpRequest) -> frozenset[int] | None:
    """Return the version with which a page was opened, for a service to expect. None if the form says nothing of it."""
    text = request.POST.get(VERSION)
    if text is None:
        return None
    number = number_in(text)
    return frozenset() if number is None else frozenset({number})


def versions_in(request: HttpRequest) -> dict[str, frozenset[int]]:
    """Return the versions of the records of a page, by their keys."""
    pairs = (text.rpartition(":") for text in request.POST.getlist(VERSION))
    return {pk: frozenset({number}) for pk, _, text in pairs if (number := number_in(text)) is not None}


def asks_nothing(request: HttpRequest) -> bool:
    """Answer whether this is an action of a list that runs at once. Its page stays open, after a download say."""
    return "action" in request.POST and CONFIRMED not in request.POST
