"""The certificates of the cast: handed in with their documents, and what became of each."""

from __future__ import annotations

import io
import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from qhse.accounts.models import User
from qhse.attachments.models import Attachment
from qhse.attachments.services import attach
from suppliers.demo.cast import Part
from suppliers.demo.documents import page
from suppliers.models import Certificate
from suppliers.services import (
    reject_certificate,
    submit_certificate,
    verify_certificate,
    withdraw_certificate,
)

LIFE_DAYS = 1095  # three years
CHANGED_DAYS = 110  # so long ago the certificates on a new edition began
WITHDRAWN_DAYS, SUBMITTED_DAYS = 45, 12
_ANY_DAY = date(2000, 1, 1)

_STANDARDS = {
    "9001": ("iso_9001", "2015"), "14001": ("iso_14001", "2015"), "45001": ("iso_45001", "2018"),
    "16949": ("iatf_16949", "2016"), "27001": ("iso_27001", "2022"),
}  # fmt: skip
_BODIES = (
    ("TÜV Nord Cert", "DAkkS"), ("DNV Business Assurance", "ACCREDIA"), ("Bureau Veritas Certification", "UKAS"),
    ("DQS", "DAkkS"), ("LRQA", "UKAS"),
)  # fmt: skip
_SCOPES = {
    "component": "Development and manufacture of metal and plastic components",
    "material": "Manufacture of packaging material",
    "service": "Calibration of dimensional and electrical measuring equipment",
    "logistics": "Transport, storage and order picking",
    "outsourced_process": "Machining and surface treatment of components",
}
_REJECTED = "The scope names another works than the one that delivers to us"
_WITHDRAWN = "The certification body has withdrawn it after its surveillance audit"


@dataclass(frozen=True, slots=True)
class Planned:
    """One certificate to hand in. `renews` is the last day of the one that it takes the place of."""

    standard: str
    edition: str
    state: str
    ends_in: int
    begins: date
    ends: date
    renews: date | None = None


@dataclass(frozen=True, slots=True)
class HandedIn:
    """A certificate with the times of its past."""

    row: Certificate
    times: dict[str, Any]
    file: tuple[Attachment, Mapping[str, Any]]
    is_to_be_withdrawn: bool


def planned(part: Part, today: date = _ANY_DAY) -> list[Planned]:
    """Return the certificates of a part. Without a day only what does not depend on it may be asked."""
    return [each for text in part.certificates for each in _planned(text, today)]


def _planned(text: str, today: date) -> Iterator[Planned]:
    named, state, days = text.split()
    number, _, edition = named.partition(":")
    standard, usual = _STANDARDS[number]
    ends_in = int(days)
    ends = today + timedelta(days=ends_in)
    begins = ends - timedelta(days=LIFE_DAYS)
    if state == "submitted":
        begins = today - timedelta(days=SUBMITTED_DAYS + 8)
    if state != "renewed":
        yield Planned(standard, edition or usual, state, ends_in, begins, ends)
        return
    if edition not in ("", usual) or begins >= today:
        begins = today - timedelta(days=CHANGED_DAYS)
    last = begins + timedelta(days=9)
    yield Planned(standard, usual, "verified", (last - today).days, last - timedelta(days=LIFE_DAYS), last)
    yield Planned(standard, edition or usual, "verified", ends_in, begins, ends, renews=last)


def hand_in(
    part: Part, supplier_id: int, *, known: datetime, now: datetime, buyer: User, quality: User
) -> list[HandedIn]:
    """Hand in the certificates of a part, verify or reject them. Those to be withdrawn are verified as yet."""
    rng = random.Random(part.name)
    done: list[HandedIn] = []
    for each in planned(part, now.date()):
        body, accreditation = rng.choice(_BODIES)
        begins_at = datetime.combine(each.begins, now.timetz()).replace(hour=9, minute=rng.randint(0, 59))
        submitted = min(max(begins_at, known) + timedelta(days=3), now - timedelta(days=SUBMITTED_DAYS))
        renewed = done[-1].row.pk if each.renews else None
        row = submit_certificate(
            supplier_id=supplier_id, standard=each.standard, edition=each.edition, issuer=body,
            number=f"{rng.randint(10, 99)} {rng.randint(100, 999)} {rng.randint(100_000, 999_999)}",
            accreditation_body=accreditation, scope=_SCOPES[part.category], sites=f"{part.name}, works 1",
            valid_from=each.begins, valid_to=each.ends, last_surveillance_on=_surveyed(each, now.date()),
            supersedes_id=renewed, actor=buyer,
        )  # fmt: skip
        file = _document(part, row, buyer), {"uploaded_at": submitted + timedelta(minutes=2)}
        times: dict[str, Any] = {"submitted_at": submitted}
        times |= _judge(row, each, submitted, rng, quality)
        done.append(HandedIn(row, times, file, each.state == "withdrawn"))
        if renewed:
            done[-2].times["decided_at"] = times["verified_at"]
    return done


def _surveyed(each: Planned, today: date) -> date | None:
    """Return the day of the last yearly surveillance."""
    years = (today - each.begins).days // 365
    last: date = each.begins + timedelta(days=365 * min(years, 2) - 20)
    return last if years > 0 and last < today else None


def _document(part: Part, row: Certificate, buyer: User) -> Attachment:
    lines = (
        f"Certificate {row.number}", part.name, str(row), f"Valid from {row.valid_from} to {row.valid_to}",
        row.issuer, "A made-up document of the demo",
    )  # fmt: skip
    about: dict[str, Any] = {"entity_type": "certificate", "entity_id": str(row.pk), "actor": buyer}
    return attach(**about, name=f"{row.standard}.pdf", content=io.BytesIO(page(lines)), description="As handed in")


def _judge(
    row: Certificate, each: Planned, submitted: datetime, rng: random.Random, quality: User
) -> dict[str, datetime]:
    if each.state == "submitted":
        return {}
    if each.state == "rejected":
        reject_certificate(certificate_id=row.pk, reason=_REJECTED, actor=quality)
        return {"decided_at": submitted + timedelta(days=4)}
    method = rng.choices(("register", "issuer", "document"), weights=(5, 3, 2))[0]
    ref = {"register": "IAF CertSearch", "issuer": "Answer by e-mail"}.get(method, "")
    verify_certificate(certificate_id=row.pk, method=method, ref=ref, actor=quality)
    return {"verified_at": submitted + timedelta(days=2, hours=3)}


def withdraw(handed_in: HandedIn, *, now: datetime, quality: User) -> None:
    withdraw_certificate(certificate_id=handed_in.row.pk, reason=_WITHDRAWN, actor=quality)
    handed_in.times["decided_at"] = now - timedelta(days=WITHDRAWN_DAYS)
