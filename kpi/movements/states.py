"""
What a record counts as, as expressions in SQL over a row: `NEW` and `OLD` of a trigger, or a table's alias.

Both databases have the same columns. Where their functions differ, `Dialect` has both.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from kpi.measures import SEVERITIES

Columns = dict[str, str]


@dataclass(frozen=True, slots=True)
class Dialect:
    """The functions of one database. Moments become days in UTC, by which all is counted."""

    today: str
    same: str
    day: Callable[[str], str]
    seconds: Callable[[str], str]
    days_between: Callable[[str, str], str]
    elements: Callable[[str], str]  # of a list; `former` alone asks for them
    hundredths: Callable[[str], str]


POSTGRESQL = Dialect(
    # Of this moment: by now the statement holds its lock on the movements, by which the worker sees who still writes.
    today="(clock_timestamp() AT TIME ZONE 'UTC')::date",
    same="IS NOT DISTINCT FROM",
    day=lambda moment: f"({moment} AT TIME ZONE 'UTC')::date",
    seconds=lambda moment: f"floor(extract(epoch FROM {moment}))::bigint",
    days_between=lambda first, last: f"({last} - {first})",
    elements=lambda column: f"jsonb_array_elements_text({column}) AS required (value)",
    hundredths=lambda column: f"({column} * 100)::bigint",
)
SQLITE = Dialect(
    today="strftime('%Y-%m-%d', 'now')",
    same="IS",
    day=lambda moment: f"date({moment})",
    seconds=lambda moment: f"CAST(strftime('%s', {moment}) AS INTEGER)",
    days_between=lambda first, last: f"CAST(julianday({last}) - julianday({first}) AS INTEGER)",
    elements=lambda column: f"json_each({column}) AS required",
    hundredths=lambda column: f"CAST(round({column} * 100) AS INTEGER)",
)


def dialect_of(vendor: str) -> Dialect:
    return POSTGRESQL if vendor == "postgresql" else SQLITE


def case_state(row: str, sql: Dialect) -> Columns:
    created, contained, closed = (sql.day(f"{row}.{name}_at") for name in ("created", "contained", "closed"))
    hours = f"({sql.seconds(f'{row}.contained_at')} - {sql.seconds(f'{row}.created_at')} + 3599) / 3600"
    severities = " ".join(f"WHEN '{name}' THEN {code}" for name, code in SEVERITIES.items())
    return {
        "supplier_id": f"{row}.supplier_id",
        "nc_id": f"{row}.id",
        "severity": f"CASE {row}.severity {severities} END",
        "category": f"{row}.category",
        "created_on": created,
        "due_on": f"{row}.due_on",
        "contained_on": contained,
        "contained_hours": hours,
        "closed_on": closed,
        "closed_days": sql.days_between(created, closed),
        "is_repeat": f"{row}.repeat_of_id IS NOT NULL",
        "has_gaps": f"{row}.closure_gaps <> '[]'",
        "was_reopened": f"{row}.reopened_count > 0",
        "cost": sql.hundredths(f"{row}.cost"),
    }


CASE_WATCHED = (
    "supplier_id", "severity", "category", "created_at", "due_on", "contained_at", "closed_at", "repeat_of_id",
    "closure_code", "closure_gaps", "reopened_count", "cost",
)  # fmt: skip


def case_counts(row: str) -> str:
    return f"{row}.closure_code <> 'unfounded'"


def action_state(row: str, sql: Dialect, supplier: str) -> Columns:
    created, done = sql.day(f"{row}.created_at"), sql.day(f"{row}.done_at")
    return {
        "supplier_id": supplier,
        "action_id": f"{row}.id",
        "is_running": f"{row}.status IN ('OPEN', 'IN_PROGRESS')",
        "due_on": f"{row}.due_on",
        "done_on": done,
        "done_days": sql.days_between(created, done),
        "verified_on": sql.day(f"{row}.verified_at"),
        "is_effective": f"CASE WHEN {row}.verified_at IS NOT NULL THEN {row}.status = 'EFFECTIVE' END",
    }


ACTION_WATCHED = ("nc_id", "status", "created_at", "due_on", "done_at", "verified_at")


def action_counts(row: str) -> str:
    return f"{row}.status <> 'CANCELLED'"


def supplier_of_case(row: str) -> str:
    return f"(SELECT nc.supplier_id FROM ncs_nonconformity nc WHERE nc.id = {row}.nc_id)"  # nosec B608: only texts of ours


def certificate_state(row: str, sql: Dialect) -> Columns:
    return {
        "supplier_id": f"{row}.supplier_id",
        "certificate_id": f"{row}.id",
        "standard": f"{row}.standard",
        "edition": f"{row}.edition",
        "is_verified": f"{row}.status = 'verified'",
        "valid_to": f"{row}.valid_to",
    }


CERTIFICATE_WATCHED = ("supplier_id", "standard", "edition", "status", "valid_to")


def certificate_counts(row: str) -> str:
    return f"{row}.status IN ('submitted', 'verified')"


def volume_state(row: str, sql: Dialect, sign: str = "") -> Columns:
    return {
        "supplier_id": f"{row}.supplier_id",
        "month": f"{row}.month",
        "received": f"{sign}{row}.received_qty",
        "defective": f"{sign}{row}.defective_qty",
        "lots": f"{sign}{row}.received_lots",
        "rejected_lots": f"{sign}{row}.rejected_lots",
        "late_lots": f"{sign}{row}.late_lots",
    }


VOLUME_WATCHED = (
    "supplier_id", "month", "received_qty", "defective_qty", "received_lots", "rejected_lots", "late_lots",
)  # fmt: skip

# Each day has another `risk_assessed_at`. What counts is whether there is one.
SUPPLIER_WATCHED = (
    "risk_level", "risk_score", "risk_assessed_at IS NULL", "override_level", "override_until", "criticality", "status",
    "merged_into_id", "cert_missing", "cert_proven_until", "required_standards",
)  # fmt: skip
MUST_PROVE = "(s.status IN ('approved', 'conditional') AND s.required_standards <> '[]')"


def supplier_state() -> Columns:
    """Return the columns of a supplier that is called `s`. What its certificates prove is kept on it."""
    return {
        "supplier_id": "s.id",
        "level": "CASE WHEN s.risk_assessed_at IS NULL THEN '' ELSE s.risk_level END",
        "override_level": "s.override_level",
        "override_until": "s.override_until",
        "criticality": "s.criticality",
        "score": "s.risk_score",
        "must_prove": MUST_PROVE,
        "missing": "s.cert_missing",
        "proven_until": f"CASE WHEN {MUST_PROVE} THEN s.cert_proven_until END",
    }


def suppliers_that_count() -> str:
    return "suppliers_supplier s WHERE s.merged_into_id IS NULL"
