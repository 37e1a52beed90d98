"""What happens to certificates. They are of their supplier's aggregate."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

from outbox.events import Key, register
from suppliers.events.suppliers import SupplierEvent


@dataclass(frozen=True, kw_only=True)
class CertificateEvent(SupplierEvent):
    certificate_id: Annotated[int, Key("the certificate", example=23)]
    standard: Annotated[str, Key("a code, such as `iso_9001`; `other` for one that is not listed", example="iso_9001")]
    edition: Annotated[str, Key("the year of the standard's edition, empty if nobody said it", example="2015")]
    valid_to: Annotated[str, Key("its last valid day, by ISO 8601", example="2029-06-30")]


@register
@dataclass(frozen=True, kw_only=True)
class CertificateSubmitted(CertificateEvent):
    """A certificate has been handed in. Somebody else has to verify it."""

    event_type: ClassVar[str] = "CERTIFICATE_SUBMITTED"

    number: Annotated[str, Key("the number on it", example="12 100 4711")]
    supersedes: Annotated[int | None, Key("the certificate that it renews", example=9)]
    by: Annotated[int, Key("the user who handed it in", example=2)]


@register
@dataclass(frozen=True, kw_only=True)
class CertificateCorrected(CertificateEvent):
    """What was recorded of a certificate that is not verified yet has been corrected. The values are the new ones."""

    event_type: ClassVar[str] = "CERTIFICATE_CORRECTED"

    fields: Annotated[list[str], Key("which fields have changed", example=["number", "valid_to"])]
    reason: Annotated[str, Key("why", example="Digits of the number were swapped")]
    by: Annotated[int, Key("the user who corrected it", example=2)]


@register
@dataclass(frozen=True, kw_only=True)
class CertificateVerified(CertificateEvent):
    """Somebody has made sure of a certificate."""

    event_type: ClassVar[str] = "CERTIFICATE_VERIFIED"

    method: Annotated[str, Key("how: `register`, `issuer` or `document`", example="register")]
    by: Annotated[int, Key("the user who made sure of it", example=3)]


@register
@dataclass(frozen=True, kw_only=True)
class CertificateRejected(CertificateEvent):
    """A certificate that was handed in is not accepted."""

    event_type: ClassVar[str] = "CERTIFICATE_REJECTED"

    reason: Annotated[str, Key("why", example="The register does not know this number")]
    by: Annotated[int, Key("the user who decided it", example=3)]


@register
@dataclass(frozen=True, kw_only=True)
class CertificateWithdrawn(CertificateEvent):
    """A verified certificate does not count any more."""

    event_type: ClassVar[str] = "CERTIFICATE_WITHDRAWN"

    reason: Annotated[str, Key("why", example="Suspended by the issuer on 12 January")]
    by: Annotated[int, Key("the user who decided it", example=3)]


@register
@dataclass(frozen=True, kw_only=True)
class CertificateSuperseded(CertificateEvent):
    """A verified certificate has been renewed: the one that takes its place is verified, and has begun."""

    event_type: ClassVar[str] = "CERTIFICATE_SUPERSEDED"

    superseded_by: Annotated[int, Key("the certificate that takes its place", example=31)]


@register
@dataclass(frozen=True, kw_only=True)
class CertificateExpiring(CertificateEvent):
    """A certificate ends soon, and none takes over without a gap. Each threshold is told once for each end."""

    event_type: ClassVar[str] = "CERTIFICATE_EXPIRING"

    threshold: Annotated[int, Key("at most so many days are left: 90, 60, 30, 7 or 0", example=30)]
    days_left: Annotated[int, Key("whole days until the last valid one, in UTC", example=28)]


@register
@dataclass(frozen=True, kw_only=True)
class CertificateExpired(CertificateEvent):
    """A certificate has ended, and none has taken its place. It is told once for each end."""

    event_type: ClassVar[str] = "CERTIFICATE_EXPIRED"

    days_ago: Annotated[int, Key("whole days since the last valid one, in UTC", example=1)]


MOVING_THE_RISK: tuple[type[CertificateEvent], ...] = (
    CertificateSubmitted, CertificateCorrected, CertificateVerified, CertificateRejected, CertificateWithdrawn,
    CertificateSuperseded, CertificateExpiring, CertificateExpired,
)  # fmt: skip
"""Those after which the risk of the supplier may be another one."""
