"""
What time makes true of certificates: one ends soon, one has ended, a renewal has begun. Each is told once, by an event.

A certificate keeps in `expiry_told` which threshold was told last. So nothing is told twice, however many workers look
at once. After days on which no worker ran, only the nearest threshold is told. Who corrects the last day takes the mark
away. The day that a supplier merely declares is not told of: what is told has a document behind it.
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from django.db import transaction
from django.db.models import Case, F, Q, SmallIntegerField, Value, When

from audit.services import entry_for, record_all
from outbox.events import DomainEvent
from outbox.publisher import publish_all
from qhse import clock
from qhse.database import bound_transaction
from suppliers.events import CertificateExpired, CertificateExpiring
from suppliers.models import Certificate, CertificateQuerySet, Supplier
from suppliers.services.certificate_storing import facts
from suppliers.services.certificates import supersede_of

THRESHOLDS = (0, 7, 30, 60, 90)
"""At most so many days are left. The first that fits is told; the last day itself is 0."""
ENDED = -1
AT_ONCE = 100
"""Certificates of one piece: 0.15 s of a worker's time, which events meanwhile wait."""
BEGUN_AT_ONCE = 10
"""Suppliers of one piece, each with some ten statements."""


@transaction.atomic
def remind() -> bool:
    """
    Tell which certificates end soon or have ended, and have not been told: at most AT_ONCE. True if there may be more.

    Mark, audit entry and event of each are stored together or not at all. Locks the suppliers, whose aggregate the
    events are of. It waits for no lock: those that somebody has locked are told next time, and keep no others waiting.
    """
    bound_transaction(lock=1, statement=5)
    today = clock.today()
    free = untold(today).order_by("valid_to", "id").select_related("supplier")
    free = free.select_for_update(no_key=True, skip_locked=True, of=("supplier",))
    found = [certificate.pk for certificate in free[:AT_ONCE]]
    if not found:
        return False
    # Looked at again: what was true before the locks may be another thing now.
    told = list(untold(today).filter(pk__in=found).select_related("supplier").order_by("valid_to", "id"))
    _tell(told, today)
    return len(found) == AT_ONCE and bool(told)


def untold(today: date) -> CertificateQuerySet:
    """Return the current certificates with a threshold that others have not been told of, annotated as `threshold`."""
    last_days = [When(valid_to__lt=today, then=ENDED)]
    last_days += [When(valid_to__lte=today + timedelta(days=days), then=days) for days in THRESHOLDS]
    nearest = Case(*last_days, default=Value(None), output_field=SmallIntegerField())
    near = Q(valid_to__lte=today + timedelta(days=THRESHOLDS[-1]), supplier__merged_into=None)
    found = Certificate.objects.unrenewed(today=today).filter(near).annotate(threshold=nearest)
    return found.filter(Q(expiry_told=None) | Q(expiry_told__gt=F("threshold")))


def _locked(supplier_ids: Any, *, at_most: int) -> list[int]:
    """Lock those of these suppliers that are free, and return their ids. They may be given by a query."""
    rows = Supplier.objects.filter(pk__in=supplier_ids, merged_into=None).order_by("pk").values_list("pk", flat=True)
    return list(rows.select_for_update(no_key=True, skip_locked=True, of=("self",))[:at_most])


def _tell(certificates: list[Any], today: date) -> None:
    entries, events = [], []
    for certificate in certificates:
        threshold, before = certificate.threshold, certificate.expiry_told
        certificate.expiry_told = threshold
        event = _event(certificate, threshold, (certificate.valid_to - today).days)
        entries.append(entry_for(
            actor=None, action=event.event_type, entity_type="certificate", entity_id=certificate.pk,
            changes={"expiry_told": (before, threshold)}, reason="",
        ))  # fmt: skip
        events.append((event, None))
    # Their version stays: nobody has changed them.
    Certificate.objects.bulk_update(certificates, ["expiry_told"])
    record_all(entries)
    publish_all(events, actor=None)


def _event(certificate: Certificate, threshold: int, days_left: int) -> DomainEvent:
    if threshold == ENDED:
        return CertificateExpired(**facts(certificate), days_ago=-days_left)
    return CertificateExpiring(**facts(certificate), threshold=threshold, days_left=days_left)


def supersede_begun() -> bool:
    """
    Supersede what a verified certificate renews that has begun: of BEGUN_AT_ONCE suppliers. True if there may be more.

    Each supplier is a transaction of its own. One that somebody has locked is passed over, until the next time.
    """
    with transaction.atomic():
        bound_transaction(lock=1, statement=5)
        renewing = Certificate.objects.renewing(today=clock.today()).filter(supplier__merged_into=None)
        chosen = _locked(renewing.values("supplier_id"), at_most=BEGUN_AT_ONCE)
    done = [_supersede_if_free(supplier_id) for supplier_id in chosen]
    return len(done) == BEGUN_AT_ONCE and any(done)


@transaction.atomic
def _supersede_if_free(supplier_id: int) -> bool:
    bound_transaction(lock=1, statement=5)
    is_free = bool(_locked([supplier_id], at_most=1))
    if is_free:
        supersede_of(supplier_id)
    return is_free
