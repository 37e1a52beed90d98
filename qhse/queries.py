"""Queries of the ORM whose SQL is written once. To write a short one takes longer than to run it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any, cast

from django.db import DatabaseError, connections
from django.db.models import Expression, Field, IntegerField, Model, QuerySet, Value
from django.db.models.base import ModelState
from django.db.models.expressions import BaseExpression, DatabaseDefault
from django.db.models.sql import InsertQuery, UpdateQuery

Row = tuple[Any, ...]


class Given(Value):
    """A value that each run gives, by this name, in the place of one of `field`."""

    def __init__(self, name: str, field: Field[Any, Any]) -> None:
        super().__init__(None, output_field=field)
        self.name = name

    def as_sql(self, compiler: Any, connection: Any) -> Any:
        return "%s", [self]

    def stored(self, value: Any, connection: Any) -> Any:
        """Return the value as the database gets it. Raises _NoSuchValue for a number that no column can hold."""
        if isinstance(value, int) and isinstance(self.output_field, IntegerField):
            least, most = connection.ops.integer_field_range(self.output_field.get_internal_type())
            if not (least is None or least <= value) or not (most is None or value <= most):
                raise _NoSuchValue
        return self.output_field.get_db_prep_value(value, connection)


class CountUpTo(Expression):
    """
    How many rows the query has that `build` returns, counted up to `at_most`. It may use `Given` values.

    Beside the rows of a page it saves a statement: a tenth of what a page of suppliers costs.
    """

    output_field = IntegerField()

    def __init__(self, build: Callable[[], QuerySet[Any, Any]], at_most: int | None = None) -> None:
        super().__init__()
        self._build, self._at_most = build, at_most

    def as_sql(self, compiler: Any, connection: Any) -> tuple[str, tuple[Any, ...]]:
        query = self._build().order_by().values_list(Value(1)).query
        sql, parameters = query.get_compiler(connection=connection).as_sql()
        end, last = ("", ()) if self._at_most is None else (" LIMIT %s", (self._at_most,))
        counting = f"(SELECT count(*) FROM ({sql}{end}) AS counted)"  # nosec B608: the ORM's own SQL
        return counting, (*parameters, *last)


class _NoSuchValue(Exception):
    """No row has this value."""


class WrittenQuery:
    """
    A query with `Given` values, of `values_list`.

    `build` is called at the first run on each kind of database. It may use nothing that changes between runs: neither
    settings, nor the time, nor the request. What the ORM does for rows it does here too, on both databases.
    """

    def __init__(self, build: Callable[[], QuerySet[Any, Any]]) -> None:
        self._build = build
        self._written: dict[str, tuple[str, Row, Any]] = {}

    def rows(self, *, using: str = "default", **given: Any) -> list[Row]:
        """Run it, and return its rows, as `values_list` would. Raises KeyError when a given value is missing."""
        return self._run("", [], using, given)

    def page(self, limit: int, offset: int, *, using: str = "default", **given: Any) -> list[Row]:
        """Return so many rows from the `offset` on. The query has a total order and is not sliced itself."""
        return self._run(" LIMIT %s OFFSET %s", [limit, offset], using, given)

    def count(self, at_most: int | None = None, *, using: str = "default", **given: Any) -> int:
        """Return how many rows it has. It stops at so many."""
        end, last = (") AS counted", []) if at_most is None else (" LIMIT %s) AS counted", [at_most])
        rows = self._run(end, last, using, given, begin="SELECT count(*) FROM (")
        return int(rows[0][0]) if rows else 0

    def _run(self, end: str, last: list[Any], using: str, given: dict[str, Any], begin: str = "") -> list[Row]:
        connection = connections[using]
        sql, parameters, converters = self._on(connection)
        try:
            filled = _filled(parameters, given, connection)
        except _NoSuchValue:
            return []
        with connection.cursor() as cursor:
            cursor.execute(begin + sql + end, filled + last)
            rows = cursor.fetchall()
        return [_converted(row, converters, connection) for row in rows] if converters else rows

    def first(self, *, using: str = "default", **given: Any) -> Row | None:
        """Return the first of its rows."""
        return next(iter(self.rows(using=using, **given)), None)

    def _on(self, connection: Any) -> tuple[str, Row, Any]:
        if connection.vendor not in self._written:
            query = self._build().query
            compiler = query.get_compiler(connection=connection)
            sql, parameters = compiler.as_sql()
            converters = compiler.get_converters([column for column, _, _ in compiler.select])
            self._written[connection.vendor] = sql, parameters, converters
        return self._written[connection.vendor]


class WrittenInsert:
    """
    The INSERT of one record of a model. It stores what `save(force_insert=True)` would, and sends no signals.

    A record that a write makes costs a third of the Python that the ORM needs to put such a statement together.
    """

    def __init__(self, model: type[Model], *, swallowed: type[DatabaseError] = DatabaseError) -> None:
        self._model, self._swallowed = model, swallowed
        self._written: dict[tuple[str, tuple[Any, ...]], tuple[str, list[str], Any]] = {}

    def insert(self, record: Any, *, using: str = "default") -> None:
        """Insert it, and set on it what the database gave. Raises `swallowed` if a trigger let no row in."""
        connection = connections[using]
        fields = tuple(field for field in self._model._meta.concrete_fields if not _is_left(field, record))
        sql, returned, converters = self._on(connection, fields)
        values = [field.get_db_prep_save(field.pre_save(record, add=True), connection) for field in fields]
        with connection.cursor() as cursor:
            cursor.execute(sql, values)
            row = cursor.fetchone()
        if row is None:
            raise self._swallowed(f"the database kept no {self._model._meta.verbose_name}")
        for name, value in zip(returned, _converted(row, converters, connection), strict=True):
            setattr(record, name, value)
        record._state.adding, record._state.db = False, using

    def _on(self, connection: Any, fields: tuple[Any, ...]) -> tuple[str, list[str], Any]:
        key = connection.vendor, fields
        if key not in self._written:
            query = InsertQuery(self._model)
            template = self._model(**{field.attname: Given(field.attname, field) for field in fields})
            query.insert_values(fields, [template], raw=True)
            compiler = query.get_compiler(connection=connection)
            returned = self._model._meta.db_returning_fields
            compiler.returning_fields = returned
            ((sql, _),) = compiler.as_sql()
            converters = compiler.get_converters([field.get_col(self._model._meta.db_table) for field in returned])
            self._written[key] = sql, [field.attname for field in returned], converters
        return self._written[key]


def _is_left(field: Any, record: Any) -> bool:
    """Answer whether the database gives this column its value."""
    value = getattr(record, field.attname)
    return isinstance(value, DatabaseDefault) or (value is None and field.primary_key)


class WrittenUpdate:
    """An UPDATE of the rows that `build` returns. Both it and the new values may use `Given` values."""

    def __init__(self, build: Callable[[], QuerySet[Any, Any]], **values: Any) -> None:
        self._build, self._values = build, values
        self._written: dict[str, tuple[str, Row]] = {}

    def run(self, *, using: str = "default", **given: Any) -> int:
        """Run it, and return how many rows were changed."""
        connection = connections[using]
        sql, parameters = self._on(connection)
        try:
            filled = _filled(parameters, given, connection)
        except _NoSuchValue:
            return 0
        with connection.cursor() as cursor:
            cursor.execute(sql, filled)
            return int(cursor.rowcount)

    def run_many(self, rows: Collection[Mapping[str, Any]], *, using: str = "default") -> None:
        """
        Run it once for each of these given values, in one go. They are values that the columns can hold.

        It does the work of `bulk_update` for a tenth of its Python: that writes one statement with a CASE for each
        column and row.
        """
        connection = connections[using]
        sql, parameters = self._on(connection)
        with connection.cursor() as cursor:
            cursor.executemany(sql, [_filled(parameters, dict(given), connection) for given in rows])

    def _on(self, connection: Any) -> tuple[str, Row]:
        if connection.vendor not in self._written:
            query: UpdateQuery = self._build().query.chain(UpdateQuery)  # type: ignore[assignment]
            query.add_update_values(self._values)
            self._written[connection.vendor] = query.get_compiler(connection=connection).as_sql()
        return self._written[connection.vendor]


class WrittenRecords:
    """
    The records of a model that `build` returns, in its order. As in WrittenQuery, it may use `Given` values.

    With `read`, only these fields are read; any other is read when it is asked for. `beside` are expressions whose
    values each record then bears as attributes, as with `annotate`.
    """

    def __init__(
        self,
        model: type[Model],
        build: Callable[[], QuerySet[Any, Any]],
        read: Collection[str] = (),
        **beside: BaseExpression,
    ) -> None:
        self._model = model
        fields = model._meta.concrete_fields
        self._columns = [each.attname for each in fields if not read or each.name in read or each.primary_key]
        self._columns += beside
        self._rows = WrittenQuery(lambda: build().annotate(**beside).values_list(*self._columns))
        self._counted = WrittenQuery(lambda: build().order_by().values_list(Value(1)))

    def count(self, at_most: int | None = None, *, using: str = "default", **given: Any) -> int:
        """Return how many records there are. It stops at so many."""
        return self._counted.count(at_most, using=using, **given)

    def page(self, limit: int, offset: int, *, using: str = "default", **given: Any) -> list[Any]:
        """Return the records of a page, as if the ORM had read them."""
        rows = self._rows.page(limit, offset, using=using, **given)
        return [record_of(self._model, self._columns, row, using=using) for row in rows]

    def first(self, *, using: str = "default", **given: Any) -> Any | None:
        return next(iter(self.page(1, 0, using=using, **given)), None)


class WrittenList(WrittenRecords):
    """
    The records of a model in one order, all of them or those whose columns have given values.

    With `behind`, only those whose key is "lt" or "gt" the one that is given as `after`. `always` are conditions that
    no run gives. With `at_most` or `number` each record bears as `listed` how many the whole list has: counted up to
    so many, or as this expression says.
    """

    def __init__(
        self,
        model: type[Model],
        order: tuple[str, ...] = ("pk",),
        columns: Collection[str] = (),
        behind: str = "",
        read: Collection[str] = (),
        always: Collection[tuple[str, Any]] = (),
        at_most: int | None = None,
        number: BaseExpression | None = None,
    ) -> None:
        given = {name: Given(name, cast("Field[Any, Any]", model._meta.get_field(name))) for name in columns}
        chosen = model._default_manager.filter(**given, **dict(always)).order_by(*order)
        shown = chosen.filter(**{f"pk__{behind}": Given("after", model._meta.pk)}) if behind else chosen
        if number is None and at_most is not None:
            number = CountUpTo(lambda: chosen, at_most)
        super().__init__(model, lambda: shown, read, **({} if number is None else {"listed": number}))


def _filled(parameters: Row, given: dict[str, Any], connection: Any) -> list[Any]:
    return [each.stored(given[each.name], connection) if isinstance(each, Given) else each for each in parameters]


def _converted(row: Row, converters: Any, connection: Any) -> Row:
    values = list(row)
    for place, (functions, expression) in converters.items():
        for convert in functions:
            values[place] = convert(values[place], expression, connection)
    return tuple(values)


def record_of(model: type[Model], columns: list[str], row: Row, *, using: str = "default") -> Any:
    """
    Return a record of these columns, as if it had been read. Any other column would be read when it is asked for.

    Nobody is told of it: `from_db` asks each field of the model, and sends signals, which nobody here listens to. That
    was a fifth of the Python of a page of twenty.
    """
    record, state = model.__new__(model), ModelState()
    state.adding, state.db = False, using
    record.__dict__ = {"_state": state, **dict(zip(columns, row, strict=True))}
    return record
