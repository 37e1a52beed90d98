"""`manage.py outbox_status`."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from dataclasses import asdict
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from outbox.leaving import leaving_status
from outbox.selectors import outbox_status, workers


class Command(BaseCommand):
    help = (
        "Show how many outbox events are pending, due, waiting for a later time and dead, and how old the oldest is. "
        "Also when a worker last gave a sign of life. Ages are seconds by the database's clock."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--format", choices=("table", "json"), default="table")

    def handle(self, *args: Any, **options: Any) -> None:
        status, seen, leaving = outbox_status(), workers(), leaving_status()
        if options["format"] == "json":
            self.stdout.write(json.dumps(status.as_dict() | {"workers": asdict(seen), "leaving": asdict(leaving)}))
            return
        for name, figure in (
            ("pending", status.pending),
            ("  due now", status.due),
            ("  waiting", status.waiting),
            ("  of unknown type", status.unknown),
            ("dead", status.dead),
            ("oldest pending", _seconds(status.oldest_pending_seconds)),
            ("longest due", _seconds(status.oldest_due_seconds)),
            ("workers", seen.living),
            ("  last seen", "never" if seen.seen_seconds is None else f"{seen.seen_seconds:.1f} s ago"),
        ):
            self.stdout.write(f"{name:18}{figure:>12}")
        if settings.BROKER_URL or leaving.waiting or leaving.put_aside or leaving.relays:
            self.stdout.write(f"{'relays':18}{leaving.relays:>12}")
            self.stdout.write(f"{'to be sent':18}{leaving.waiting:>12}")
            self.stdout.write(f"{'  oldest':18}{_seconds(leaving.oldest_seconds):>12}")
            self.stdout.write(f"{'  put aside':18}{leaving.put_aside:>12}")
        for lost in seen.silent:
            self.stdout.write(f"  silent for {lost.seconds:.0f} s: {lost.place}")
        if status.by_type:
            width = max(map(len, ("type", *status.by_type)))
            self.stdout.write(f"\n{'type':{width}}{'pending':>9}{'dead':>8}")
            for event_type, counts in sorted(status.by_type.items()):
                self.stdout.write(f"{event_type:{width}}{counts['pending']:>9}{counts['dead']:>8}")


def _seconds(age: float | None) -> str:
    return "–" if age is None else f"{age:.1f} s"
