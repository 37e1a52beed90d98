"""List filters that several pages use."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from django.contrib import admin
from django.contrib.admin.options import IncorrectLookupParameters
from django.db import connection
from django.db.models import QuerySet
from django.http import HttpRequest

from qhse import clock
from qhse.days import DayRefused, read_day


class ChoiceFilter(admin.SimpleListFilter):
    """Refuses a value that it does not offer, instead of showing everything as if it had filtered."""

    def __init__(self, request: HttpRequest, params: Any, model: Any, model_admin: Any) -> None:
        super().__init__(request, params, model, model_admin)
        value = self.value()
        if value is not None and value not in {str(choice) for choice, _ in self.lookup_choices}:
            raise IncorrectLookupParameters


class PeriodFilter(admin.DateFieldListFilter):
    """Django's filter, whose days are those of the database's clock."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.title = "when"  # and not the name of the column
        today = datetime.combine(clock.today(), time.min, UTC)
        month, year = today.replace(day=1), today.replace(day=1, month=1)
        tomorrow = today + timedelta(days=1)
        periods = {
            "Today": (today, tomorrow),
            "Past 7 days": (today - timedelta(days=7), tomorrow),
            "This month": (month, (month + timedelta(days=31)).replace(day=1)),
            "This year": (year, year.replace(year=year.year + 1)),
        }
        links: list[tuple[Any, dict[str, Any]]] = [("Any date", {})]
        for label, (since, until) in periods.items():
            links.append((label, {self.lookup_kwarg_since: since, self.lookup_kwarg_until: until}))
        self.links = tuple(links)


class DaysFilter(admin.ListFilter):
    """
    Two days, typed or picked: from the one to the other, both included, by the database's clock in UTC.

    It filters by a column of moments or of days. `first` and `last` are the parameters of the address. A day that is
    none is refused, as any other rubbish in an address is.
    """

    template = "adminsite/days_filter.html"
    column: str = ""
    of_days = False  # whether the column holds days, else moments
    first, last = "from", "to"

    def __init__(self, request: HttpRequest, params: Any, model: Any, model_admin: Any) -> None:
        super().__init__(request, params, model, model_admin)
        for name in self.parameters():
            if name in params:
                self.used_parameters[name] = params.pop(name)[-1]
        self.days = {name: _day(str(text)) for name, text in self.used_parameters.items() if text}

    @classmethod
    def parameters(cls) -> tuple[str, ...]:
        return (cls.first, cls.last)

    def has_output(self) -> bool:
        return True

    def expected_parameters(self) -> list[str | None]:
        return list(self.parameters())

    def choices(self, changelist: Any) -> Any:
        """Return the one thing that the template needs: a form that keeps what else the address says."""
        others = [(name, value) for name, value in changelist.params.items() if name not in self.parameters()]
        values = [(name, self.days.get(name)) for name in self.parameters()]
        yield {"values": values, "others": others, "clear": changelist.get_query_string(remove=self.parameters())}

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        first, last = self.days.get(self.first), self.days.get(self.last)
        if first is not None:
            queryset = queryset.filter(**{f"{self.column}__gte": first if self.of_days else _begin(first)})
        if last is not None:
            after = {f"{self.column}__lte": last} if self.of_days else {f"{self.column}__lt": _end(last)}
            queryset = queryset.filter(**after)
        return queryset


def days_filter(column: str, title: str, *, of_days: bool = False, prefix: str = "") -> type[DaysFilter]:
    """Return a DaysFilter on this column, for `list_filter`. A page with several gives them a prefix."""
    names = {"first": f"{prefix}from", "last": f"{prefix}to"}
    return type("DaysFilter", (DaysFilter,), {"column": column, "title": title, "of_days": of_days, **names})


def _day(text: str) -> date:
    try:
        return read_day(text)
    except DayRefused:
        raise IncorrectLookupParameters from None


def _begin(day: date) -> datetime:
    return datetime.combine(day, time.min, UTC)


def _end(day: date) -> datetime:
    """Return when a day is over. Of the last one there is, its last moment."""
    return datetime.combine(day, time.max, UTC) if day == date.max else _begin(day + timedelta(days=1))


# From each value to the next one, in the order of the index.
_VALUES = """
WITH RECURSIVE known (value) AS (
    SELECT min({column}) FROM {table}
    UNION ALL
    SELECT (SELECT min({column}) FROM {table} WHERE {column} > known.value) FROM known WHERE known.value IS NOT NULL
)
SELECT value FROM known WHERE value IS NOT NULL
"""  # nosec B608: names of our own models


class IndexedValuesFilter(ChoiceFilter):
    """
    Offers the values that stand in an indexed column. Each is found by one index probe, all in one statement.

    Django's own filter asks for DISTINCT, which reads the whole of a table that only ever grows.
    """

    words: Callable[[str], str] = str  # what people read for a value

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        meta, quoted = model_admin.model._meta, connection.ops.quote_name
        names = {"table": quoted(meta.db_table), "column": quoted(meta.get_field(self.parameter_name).column)}
        with connection.cursor() as cursor:
            cursor.execute(_VALUES.format(**names))
            return [(value, type(self).words(value)) for (value,) in cursor.fetchall()]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(**{str(self.parameter_name): self.value()}) if self.value() else queryset


def indexed_values(column: str, title: str, *, words: Callable[[str], str] = str) -> type[IndexedValuesFilter]:
    """Return an IndexedValuesFilter on this column, for `list_filter`. `words` says what people read for a value."""
    return type(
        f"{column.title()}Filter",
        (IndexedValuesFilter,),
        {"parameter_name": column, "title": title, "words": staticmethod(words)},
    )
