"""`manage.py replay_events`."""

from __future__ import annotations

from argparse import ArgumentParser, ArgumentTypeError
from datetime import UTC, datetime
from typing import Any

from django.core.management.base import CommandError
from tqdm import tqdm

from outbox.management.decisions import ReasonedCommand, demand_known_type
from outbox.relay.services import Selection, replay
from qhse.errors import DomainError


class Command(ReasonedCommand):
    help = (
        "Send events to the broker again, under their ids, for a consumer that has lost them. They come late on "
        "purpose, with the header qhse_replay. What was pruned cannot be sent. The reason is kept in the audit trail."
    )
    action = "replay"

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--since", type=_moment, metavar="TIME", help="published at this time or later (ISO, UTC)")
        parser.add_argument("--until", type=_moment, metavar="TIME", help="published before this time")
        parser.add_argument("--type", metavar="EVENT_TYPE", default="")
        parser.add_argument("--aggregate", type=_aggregate, metavar="TYPE/ID", help="such as nonconformity/41")
        super().add_arguments(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        if options["type"]:
            demand_known_type(options["type"])
        try:
            selection = Selection(options["since"], options["until"], options["type"], options["aggregate"])
        except DomainError as error:
            raise CommandError(f"--until: {error.detail}", returncode=2) from error
        actor = self.actor(options["actor"])
        number = selection.events().count()
        if not number and selection.aggregate and not Selection(aggregate=selection.aggregate).events().exists():
            raise CommandError(f"--aggregate: no event of {'/'.join(selection.aggregate)} is stored", returncode=2)
        if options["dry_run"]:
            self.stdout.write(f"{number} would be sent again")
            return
        try:
            with tqdm(total=number, unit="event", disable=None) as bar:
                number = replay(selection, actor=actor, reason=options["reason"], progress=bar.update)
        except DomainError as error:
            raise CommandError(error.detail) from error
        self.stdout.write(f"{number} will be sent again")


def _moment(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise ArgumentTypeError(f"{text!r} is no time such as 2026-03-01 or 2026-03-01T12:30:00+01:00") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _aggregate(text: str) -> tuple[str, str]:
    kind, _, identity = text.partition("/")
    if not kind or not identity:
        raise ArgumentTypeError(f"{text!r} is no record such as nonconformity/41")
    return kind, identity
