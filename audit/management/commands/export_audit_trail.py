"""`manage.py export_audit_trail`."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db.models import QuerySet
from tqdm import tqdm

from audit.models import AuditEntry
from audit.proof.documents import UNREADABLE
from audit.proof.export import export_entries
from qhse.accounts.models import User
from qhse.arguments import date_or_time

CONDITIONS = {
    "since": "created_at__gte", "until": "created_at__lt", "entity_type": "entity_type", "entity_id": "entity_id",
    "actor": "actor__in", "action": "action", "request_id": "request_id",
}  # fmt: skip


class Command(BaseCommand):
    help = (
        "Write sealed audit entries with their proofs into a new directory, and a program beside them that checks them "
        "anywhere with nothing but Python. The trail records the export. Exit code 1: it could not be written, or "
        "something was left out because it is not as it was written, and is named."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--output", type=Path, required=True, metavar="DIR", help="must not exist yet")
        parser.add_argument("--since", type=date_or_time, metavar="DATE", help="written from then on")
        parser.add_argument("--until", type=date_or_time, metavar="DATE", help="written before then")
        for name in ("entity-type", "entity-id", "actor", "action", "request-id"):
            parser.add_argument(f"--{name}", metavar=name.upper().replace("-", "_"))

    def handle(self, *args: Any, **options: Any) -> None:
        given = {name: options[name] for name in CONDITIONS if options[name] is not None}
        if given.get("entity_id") and not given.get("entity_type"):
            raise CommandError(
                "--entity-id needs --entity-type: ids of different kinds of record are not different", returncode=2
            )
        if options["since"] and options["until"] and options["until"] <= options["since"]:
            raise CommandError("--until: the period is empty: it must be later than --since", returncode=2)
        described_as = {name: str(value) for name, value in given.items()}
        if "actor" in given:
            given["actor"] = User.objects.names_meant(given["actor"])
        chosen = _chosen(given)
        if not chosen.exists():
            _demand_known(given, described_as)
        try:
            with tqdm(unit="seal", disable=None) as bar:
                exported = export_entries(
                    chosen, options["output"], described_as=described_as, actor=None, step=bar.update
                )
        except OSError as error:
            raise CommandError(f"--output: {error}") from error
        except UNREADABLE as error:
            raise CommandError(f"an entry cannot be read; verify_audit_trail names it ({error})") from error
        self.stdout.write(f"{exported.entries:,} entries in {options['output']}; manifest SHA-256 {exported.sha256}")
        if exported.unsealed:
            self.stdout.write(f"{exported.unsealed:,} more are not sealed yet, and not in it: export again in a minute")
        if exported.problems:
            heading = "left out, because not as it was written (verify_audit_trail says more):"
            raise CommandError("\n".join([heading, *exported.problems]))


def _chosen(given: dict[str, Any]) -> QuerySet[AuditEntry]:
    return AuditEntry.objects.filter(**{CONDITIONS[name]: value for name, value in given.items()})


def _demand_known(given: dict[str, Any], described_as: dict[str, str]) -> None:
    """
    Raise CommandError for what no entry of the whole trail has. A user who never did anything is known all the same.

    An export of nothing may prove that nothing happened. It must not come of a name that was mistyped.
    """
    for name, value in given.items():
        if name in ("since", "until"):
            continue
        alone = {"entity_type": given["entity_type"]} if name == "entity_id" else {}
        is_known = name == "actor" and User.objects.named(described_as[name])
        if not is_known and not _chosen(alone | {name: value}).exists():
            raise CommandError(
                f"--{name.replace('_', '-')}: no entry of the trail has {described_as[name]!r}", returncode=2
            )
