"""The rule itself: figures become lines, lines a score, a score a level."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import date

from suppliers.choices import Confidence, RiskLevel, Severity
from suppliers.risk import weights
from suppliers.risk.certificates import certification, is_expired
from suppliers.risk.figures import CaseFigures, Rows, SupplierFigures
from suppliers.risk.lines import Line, half_up, listed, numbered

__all__ = ["Assessment", "Line", "assess", "is_at_risk", "is_expired", "level_of"]


@dataclass(frozen=True, slots=True)
class Assessment:
    is_at_risk: bool
    score: int
    level: RiskLevel
    lines: tuple[Line, ...]
    confidence: Confidence


def is_at_risk(figures: SupplierFigures, *, today: date) -> bool:
    """Answer the contract's question: has the declared certification expired, or is a high NC open?"""
    return is_expired(figures.certification_expiry, today=today) or figures.nc_open_high > 0


def level_of(score: int) -> RiskLevel:
    return next(level for threshold, level in weights.LEVELS if score >= threshold)


def assess(figures: SupplierFigures, *, today: date) -> Assessment:
    """Return the score, from 0 (best) to 100, with the lines that sum to it. `today` is a date in UTC."""
    certified = certification(figures, today)
    at_risk = is_at_risk(figures, today=today)
    lines = [
        *_open_ncs(figures),
        *_closed_ncs(figures.cases),
        *_repeats(figures.cases),
        *_overdue(figures.cases),
        *_ineffective(figures.cases),
        *certified.lines,
        *_ppm(figures),
    ]
    score = sum(line.points for line in lines)
    for line in _floor(score, at_risk=at_risk or certified.is_expired, is_missing=certified.is_missing):
        lines.append(line)
        score += line.points
    confidence = Confidence.LOW if figures.volumes.ppm is None else Confidence.FULL
    return Assessment(at_risk, score, level_of(score), tuple(lines), confidence)


def _open_ncs(figures: SupplierFigures) -> list[Line]:
    counts = {
        Severity.HIGH: figures.nc_open_high,
        Severity.MEDIUM: figures.nc_open_medium,
        Severity.LOW: figures.nc_open_low,
    }
    points = sum(weights.OPEN_NC_POINTS[severity] * number for severity, number in counts.items())
    if not points:
        return []
    newest = Rows.of("nonconformity", figures.cases.open)
    return [
        Line(
            "open_ncs",
            f"Open non-conformities: {listed(counts)}",
            min(weights.OPEN_NC_CAP, points),
            {severity.value: number for severity, number in counts.items()},
            (Rows(newest.kind, newest.ids, figures.nc_open),),
        )
    ]


def _closed_ncs(cases: CaseFigures) -> list[Line]:
    """What was closed counts less with each day: half after CLOSED_NC_HALF_LIFE_DAYS."""
    closed = [each for each in cases.closed if 0 <= each.days <= weights.WINDOW_DAYS]
    points = half_up(
        math.fsum(  # the same in whichever order the rows come
            weights.CLOSED_NC_POINTS[Severity(each.severity)] * 0.5 ** (each.days / weights.CLOSED_NC_HALF_LIFE_DAYS)
            for each in closed
        )
    )
    if not points:
        return []
    counts = dict.fromkeys(weights.CLOSED_NC_POINTS, 0)
    for each in closed:
        counts[Severity(each.severity)] += 1
    return [
        Line(
            "closed_ncs",
            f"Closed within {weights.WINDOW_DAYS} days: {listed(counts)}",
            min(weights.CLOSED_NC_CAP, points),
            {severity.value: number for severity, number in counts.items()},
            (Rows.of("nonconformity", (each.id for each in closed)),),
        )
    ]


def _repeats(cases: CaseFigures) -> list[Line]:
    number = len(cases.repeats)
    if not number:
        return []
    return [
        Line(
            "repeats",
            f"Repeats of earlier ones within {weights.WINDOW_DAYS} days: {number}",
            min(weights.REPEAT_CAP, weights.REPEAT_POINTS * number),
            {"repeats": number},
            (Rows.of("nonconformity", cases.repeats),),
        )
    ]


def _overdue(cases: CaseFigures) -> list[Line]:
    ncs, actions = len(cases.overdue), len(cases.overdue_actions)
    if not ncs + actions:
        return []
    told = [
        *([numbered(ncs, "non-conformity", "non-conformities")] if ncs else []),
        *([numbered(actions, "action", "actions")] if actions else []),
    ]
    rows = (Rows.of("nonconformity", cases.overdue), Rows.of("action", cases.overdue_actions))
    return [
        Line(
            "overdue",
            f"Overdue: {', '.join(told)}",
            min(weights.OVERDUE_CAP, weights.OVERDUE_POINTS * (ncs + actions)),
            {"ncs": ncs, "actions": actions},
            tuple(each for each in rows if each.total),
        )
    ]


def _ineffective(cases: CaseFigures) -> list[Line]:
    number = len(cases.ineffective)
    if not number:
        return []
    return [
        Line(
            "ineffective_actions",
            f"Actions that did not help, within {weights.WINDOW_DAYS} days: {number}",
            min(weights.INEFFECTIVE_CAP, weights.INEFFECTIVE_POINTS * number),
            {"actions": number},
            (Rows.of("action", cases.ineffective),),
        )
    ]


def _ppm(figures: SupplierFigures) -> list[Line]:
    volumes, target, ppm = figures.volumes, figures.ppm_target, figures.volumes.ppm
    if ppm is None or ppm <= target:
        return []
    beyond = (ppm - target) / ((weights.PPM_FULL_AT - 1) * target)
    points = min(weights.PPM_POINTS, half_up(weights.PPM_POINTS * beyond))
    if not points:
        return []
    return [
        Line(
            "ppm",
            f"{ppm:,} defective of a million pieces in the last {weights.PPM_MONTHS} full months; "
            f"the target is {target:,}",
            points,
            {"ppm": ppm, "received": volumes.received, "defective": volumes.defective, "target": target},
            (Rows.of("volume", volumes.months),),
        )
    ]


def _floor(score: int, *, at_risk: bool, is_missing: bool) -> list[Line]:
    """Return what lifts a score that would look harmless. It is a line of its own, so that the lines still add up."""
    floor, why = 0, ""
    if at_risk:
        floor = weights.AT_RISK_FLOOR
        why = "An expired certification or an open high NC is never below high risk"
    elif is_missing:
        floor, why = weights.MISSING_FLOOR, "A required certificate that is missing is never below medium risk"
    return [Line("floor", why, floor - score, {"floor": floor})] if score < floor else []
