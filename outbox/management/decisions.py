"""What the commands have in common by which a person decides about events and about messages that were put aside."""

from __future__ import annotations

from argparse import ArgumentParser
from collections.abc import Callable
from typing import Any, ClassVar
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError
from django.db.models import Q
from tqdm import tqdm

from outbox.events import event_types
from outbox.models import OutboxEvent
from outbox.permissions import OUTBOX_ROLES
from outbox.services import DECIDED_AT_ONCE
from qhse.accounts.models import User
from qhse.accounts.rights import is_allowed
from qhse.errors import DomainError


def demand_known_type(name: str) -> None:
    """Raises CommandError."""
    if name not in event_types:
        raise CommandError(f"--type: there is no {name}; known are {', '.join(sorted(event_types))}", returncode=2)


class ReasonedCommand(BaseCommand):
    """A command that needs a reason, for the trail. `action` is its name in the role table."""

    action: ClassVar[str]

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--reason", required=True)
        parser.add_argument(
            "--actor", metavar="USERNAME",
            help="who does this, for the audit trail (default: system). It is believed: nobody logs in here",
        )  # fmt: skip
        parser.add_argument("--dry-run", action="store_true", help="only say how many there are")

    def actor(self, username: str | None) -> User | None:
        """Return the user of this name, who must have the right to do it. None stands for the system."""
        if username is None:
            return None
        user = User.objects.named(username)
        if user is None or not is_allowed(user, self.action, OUTBOX_ROLES):
            raise CommandError(
                f"--actor: {username!r} is not an active user who may {self.action} events", returncode=2
            )
        return user


class DecisionCommand(ReasonedCommand):
    """Calls `decide` for those of the chosen events that are dead. `done` is the participle of the action."""

    done: ClassVar[str]
    decide: ClassVar[Callable[..., int]]

    def add_arguments(self, parser: ArgumentParser) -> None:
        which = parser.add_mutually_exclusive_group(required=True)
        which.add_argument("--id", type=UUID, action="append", metavar="EVENT_ID", help="may be repeated")
        which.add_argument("--type", metavar="EVENT_TYPE", help="all dead events of this type")
        which.add_argument("--all", action="store_true", help="every dead event")
        super().add_arguments(parser)

    def chosen(self, which: Q) -> list[tuple[int, UUID]]:
        """Return row and event id of what may be decided on, of the events for which this is true."""
        return list(OutboxEvent.objects.dead().filter(which).order_by("id").values_list("pk", "event_id"))

    def handle(self, *args: Any, **options: Any) -> None:
        actor = self.actor(options["actor"])
        which = Q(event_id__in=options["id"]) if options["id"] else Q()
        which &= Q(event_type=options["type"]) if options["type"] else Q()
        chosen = self.chosen(which)
        if missing := set(options["id"] or ()) - {event_id for _, event_id in chosen}:
            raise CommandError(f"not dead, or not there: {', '.join(sorted(map(str, missing)))}")
        # One that this code does not know any more may have dead events.
        if options["type"] and not chosen:
            demand_known_type(options["type"])
        ids = [row for row, _ in chosen]
        if options["dry_run"]:
            self.stdout.write(f"{len(ids)} would be {self.done}")
            return
        number = 0
        try:
            with tqdm(total=len(ids), unit="event", disable=None) as bar:
                for start in range(0, len(ids), DECIDED_AT_ONCE):
                    chunk = ids[start : start + DECIDED_AT_ONCE]
                    number += type(self).decide(ids=chunk, actor=actor, reason=options["reason"])
                    bar.update(len(chunk))
        except DomainError as error:
            raise CommandError(error.detail) from error
        self.stdout.write(f"{number} {self.done}")
