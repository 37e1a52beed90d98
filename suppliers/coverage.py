"""What a supplier's certificates prove of the standards that are required of it: pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import date
from typing import Any, NamedTuple, Protocol, TypeVar

from suppliers.choices import CertificateStatus


class Dated(Protocol):
    """What is valid from a first day through a last one."""

    @property
    def valid_from(self) -> date: ...
    @property
    def valid_to(self) -> date: ...


class Speaking(Dated, Protocol):
    """A certificate that speaks for its supplier: it is submitted or verified."""

    @property
    def standard(self) -> str: ...
    @property
    def status(self) -> str: ...


class Current(NamedTuple):
    """A certificate that speaks for its supplier, read as four columns."""

    standard: str
    status: str
    valid_from: date
    valid_to: date


@dataclass(frozen=True, slots=True)
class Coverage:
    """
    `missing` standards have no certificate that counts. Of the others the counted one with the latest end decides.

    `unverified` are those of which that one is not verified. `ends_on` is the first day on which one of them ends.
    """

    ends_on: date | None
    missing: int
    unverified: int


_Dated = TypeVar("_Dated", bound=Dated)
_Speaking = TypeVar("_Speaking", bound=Speaking)


def in_force(certificates: Iterable[_Dated], today: date) -> list[_Dated]:
    """
    Return the certificates of one standard that count today, in the order in which they begin.

    They have begun, or take over without a gap from one that counts and is in date. Who asks for proof gives verified
    ones alone: a verified one that takes over from an unverified one proves nothing before it begins.
    """
    counted: list[_Dated] = []
    last = date.min
    for each in sorted(certificates, key=lambda each: each.valid_from):
        takes_over = last >= today and (each.valid_from - last).days <= 1
        if each.valid_from <= today or takes_over:
            counted.append(each)
            last = max(last, each.valid_to)
    return counted


def counted_of(certificates: Iterable[_Speaking], today: date) -> dict[str, list[_Speaking]]:
    """Return what counts today by standard, without standards of which nothing does."""
    held: dict[str, list[_Speaking]] = defaultdict(list)
    for each in certificates:
        held[each.standard].append(each)
    counted = {standard: in_force(of_standard, today) for standard, of_standard in held.items()}
    return {standard: some for standard, some in counted.items() if some}


def coverage_of(required: Collection[str], certificates: Iterable[Speaking], *, today: date) -> Coverage:
    """Of two certificates that end on one day, a verified one decides."""
    latest = {
        standard: max((each.valid_to, each.status == CertificateStatus.VERIFIED) for each in counted)
        for standard, counted in counted_of(certificates, today).items()
    }
    decisive = [latest[standard] for standard in required if standard in latest]
    return Coverage(
        ends_on=min((ends_on for ends_on, _ in decisive), default=None),
        missing=len(required) - len(decisive),
        unverified=sum(not is_verified for _, is_verified in decisive),
    )


def proven_until(required: Collection[str], certificates: Iterable[Speaking], *, today: date) -> date | None:
    """
    Return the day through which verified certificates prove what is required. None if they do not.

    Where no standard is required, the last verified certificate of any standard decides.
    """
    verified = [each for each in certificates if each.status == CertificateStatus.VERIFIED]
    latest = {
        standard: max(each.valid_to for each in counted) for standard, counted in counted_of(verified, today).items()
    }
    if not required:
        return max(latest.values(), default=None)
    return None if set(required) - set(latest) else min(latest[standard] for standard in required)


def kept_of(required: Collection[str], certificates: Iterable[Speaking], *, today: date) -> dict[str, Any]:
    """Return the columns `cert_*` of a supplier, as they are on a day."""
    speaking = list(certificates)
    coverage = coverage_of(required, speaking, today=today)
    return {
        "cert_ends_on": coverage.ends_on,
        "cert_missing": coverage.missing,
        "cert_unverified": coverage.unverified,
        "cert_proven_until": proven_until(required, speaking, today=today),
    }


def declared_not_proven(declared: date | None, proven: date | None) -> bool:
    """Answer whether a supplier declares a certification that its verified certificates do not bear out so long."""
    return declared is not None and (proven is None or declared > proven)
