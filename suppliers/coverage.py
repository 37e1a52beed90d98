"""What a supplier's certificates prove of the standards that are required of it: pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import date

from suppliers.choices import CertificateStatus

Current = tuple[str, str, date]
"""Standard, status and last day of a certificate that speaks for its supplier."""


@dataclass(frozen=True, slots=True)
class Coverage:
    """
    `missing` standards have no certificate. Of the others the one with the latest end counts.

    `unverified` are those of which that one is not verified. `ends_on` is the first day on which one of them ends.
    """

    ends_on: date | None
    missing: int
    unverified: int


def coverage_of(required: Collection[str], certificates: Iterable[Current]) -> Coverage:
    """Of two certificates that end on one day, a verified one counts."""
    latest: dict[str, tuple[date, bool]] = {}
    for standard, status, ends_on in certificates:
        best = (ends_on, status == CertificateStatus.VERIFIED)
        latest[standard] = max(best, latest.get(standard, best))
    counted = [latest[standard] for standard in required if standard in latest]
    return Coverage(
        ends_on=min((ends_on for ends_on, _ in counted), default=None),
        missing=len(required) - len(counted),
        unverified=sum(not is_verified for _, is_verified in counted),
    )


def proven_until(required: Collection[str], certificates: Iterable[Current]) -> date | None:
    """
    Return the day through which verified certificates prove what is required. None if they do not.

    Where no standard is required, the last verified certificate of any standard decides.
    """
    latest: dict[str, date] = defaultdict(lambda: date.min)
    for standard, status, ends_on in certificates:
        if status == CertificateStatus.VERIFIED:
            latest[standard] = max(ends_on, latest[standard])
    if not required:
        return max(latest.values(), default=None)
    return None if set(required) - set(latest) else min(latest[standard] for standard in required)


def declared_not_proven(declared: date | None, proven: date | None) -> bool:
    """Answer whether a supplier declares a certification that its verified certificates do not bear out so long."""
    return declared is not None and (proven is None or declared > proven)
