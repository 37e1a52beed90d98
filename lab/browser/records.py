"""
`python -m lab.browser.records`: demo data and the odd records that only accidents make. Prints where they are.

The output is JSON: model → state → primary key.
"""

from __future__ import annotations

import io
import json
import sys
from datetime import timedelta
from typing import Any

import django

from qhse.env import choose_settings
from qhse.terminal import run_program

LONG_WORD = "Lot" + "0123456789abcdef" * 12


def main() -> int:
    choose_settings()
    django.setup()
    sys.stdout.write(f"{json.dumps(make_records())}\n")
    return 0


def make_records() -> dict[str, dict[str, int]]:
    """Store one record of each state that an admin page tells apart. Return their keys by model and state."""
    from django.core.management import call_command
    from django.utils import timezone

    from ncs.choices import NcStatus
    from ncs.models import CorrectiveAction, NonConformity
    from ncs.services import open_action, open_nonconformity
    from outbox.choices import EventStatus
    from outbox.models import OutboxEvent
    from qhse.accounts.models import User
    from suppliers.models import Supplier
    from suppliers.services import create_supplier

    call_command("seed_demo", "--suppliers", "20", "--ncs", "30", stdout=sys.stderr)
    call_command("run_outbox_worker", "--drain", stdout=sys.stderr)
    admin = User.objects.get(username="admin")
    # Names and texts that fit nowhere: pages must break them.
    long_named = create_supplier(name=LONG_WORD[:190], actor=admin)
    long_text = open_nonconformity(supplier_id=long_named.pk, severity="high", description=LONG_WORD * 5, actor=admin)
    action = open_action(nc_id=long_text.pk, kind="corrective", title=LONG_WORD[:200], actor=admin)
    files = {
        "ncs.nonconformity.file": _files_on("nonconformity", long_text.pk, admin),
        "ncs.correctiveaction.file": _files_on("action", action.pk, admin),
        "suppliers.supplier.file": _files_on("supplier", long_named.pk, admin),
    }
    certificates = _certificates_of(long_named.pk, admin)
    _to_be_renewed(admin)
    files["suppliers.certificate.file"] = _files_on("certificate", certificates["submitted"], admin)
    events = OutboxEvent.objects.order_by("id")
    dead = events.filter(event_type="NC_CREATED")[:6]  # jobs mend four of them
    OutboxEvent.objects.filter(pk__in=[event.pk for event in dead]).update(
        status=EventStatus.DEAD,
        attempts=10,
        processed_at=None,
        last_error=f"KeyError: 'lot'\n\nTraceback:\n  {LONG_WORD}",
    )
    retried = events.filter(status=EventStatus.PENDING)[:2]
    later = timezone.now() + timedelta(days=1)  # the worker leaves it as it is
    OutboxEvent.objects.filter(pk__in=[event.pk for event in retried]).update(attempts=3, next_attempt_at=later)
    ncs = NonConformity.objects.order_by("id")
    return {
        "ncs.nonconformity": {
            "open": ncs.filter(status=NcStatus.OPEN)[0].pk,
            "closed": ncs.filter(status=NcStatus.CLOSED)[0].pk,
            "long": long_text.pk,
        },
        "ncs.correctiveaction": {each.status: each.pk for each in CorrectiveAction.objects.order_by("-id")},
        # The riskiest has most to show: lines that add up, charts, decisions.
        "suppliers.supplier": {"usual": Supplier.objects.order_by("-risk_score", "id")[0].pk, "long": long_named.pk},
        "suppliers.certificate": certificates,
        "suppliers.suppliervolume": _volumes_of(long_named.pk, admin),
        "exchange.importjob": _imports(admin),
        "outbox.outboxevent": {
            "dead": dead[0].pk,
            "done": events.filter(status=EventStatus.PROCESSED)[0].pk,
            "retried": events.filter(status=EventStatus.PENDING)[0].pk,
        },
        **_webhooks(dead[0], admin),
        **_messages(list(events[:4])),
        **files,
        "accounts.user": {"usual": User.objects.get(username="quality").pk},
    }


def _messages(events: list[Any]) -> dict[str, dict[str, int]]:
    """Store a message in each of its states. Return their keys."""
    from django.db.models.functions import Now

    from outbox.choices import OutgoingState
    from outbox.models import Outgoing

    keys = {}
    for state, event in zip(OutgoingState, events, strict=True):
        made = Outgoing.objects.create(
            channel="broker", lane=0, key=event.pk, event=event.pk, state=state, last_error=LONG_WORD * 2,
            next_attempt_at=Now() if state == OutgoingState.WAITING else None,
        )  # fmt: skip
        keys[state.name.lower()] = made.pk
    return {"outbox.outgoing": keys}


def _webhooks(event: Any, admin: Any) -> dict[str, dict[str, int]]:
    """Store webhooks, with an address that fits nowhere, and a delivery in each of its states."""
    from django.db.models.functions import Now

    from outbox.webhooks.choices import DeliveryStatus
    from outbox.webhooks.models import WebhookAttempt, WebhookDelivery
    from outbox.webhooks.services import change_webhook, create_webhook

    long_url = f"https://example.com/{LONG_WORD * 3}?key=4711"
    endpoints = {
        state: create_webhook(url=long_url, event_types=["*"], description=LONG_WORD[:200], actor=admin)[0]
        for state in ("active", "paused", "failed")
    }
    change_webhook(webhook_id=endpoints["paused"].pk, changes={"is_active": False}, actor=admin)
    deliveries = {}
    for state, endpoint in zip(DeliveryStatus.values, endpoints.values(), strict=True):
        made = WebhookDelivery.objects.create(
            endpoint=endpoint, event_id=event.event_id, sequence=event.pk, event_type=event.event_type,
            subject=f"nonconformity/{event.aggregate_id}", body=f'{{"text":"{LONG_WORD * 5}"}}', status=state,
            last_error=LONG_WORD[:300], ended_at=None if state == DeliveryStatus.WAITING else Now(),
        )  # fmt: skip
        WebhookAttempt.objects.create(
            delivery=made, at=Now(), url=f"https://example.com/{LONG_WORD}?…", status_code=500, milliseconds=12_000,
            error="answered 500", answer=LONG_WORD * 5,
        )  # fmt: skip
        deliveries[state.lower()] = made.pk
    keys = {state: endpoint.pk for state, endpoint in endpoints.items()}
    return {"webhooks.webhookendpoint": keys, "webhooks.webhookdelivery": deliveries}


def _certificates_of(supplier_id: int, actor: Any) -> dict[str, int]:
    """Store a certificate of each status, with texts that fit nowhere. Return their keys by status."""
    from qhse import clock
    from qhse.accounts.models import User
    from suppliers.services import reject_certificate, submit_certificate, verify_certificate, withdraw_certificate

    today, quality = clock.today(), User.objects.get(username="quality")
    texts: dict[str, Any] = {
        "number": LONG_WORD[:90],
        "issuer": LONG_WORD[:140],
        "scope": LONG_WORD * 3,
        "sites": LONG_WORD * 3,
    }
    plan: dict[str, Any] = {"supplier_id": supplier_id, "standard": "iso_14001", "edition": "2015", "actor": actor}

    def submit(days: int, **more: Any) -> int:
        begins = today - timedelta(days=1_000 - days)
        certificate = submit_certificate(
            **plan, **texts, valid_from=begins, valid_to=today + timedelta(days=days), **more
        )
        return certificate.pk

    made = {"rejected": submit(5), "withdrawn": submit(6), "superseded": submit(7), "submitted": submit(20)}
    for name in ("withdrawn", "superseded"):
        verify_certificate(certificate_id=made[name], method="register", ref=LONG_WORD[:190], actor=quality)
    reject_certificate(certificate_id=made["rejected"], reason=LONG_WORD, actor=quality)
    withdraw_certificate(certificate_id=made["withdrawn"], reason=LONG_WORD, actor=quality)
    made["verified"] = submit(60, supersedes_id=made["superseded"])
    verify_certificate(certificate_id=made["verified"], method="document", actor=quality)
    made["expired"] = submit(-3)
    return made


def _to_be_renewed(actor: Any) -> None:
    """Hand in what ends first of all: a verified certificate for each width of window, and one that is not verified."""
    from qhse import clock
    from qhse.accounts.models import User
    from suppliers.services import create_supplier, submit_certificate, verify_certificate

    today, quality = clock.today(), User.objects.get(username="quality")
    plan: dict[str, Any] = {"standard": "iso_9001", "edition": "2015", "issuer": "TÜV Nord", "actor": actor}
    days: dict[str, Any] = {"valid_from": today - timedelta(days=1_080), "valid_to": today + timedelta(days=1)}
    for number in ("QM-VERIFIED-1", "QM-VERIFIED-2", "QM-SUBMITTED"):
        supplier = create_supplier(name=f"{number} GmbH", actor=actor)
        made = submit_certificate(supplier_id=supplier.pk, number=number, **plan, **days)
        if "VERIFIED" in number:
            verify_certificate(certificate_id=made.pk, method="register", ref="4711", actor=quality)


def _volumes_of(supplier_id: int, actor: Any) -> dict[str, int]:
    """Set months with the largest figures, and with too few for a figure in parts per million."""
    from datetime import date

    from suppliers.services import set_volume
    from suppliers.services.volumes import MAX_LOTS, MAX_PIECES

    most: dict[str, Any] = {
        "received_qty": MAX_PIECES,
        "defective_qty": MAX_PIECES,
        "received_lots": MAX_LOTS,
        "late_lots": MAX_LOTS,
    }
    few: dict[str, Any] = {"received_qty": 7, "defective_qty": 1}
    plan: dict[str, Any] = {"supplier_id": supplier_id, "actor": actor}
    return {
        "most": set_volume(**plan, month=date(2026, 1, 1), **most).pk,
        "few": set_volume(**plan, month=date(2026, 2, 1), **few).pk,
    }


def _imports(actor: Any) -> dict[str, int]:
    """Store an import of each status, with errors, and with headers and names that fit nowhere."""
    from qhse.exchange.models import ImportJob
    from qhse.exchange.running import run_import
    from qhse.exchange.services import cancel_import, preview_import, start_import

    def checked(rows: str, mode: str = "good_rows") -> ImportJob:
        content = io.BytesIO(f"Name;Country;{LONG_WORD}\n{rows}".encode())
        return preview_import(kind="suppliers", name=f"{LONG_WORD[:100]}.csv", content=content, mode=mode, actor=actor)

    def ended(job: ImportJob) -> int:
        start_import(import_id=job.pk, actor=actor)
        run_import(job.pk)
        return job.pk

    bad = "".join(f"Firma {number};Nowhere{LONG_WORD};x\n" for number in range(30))
    failed = checked("Weser Castings;DE;x\n", "all_or_nothing")
    ImportJob.objects.filter(pk=failed.pk).update(tried=99)  # as one that keeps ending before its end
    made = {
        "checked": checked("Ems Castings;DE;x\n").pk,
        "bad": checked(f"Aller Castings;DE;x\n{bad}").pk,
        "hopeless": checked(bad, "all_or_nothing").pk,
        "done": ended(checked(f"Leine Castings;DE;x\n{bad}")),
        "failed": ended(failed),
        "cancelled": checked("Oker Castings;DE;x\n").pk,
        "running": checked("Innerste Castings;DE;x\n").pk,
    }
    cancel_import(import_id=made["cancelled"], actor=actor, why=LONG_WORD)
    start_import(import_id=made["running"], actor=actor)
    return made


def _files_on(entity_type: str, pk: int, actor: Any) -> dict[str, int]:
    """Put a file on a record, and one that is void."""
    from qhse.attachments.services import attach, void_attachment

    about: dict[str, Any] = {"entity_type": entity_type, "entity_id": str(pk), "actor": actor}
    attach(**about, name=f"{LONG_WORD[:100]}.txt", content=io.BytesIO(b"12.08 mm"), description=LONG_WORD)
    void = attach(**about, name="bore.txt", content=io.BytesIO(b"12.80 mm"))
    void_attachment(attachment_id=void.pk, reason=LONG_WORD, actor=actor)
    return {"record": pk, "void": void.pk}


if __name__ == "__main__":
    run_program(main)
