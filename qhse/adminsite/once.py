"""Every POST of the admin's pages: done once however often it is sent, and tried again after a deadlock."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from functools import partial, wraps
from typing import Any

from django.contrib import messages
from django.contrib.messages.storage import default_storage
from django.db import transaction
from django.http import HttpRequest, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.utils.safestring import SafeData, mark_safe

from qhse.adminsite.marks import MARK, asks_nothing, digest_of_passwords, typed
from qhse.repeats.writes import Write, digest, first_answer, keep_answer, tried_again

View = Callable[..., HttpResponseBase]

REPEATED = "This form had been sent already. Nothing more has been stored. This is what the first sending did:"
OTHER_TEXT = (
    "This page had been sent already, with other content. Nothing of what stands here has been stored yet. Look at "
    "what the first sending did, and save again if you want to store this as well."
)
PASSWORDS_AGAIN = "Passwords have to be typed again: no page shows them."
FILES_AGAIN = "The file has to be chosen again: no page keeps one."


def once(view: View) -> View:
    """
    Let a view of the admin site answer a repeated POST as it answered the first, and write nothing more.

    A form is known by its mark, its user and its address. The first answer that leads to a page is kept with its
    messages, in the transaction of the write. The same POST again leads to that page, and says that it was a
    repetition. A POST that comes at the same time waits for the first. With other content the form comes back, held
    back: a person went back and wrote something else. A POST without a mark is written as the API writes without a key.

    What a view stores is stored as a whole: services' savepoints are of one transaction. After a deadlock or a
    serialization failure it is tried again.
    """

    @wraps(view)
    def perform(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if request.method != "POST":
            return view(request, *args, **kwargs)
        return tried_again(partial(_write, view, request, args, kwargs))

    vars(perform)["once"] = True  # a mark for the test that looks at every page
    return perform


def keep_for_repetition(response: HttpResponseBase, what: dict[str, Any]) -> None:
    """Keep of an answer that leads nowhere, such as a file, what its view needs to give it again: see `made_before`."""
    vars(response)["kept"] = what


def made_before(request: HttpRequest) -> dict[str, Any] | None:
    """Return what a view has kept of its answer to the first sending of this POST."""
    known: dict[str, Any] | None = getattr(request, "made_before", None)
    return known


def held_back(request: HttpRequest) -> str:
    """Return why this POST must store nothing and show its form again, or nothing."""
    why: str = getattr(request, "held_back", "")
    return why


def show_only(request: HttpRequest, why: str) -> None:
    """Let this POST store nothing. Its form comes back with what was typed, and says why."""
    vars(request)["held_back"] = why


def start_messages_anew(request: HttpRequest) -> None:
    """Forget the messages of a try that was rolled back."""
    vars(request)["_messages"] = default_storage(request)


def _write(view: View, request: HttpRequest, args: Any, kwargs: Any) -> HttpResponseBase:
    start_messages_anew(request)
    write = _named(request)
    with transaction.atomic():
        if write is None:
            return view(request, *args, **kwargs)
        known = first_answer(write, wait=True)
        if known is not None:
            kept = json.loads(known.body)
            if "location" in kept and known.fingerprint == write.fingerprint:
                return _answer_again(request, kept)
            if "location" in kept:
                show_only(request, OTHER_TEXT)
                _say_again(request, kept)
            else:
                vars(request)["made_before"] = kept
        response = view(request, *args, **kwargs)
        if known is None and (what := _kept(request, response)) is not None:
            keep_answer(write, status=response.status_code, body=json.dumps(what))
        return response


def _named(request: HttpRequest) -> Write | None:
    mark = request.POST.get(MARK)
    if not mark:
        return None
    files = [[name, *map(_print_of, each)] for name, each in sorted(request.FILES.lists())]
    passwords = digest_of_passwords(request)
    fingerprint = digest([sorted(typed(request).lists()), files, *([passwords] if passwords else ())])
    name = [request.user.pk, "page", request.path, mark]
    # From an open list one may start several: another selection is another write.
    return Write(request.user, digest([*name, fingerprint] if asks_nothing(request) else name), fingerprint)


def _print_of(file: Any) -> list[Any]:
    """Return what tells one file from another: two photos of one name and size are two."""
    known: list[Any] | None = getattr(file, "fingerprint", None)
    if known is not None:
        return known
    digest_of_file = hashlib.sha256()
    for chunk in file.chunks():
        digest_of_file.update(chunk)
    return [file.name, file.size, digest_of_file.hexdigest()]


def _kept(request: HttpRequest, response: HttpResponseBase) -> dict[str, Any] | None:
    """Return what is kept of an answer. None of a page: it shows a form again, and nothing has been written."""
    if isinstance(response, HttpResponseRedirect):
        return {"location": response.url, "said": _said(request)}
    what: dict[str, Any] | None = getattr(response, "kept", None)
    return what


def _said(request: HttpRequest) -> list[Any]:
    queued = vars(request)["_messages"]._queued_messages
    return [[each.level, str(each.message), isinstance(each.message, SafeData)] for each in queued]


def _answer_again(request: HttpRequest, kept: dict[str, Any]) -> HttpResponseRedirect:
    messages.info(request, REPEATED)
    _say_again(request, kept)
    return HttpResponseRedirect(kept["location"])


def _say_again(request: HttpRequest, kept: dict[str, Any]) -> None:
    for level, text, is_safe in kept["said"]:
        # It was safe when the page said it first, and nobody else writes these records.
        text = mark_safe(text) if is_safe else text  # nosec B308 B703: what this page has made itself
        messages.add_message(request, level, text)
