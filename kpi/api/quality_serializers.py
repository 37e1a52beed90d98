"""The shape of `/kpi/quality`, for the document. The answer itself is made of plain values."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from kpi.formulas import AGE_BANDS, EXPIRING_DAYS
from kpi.quality import Quality
from ncs.choices import Category
from suppliers.choices import Criticality, RiskLevel, Severity

Fields = dict[str, serializers.Field[Any, Any, Any, Any]]
_int, _float = serializers.IntegerField, serializers.FloatField


def _group(name: str, /, **fields: serializers.Field[Any, Any, Any, Any]) -> type[serializers.Serializer[Any]]:
    return type(f"{name}Serializer", (serializers.Serializer,), {"__doc__": None, **fields})


def _number(text: str = "") -> Any:
    return _float(allow_null=True, help_text=text or None)


def _rate() -> Any:
    return _float(allow_null=True, min_value=0, max_value=1, help_text="From 0 to 1. Null if there is nothing.")


def _severities() -> Fields:
    return {each.value: _int() for each in Severity}


def _share(name: str, part: str) -> Any:
    return _group(name, n=_int(), **{part: _int()}, rate=_rate())()


_Ppm = _group(
    "PpmFigures",
    first_month=serializers.CharField(allow_null=True),
    last_month=serializers.CharField(allow_null=True),
    received=_int(allow_null=True, help_text="Null if nobody has recorded what was delivered."),
    defective=_int(allow_null=True),
    ppm=_number("Null below 500 pieces received."),
)
_BySeverity = _group("BacklogBySeverity", **_severities())
_AgeBand = _group(
    "AgeBand", days=serializers.ChoiceField([name for name, _, _ in AGE_BANDS]), **_severities(), n=_int()
)
_Month = _group(
    "MonthFigures",
    month=serializers.CharField(help_text="YYYY-MM"),
    opened=_int(),
    closed=_int(),
    closed_per_opened=_number("Null if none was recorded."),
    backlog=_int(help_text="Open at its end, of the last month on `as_of`."),
    backlog_by_severity=_BySeverity(),
)
_CategoryShare = _group(
    "CategoryShare",
    category=serializers.ChoiceField(["", *Category.values], help_text="Empty if nobody said."),
    n=_int(),
    share=_rate(),
    cumulative=_rate(),
)
_SupplierShare = _group(
    "SupplierShare", supplier_id=_int(), name=serializers.CharField(), n=_int(), share=_rate(), cumulative=_rate()
)


class QualitySerializer(serializers.Serializer[Any]):
    as_of = serializers.DateField()
    supplier_id = _int(allow_null=True)
    exact_since = serializers.DateField(
        allow_null=True,
        help_text="Figures of earlier days were made of the rows as they stood then. Null: all are exact.",
    )
    open = _group(
        "OpenFigures",
        n=_int(),
        by_severity=_BySeverity(),
        by_age=_AgeBand(many=True),
        median_age_days=_number("Null if none is open."),
    )()
    time_to_close = _group(
        "TimeToClose",
        n=_int(),
        mean_days=_number(),
        median_days=_number(),
        p90_days=_int(allow_null=True),
    )()
    overdue = _share("OverdueFigures", "overdue")
    on_time_closure = _share("OnTimeClosure", "on_time")
    containment = _group(
        "ContainmentFigures",
        n=_int(),
        median_hours=_number(),
        within_target=_int(),
        rate=_rate(),
        open_not_contained=_int(),
    )()
    repeats = _share("RepeatFigures", "repeats")
    ppm = _group(
        "DeliveredFigures",
        period=_Ppm(),
        last_3_months=_Ppm(),
        last_12_months=_Ppm(),
        nc_per_100_lots=_group("CasesPerLots", n=_int(), lots=_int(allow_null=True), rate=_number())(),
        rejected_lots=_int(allow_null=True),
        late_lots=_int(allow_null=True),
        by_month=_Ppm(many=True),
    )()
    actions = _group(
        "ActionFigures",
        running=_int(),
        overdue=_int(),
        overdue_rate=_rate(),
        done=_int(),
        mean_days_to_done=_number(),
        verified=_int(),
        effective=_int(),
        effectiveness=_rate(),
    )()
    certificates = _group(
        "CertificateFigures",
        n=_int(),
        expired=_int(),
        **{f"expiring_{days}_days": _int() for days in EXPIRING_DAYS},
        unverified=_int(),
        on_superseded_edition=_int(),
        missing=_int(),
        suppliers_that_must_prove=_int(),
        suppliers_proven=_int(),
        coverage=_rate(),
        ending_by_month=_group("CertificatesByMonth", month=serializers.CharField(), n=_int())(many=True),
    )()
    by_month = _Month(many=True)
    pareto_category = _CategoryShare(many=True)
    pareto_supplier = _SupplierShare(many=True)
    suppliers = _group(
        "SupplierFigures",
        n=_int(),
        by_level=_group("SuppliersByLevel", **{each.value: _int() for each in RiskLevel})(),
        by_level_and_criticality=_group(
            "SuppliersByCriticality",
            level=serializers.ChoiceField(RiskLevel.values),
            **{each.value: _int() for each in Criticality},
        )(many=True),
        not_assessed=_int(help_text="The worker has never assessed them: they are in no level."),
        not_assessed_by_criticality=_group("NotAssessed", **{each.value: _int() for each in Criticality})(),
        worse_by_10_in_30_days=_int(),
        better_by_10_in_30_days=_int(),
    )()
    closed_with_gaps = _share("ClosedWithGaps", "with_gaps")
    reopened = _share("ReopenedFigures", "reopened")
    cost = _group("CostFigures", n=_int(), total=serializers.CharField(allow_null=True))()

    def get_fields(self) -> Fields:
        """Put in the two whose names are words of Python."""
        fields = super().get_fields()
        fields["from"], fields["to"] = serializers.DateField(), serializers.DateField()
        return fields


def answer_of(figures: Quality) -> dict[str, Any]:
    """Return the answer. It has two hundred values, and asking a field for each would cost more than to count them."""
    days = {"as_of": figures.as_of, "from": figures.first, "to": figures.last, "exact_since": figures.exact_since}
    shown = {name: None if day is None else day.isoformat() for name, day in days.items()}
    others = [name for name in Quality.__slots__ if name not in ("as_of", "first", "last", "exact_since")]
    return shown | {name: getattr(figures, name) for name in others}
