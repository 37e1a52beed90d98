"""C1: how a supplier stands with its certificates. It counts with the worst of what is asked of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from suppliers.choices import CertificateStatus
from suppliers.coverage import declared_not_proven, in_force, proven_until
from suppliers.risk.figures import CertificateFigure, Rows, SupplierFigures
from suppliers.risk.lines import Line
from suppliers.risk.weights import CERTIFICATE_CAP, EXPIRED_POINTS, EXPIRING_POINTS, UNVERIFIED_POINTS
from suppliers.standards import Standard

MISSING, EXPIRED = "certificate_missing", "certificate_expired"
_LATE = frozenset({CertificateStatus.REJECTED.value, CertificateStatus.WITHDRAWN.value})


@dataclass(frozen=True, slots=True)
class Certification:
    """The lines of the certificates, and what the floor needs to know of all required standards."""

    lines: tuple[Line, ...]
    is_missing: bool
    is_expired: bool


def is_expired(expiry: date | None, *, today: date) -> bool:
    """A certificate is valid through its last day."""
    return expiry is not None and expiry < today


def certification(figures: SupplierFigures, today: date) -> Certification:
    """
    Return the line of the worst required standard, or of the declared date if that is worse.

    A declared date that certificates do not prove is a line without points.
    """
    of_standards = [_of_standard(standard, figures, today) for standard in figures.required]
    candidates = [*of_standards, *_declared(figures, today)]
    worst = max(candidates, key=lambda line: (line.points, line.code == EXPIRED), default=None)
    lines = [worst] if worst is not None and worst.points else []
    return Certification(
        lines=(*lines, *_mismatch(figures, today)),
        is_missing=any(line.code == MISSING for line in of_standards),
        is_expired=any(line.code == EXPIRED for line in of_standards),
    )


def _of_standard(standard: str, figures: SupplierFigures, today: date) -> Line:
    """Return the line of the certificate that speaks best for this standard. It may have no points."""
    name = Standard(standard).label if standard in Standard.values else standard
    of_standard = [each for each in figures.certificates if each.standard == standard]
    current = in_force((each for each in of_standard if each.is_current), today)
    if not current:
        return _missing(standard, name, of_standard, today)
    # Of two that cost the same, the one that ends later.
    return min(
        (_of_certificate(name, each, today) for each in sorted(current, key=lambda each: each.valid_to, reverse=True)),
        key=lambda line: line.points,
    )


def _missing(standard: str, name: str, of_standard: list[CertificateFigure], today: date) -> Line:
    latest = max(of_standard, key=lambda each: each.id, default=None)
    why = "none is recorded"
    if latest is not None and latest.status in _LATE:
        why = f"the last one was {latest.status}"
    elif latest is not None and latest.is_current:
        why = f"the one that was handed in begins on {latest.valid_from}"
    return Line(
        MISSING,
        f"{name} is required: {why}",
        EXPIRED_POINTS,
        {"standard": standard},
        (Rows.of("certificate", (each.id for each in of_standard)),) if of_standard else (),
    )


def _of_certificate(name: str, certificate: CertificateFigure, today: date) -> Line:
    code, detail, points = _ending(name, certificate.valid_to, today, "certificate")
    if not certificate.is_verified and not is_expired(certificate.valid_to, today=today):
        points = min(CERTIFICATE_CAP, points + UNVERIFIED_POINTS)
        detail = f"{detail or f'{name} is in date'}, and is not verified"
        code = code or "certificate_unverified"
    figure = {
        "standard": certificate.standard,
        "valid_to": certificate.valid_to.isoformat(),
        "status": certificate.status,
    }
    return Line(code, detail, points, figure, (Rows.of("certificate", [certificate.id]),))


def _declared(figures: SupplierFigures, today: date) -> list[Line]:
    expiry = figures.certification_expiry
    if expiry is None:
        return []
    code, detail, points = _ending("Certification", expiry, today, "certification")
    rows = (Rows.of("supplier", [figures.supplier_id]),) if figures.supplier_id else ()
    return [Line(code, detail, points, {"valid_to": expiry.isoformat()}, rows)]


def _ending(name: str, last: date, today: date, kind: str) -> tuple[str, str, int]:
    """Return code, words and points of a last day. Nothing for one that is far off."""
    if is_expired(last, today=today):
        return f"{kind}_expired", f"{name} expired on {last}", EXPIRED_POINTS
    days_left = (last - today).days
    for limit, points in EXPIRING_POINTS:
        if days_left <= limit:
            return f"{kind}_expiring", f"{name} ends on {last}, within {limit} days", points
    return "", "", 0


def _mismatch(figures: SupplierFigures, today: date) -> list[Line]:
    """Return the line of a declaration that is not borne out, where certificates are asked for or handed in."""
    declared, certificates = figures.certification_expiry, figures.certificates
    if declared is None or not (figures.required or any(each.is_current for each in certificates)):
        return []
    proven = proven_until(figures.required, certificates, today=today)
    if not declared_not_proven(declared, proven):
        return []
    return [
        Line(
            "declared_not_proven",
            f"Declared until {declared}, " + ("not proven" if proven is None else f"proven until {proven}"),
            0,
            {"declared": declared.isoformat(), "proven": None if proven is None else proven.isoformat()},
            (Rows.of("certificate", (each.id for each in certificates if each.is_verified)),) if proven else (),
        )
    ]
