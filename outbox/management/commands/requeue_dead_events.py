"""`manage.py requeue_dead_events`."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError
from tqdm import tqdm

from outbox.models import OutboxEvent
from outbox.permissions import OUTBOX_ROLES
from outbox.services import REQUEUE_CHUNK, requeue_dead_events
from qhse.accounts.models import User
from qhse.accounts.rights import is_allowed
from qhse.errors import DomainError


class Command(BaseCommand):
    help = "Put dead outbox events back to pending. The reason is kept in the audit trail."

    def add_arguments(self, parser: ArgumentParser) -> None:
        which = parser.add_mutually_exclusive_group(required=True)
        which.add_argument("--id", type=UUID, action="append", metavar="EVENT_ID", help="may be repeated")
        which.add_argument("--type", metavar="EVENT_TYPE", help="all dead events of this type")
        which.add_argument("--all", action="store_true", help="every dead event")
        parser.add_argument("--reason", required=True)
        parser.add_argument(
            "--actor", metavar="USERNAME",
            help="who does this, for the audit trail (default: system). It is believed: nobody logs in here",
        )  # fmt: skip
        parser.add_argument("--dry-run", action="store_true", help="only say how many would be requeued")

    def handle(self, *args: Any, **options: Any) -> None:
        actor = _actor(options["actor"])
        events = OutboxEvent.objects.dead()
        if options["id"]:
            events = events.filter(event_id__in=options["id"])
            missing = set(options["id"]) - set(events.values_list("event_id", flat=True))
            if missing:
                raise CommandError(f"not dead, or not there: {', '.join(sorted(map(str, missing)))}")
        elif options["type"]:
            events = events.filter(event_type=options["type"])
        ids = list(events.order_by("id").values_list("pk", flat=True))
        if options["dry_run"]:
            self.stdout.write(f"{len(ids)} would be requeued")
            return
        requeued = 0
        try:
            with tqdm(total=len(ids), unit="event", disable=None) as bar:
                for start in range(0, len(ids), REQUEUE_CHUNK):
                    chunk = ids[start : start + REQUEUE_CHUNK]
                    requeued += requeue_dead_events(ids=chunk, actor=actor, reason=options["reason"])
                    bar.update(len(chunk))
        except DomainError as error:
            raise CommandError(error.detail) from error
        self.stdout.write(f"{requeued} requeued")


def _actor(username: str | None) -> User | None:
    """Return the user of this name, who must have the right to requeue. None stands for the system."""
    if username is None:
        return None
    user = User.objects.filter(username=username).first()
    if user is None or not is_allowed(user, "requeue", OUTBOX_ROLES):
        raise CommandError(f"--actor: {username!r} is not an active user who may requeue events")
    return user
