"""`manage.py accept_late_entries`."""

from __future__ import annotations

from argparse import ArgumentParser, ArgumentTypeError
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from audit.proof.late import NotLate, accept_late_entries
from qhse.text import plain

MOST = 100_000
MOST_ID = 2**63 - 1  # as the database counts


class Command(BaseCommand):
    help = (
        "Say why entries are dated before a time that a seal had closed, such as a database clock that was wrong. "
        "verify_audit_trail counts them from then on instead of reporting them. All or none; the trail records each."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("entries", nargs="+", type=_ids, metavar="ID", help="of an entry, or 17-25 for a range")
        parser.add_argument("--reason", required=True, help="kept in the audit trail")

    def handle(self, *args: Any, **options: Any) -> None:
        reason = plain(options["reason"])
        if not reason:
            raise CommandError("--reason: say why")
        if sum(len(ids) for ids in options["entries"]) > MOST:  # each is shorter than that
            raise CommandError(f"at most {MOST:,} entries at once")
        try:
            number = accept_late_entries([pk for ids in options["entries"] for pk in ids], actor=None, reason=reason)
        except NotLate as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"{number:,} late entries accepted")


def _ids(text: str) -> range:
    first, dash, last = text.partition("-")
    try:
        ids = range(int(first), int(last if dash else first) + 1)
    except ValueError:
        raise ArgumentTypeError(f"{text!r} is neither an id nor a range such as 17-25") from None
    if not ids:
        raise ArgumentTypeError(f"{text!r} ends before it begins: write {last}-{first}")
    if ids[-1] - ids[0] >= MOST or ids[-1] > MOST_ID:
        raise ArgumentTypeError(f"{text!r}: at most {MOST:,} entries at once, and ids end at {MOST_ID}")
    return ids
