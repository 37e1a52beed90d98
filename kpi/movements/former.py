"""
What suppliers counted as by the triggers of kpi's second migration. That one installs them, and going back to it does.

They took the computed level, of a supplier that nobody has assessed too, and looked at the certificates themselves: one
that had not begun counted as proof. So a certificate that changed noted its supplier.
"""

from __future__ import annotations

from collections.abc import Iterator

from kpi.movements import states, triggers
from kpi.movements.states import Columns, Dialect
from kpi.movements.triggers import Noted

_WATCHED = ("risk_level", "risk_score", "criticality", "status", "merged_into_id", "cert_missing", "required_standards")


def supplier_state(sql: Dialect) -> Columns:
    best = (
        "(SELECT max(c.valid_to) FROM suppliers_certificate c WHERE c.supplier_id = s.id "
        "AND c.standard = required.value AND c.status = 'verified')"
    )
    proven = (
        "(SELECT CASE WHEN count(*) = count(each.best) THEN min(each.best) END "
        f"FROM (SELECT {best} AS best FROM {sql.elements('s.required_standards')}) AS each)"  # nosec B608: only texts of ours
    )
    return {
        "supplier_id": "s.id",
        "level": "s.risk_level",
        "criticality": "s.criticality",
        "score": "s.risk_score",
        "must_prove": states.MUST_PROVE,
        "missing": "s.cert_missing",
        "proven_until": f"CASE WHEN {states.MUST_PROVE} THEN {proven} END",
    }


def _certificate(sql: Dialect) -> Iterator[tuple[str, str]]:
    yield from triggers.CERTIFICATE.of(sql)
    for row in ("OLD", "NEW"):
        for each in triggers.noted_supplier(f"{row}.supplier_id", supplier_state(sql), sql):
            yield row, each


def _supplier(sql: Dialect) -> Iterator[tuple[str, str]]:
    for each in triggers.noted_supplier("NEW.id", supplier_state(sql), sql):
        yield "NEW", each


OF_SUPPLIERS = (
    triggers.CERTIFICATE._replace(of=_certificate),
    Noted("supplier", triggers.SUPPLIERS, _WATCHED, _supplier),
)
NOTED = (*triggers.OTHERS, *OF_SUPPLIERS)
