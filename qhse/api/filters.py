"""List filters that refuse what they do not understand."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from typing import Any

from django import forms
from django.core.validators import RegexValidator
from django.db import connections
from django.db.models import CharField, QuerySet, Value
from django_filters import rest_framework as filters
from django_filters import utils
from django_filters.fields import BaseCSVField
from drf_spectacular.utils import extend_schema_field

from qhse.days import doubt

MAX_ID = 10**18 - 1
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)
NO_NUL = r"^[^\u0000]*$"
_MONTH = r"(19[89][0-9]|2[01][0-9]{2})-(0[1-9]|1[0-2])"
# From qhse.days.EARLIEST to LATEST, so that the document forbids what is refused.
PLAUSIBLE_MONTH = {"type": "string", "pattern": f"^{_MONTH}$"}
PLAUSIBLE_DAY = {"type": "string", "format": "date", "pattern": rf"^{_MONTH}-(0[1-9]|[12][0-9]|3[01])$"}


class _IdField(forms.IntegerField):
    # Written as a regular expression because int() also accepts signs, underscores and other alphabets' digits.
    default_validators = [RegexValidator(r"^[0-9]{1,18}$", "Enter a positive whole number.")]

    def to_python(self, value: Any) -> int | None:
        if value in self.empty_values:
            return None
        self.default_validators[0](value)
        return int(value)

    def run_validators(self, value: Any) -> None:
        """Skip. The text was validated before it became a number."""


@extend_schema_field({"type": "integer", "minimum": 0, "maximum": MAX_ID})
class IdFilter(filters.NumberFilter):
    """Matches a primary key exactly. Anything but digits is a 400. An id that no row has gives an empty page."""

    field_class = _IdField


def _described(schema: dict[str, Any], label: str | None) -> dict[str, Any]:
    """Add a filter's label to a schema of our own. The library leaves it out there."""
    return schema | {"description": label} if label else schema


class TextFilter(filters.CharFilter):
    """Takes a text as it is, white space at its ends included. By default it matches exactly."""

    def __init__(self, *, max_length: int, min_length: int = 1, **kwargs: Any) -> None:
        super().__init__(max_length=max_length, min_length=min_length, strip=False, **kwargs)
        schema = {"type": "string", "minLength": min_length, "maxLength": max_length, "pattern": NO_NUL}
        extend_schema_field(_described(schema, kwargs.get("label")))(self)


class OneOfFilter(filters.ChoiceFilter):
    """A choice whose refusal lists the choices."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        known = ", ".join(value for value, _ in kwargs["choices"])
        super().__init__(*args, error_messages={"invalid_choice": f"Must be one of {known}."}, **kwargs)


class TrueFalseFilter(OneOfFilter):
    """Takes `true` or `false` and refuses every other word. django-filter's BooleanFilter ignores them."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, choices=(("true", "true"), ("false", "false")), **kwargs)
        extend_schema_field(_described({"type": "boolean"}, kwargs.get("label")))(self)

    def filter(self, qs: QuerySet[Any], value: str) -> QuerySet[Any]:
        return qs if value in (None, "") else super().filter(qs, value == "true")


class _MomentField(forms.Field):
    def to_python(self, value: Any) -> datetime | None:
        if value in self.empty_values:
            return None
        try:
            moment = datetime.fromisoformat(value)
            if moment.tzinfo is None:
                moment = moment.replace(tzinfo=UTC)
            # Converted here, where an overflow at the calendar's edges can still be answered.
            return moment.astimezone(UTC)
        except OverflowError:
            raise forms.ValidationError(
                "In UTC, this moment is before the year 1 or after the year 9999.", code="invalid"
            ) from None
        except ValueError:
            raise forms.ValidationError(
                "Enter a date or a moment by ISO 8601, such as 2026-11-23 or 2026-11-23T08:00:00Z. In an address, "
                "the + of an offset is written as %%2B.",  # the library formats it
                code="invalid",
            ) from None


@extend_schema_field({"type": "string", "anyOf": [{"format": "date"}, {"format": "date-time"}]})
class MomentFilter(filters.Filter):
    """Takes a date or a moment by ISO 8601. Without an offset it is UTC. A date is its first moment."""

    field_class = _MomentField

    def filter(self, qs: QuerySet[Any], value: Any) -> QuerySet[Any]:
        if value and value.microsecond and not value.microsecond % 1000 and connections[qs.db].vendor == "sqlite":
            # SQLite compares moments as text, and its clock wrote three digits where Django asks with six.
            value = Value(value.replace(tzinfo=None).isoformat(" ", "milliseconds"), output_field=CharField())
        return super().filter(qs, value)  # type: ignore[no-any-return]


class _OrderingField(BaseCSVField):
    def clean(self, value: list[str] | None) -> list[str] | None:
        try:
            fields: list[str] | None = super().clean(value)
        except forms.ValidationError as error:
            if error.code != "invalid_choice":
                raise
            known = ", ".join(name for name, _ in self.choices if name and not name.startswith("-"))
            raise forms.ValidationError(
                f"Name some of {known}, each with - in front for the other direction.", code="invalid_choice"
            ) from None
        if fields and ("" in fields or len(set(fields)) < len(fields)):
            raise forms.ValidationError("Name each field once, separated by commas.", code="invalid")
        return fields


class _DayField(forms.Field):
    def to_python(self, value: Any) -> date | None:
        if value in self.empty_values:
            return None
        try:
            if not _DAY.fullmatch(value):
                raise ValueError
            day = date.fromisoformat(value)
        except ValueError:
            raise forms.ValidationError("Enter a day as YYYY-MM-DD, such as 2026-11-23.", code="invalid") from None
        if why := doubt(day):
            raise forms.ValidationError(why, code="invalid")
        return day


@extend_schema_field(PLAUSIBLE_DAY)
class DayFilter(filters.Filter):
    """Compares a column of days. Other ways to write one than YYYY-MM-DD, and implausible ones, are a 400."""

    field_class = _DayField


class TotalOrderingFilter(filters.OrderingFilter):
    """Orders by listed fields and then by the primary key, in the last one's direction. Pages never overlap."""

    base_field_class = _OrderingField

    def filter(self, qs: QuerySet[Any], value: list[str] | None) -> QuerySet[Any]:
        if not value:
            return qs
        fields = [self.get_ordering_value(param) for param in value]
        return qs.order_by(*fields, "-id" if fields[-1].startswith("-") else "id")


class StrictFilterBackend(filters.DjangoFilterBackend):
    """
    django-filter with its refusals on: an invalid value is a 400.

    `qhse.api.viewsets` refuses unknown and repeated parameters earlier, for every action.
    """

    raise_exception = True

    def filter_queryset(self, request: Any, queryset: QuerySet[Any], view: Any) -> QuerySet[Any]:
        """Leave beside the result which columns were asked for, in `chosen_columns` of the request."""
        filterset_class = getattr(view, "filterset_class", None)
        known = filterset_class.base_filters if filterset_class else {}
        asked = {name: known[name] for name in known if name in request.query_params}
        always = getattr(view, "always", None) and type(view).queryset.query.where
        whole = not queryset.query.where or queryset.query.where == always
        request.chosen_columns = {} if whole else None
        if not asked:
            return queryset  # the form behind the filters costs half a millisecond
        if whole and all(_compares_a_column(each) for each in asked.values()):
            chosen = _cleaned(asked, request.query_params)
            if chosen is not None:
                request.chosen_columns = chosen
                return queryset.filter(**chosen)
        request.chosen_columns = None
        filterset = self.get_filterset(request, queryset, view)
        if not filterset.is_valid():
            raise utils.translate_validation(filterset.errors)
        return filterset.qs  # type: ignore[no-any-return]


def _cleaned(asked: dict[str, filters.Filter], raw: Any) -> dict[str, Any] | None:
    """
    Return column and value of each filter. None if one is refused, which the form then does in its own words.

    A form is made for each request, with copies of all its fields. They cost more than the page's rows.
    """
    try:
        return {each.field_name: each.field.clean(raw[name]) for name, each in asked.items()}
    except forms.ValidationError:
        return None


def _compares_a_column(each: filters.Filter) -> bool:
    """Answer whether a filter demands nothing but one value of a column of its own."""
    plain = type(each) in {IdFilter, TextFilter, OneOfFilter} and each.lookup_expr == "exact"
    plain = plain and "__" not in (each.field_name or "")  # a column of another table
    return plain and each.method is None and not each.exclude


def chosen_columns(request: Any) -> dict[str, Any] | None:
    """Return the columns whose values make the list, none for the whole table. None if other conditions make it."""
    found: dict[str, Any] | None = getattr(request, "chosen_columns", None)
    return found
