"""Searches that find what people type, in any case and Unicode form, with or without accents, on both databases."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.db.models import CharField, F, Func, Model, Q, TextField, Value
from django.db.models.lookups import Contains
from psycopg.sql import quote

from qhse.searching import as_typed, words_of
from qhse.text import SPELT, base_letters

# As `base_letters`. By ICU, because the database's own collation may know ASCII alone, or be Turkish.
_LOWER = 'lower(normalize(%(expressions)s, NFKD) COLLATE "und-x-icu") COLLATE "C"'
_WITHOUT_ACCENTS = f"regexp_replace({_LOWER}, '[\\u0300-\\u036f]', '', 'g')"


class BaseLetters(Func):
    """`base_letters` of a column while it is read. For what is short or rare: it reads every row."""

    function = "base_letters"
    output_field = TextField()

    def as_sqlite(self, compiler: Any, connection: Any, **context: Any) -> Any:
        connection.ensure_connection()
        connection.connection.create_function("base_letters", 1, _of_column, deterministic=True)
        return super().as_sql(compiler, connection, **context)

    def as_postgresql(self, compiler: Any, connection: Any, **context: Any) -> Any:
        template = _WITHOUT_ACCENTS
        for letter, spelt in SPELT.items():
            template = f"replace({template}, '{letter}', '{spelt}')"
        return super().as_sql(compiler, connection, template=template, **context)


class SearchKeyField(TextField):
    """`base_letters` of another column, stored beside it. For what is long and searched often."""

    def __init__(self, *args: Any, source: str = "", **kwargs: Any) -> None:
        self.source = source
        super().__init__(*args, **kwargs)

    def pre_save(self, model_instance: Model, add: bool) -> str:
        key = base_letters(getattr(model_instance, self.source))
        setattr(model_instance, self.attname, key)
        return key

    def deconstruct(self) -> Any:
        """Be a plain column to migrations, which must not change with this class."""
        name, _, arguments, options = super().deconstruct()
        return name, "django.db.models.TextField", arguments, options


class InText(Contains):
    """
    `contains`, with the words in the text of the statement.

    As a parameter they would be unknown to a plan that is made once, and a search for a rare word would read the whole
    table in the order of the list instead of an index of its texts: 2 s instead of 2 ms among a million NCs.
    """

    def as_postgresql(self, compiler: Any, connection: Any) -> tuple[str, Any]:
        column, parameters = self.process_lhs(compiler, connection)
        _, (pattern,) = self.process_rhs(compiler, connection)
        return f"{column} LIKE {quote(pattern).replace('%', '%%')}", parameters


def found_in(term: str, *, columns: Iterable[str] = (), keys: Iterable[str] = ()) -> Q:
    """
    Return the condition that each word of `term` stands in one of these.

    Words are taken as a keyboard would have written them, without quotes and full stops around them: see `searching`.
    `columns` are folded while they are read, `keys` are columns that hold `base_letters` already.
    """
    columns, keys, condition = tuple(columns), tuple(keys), Q()
    words = [letters for word in words_of(term) for letters in base_letters(word).split()]
    if as_typed(term) and not words:
        return Q(pk=None)  # accents alone: nothing has them alone
    for word in words:
        places = [Q(Contains(BaseLetters(F(column)), Value(word, output_field=CharField()))) for column in columns]
        places += [Q(InText(F(key), word)) for key in keys]
        anywhere = Q(pk=None)
        for place in places:
            anywhere |= place
        condition &= anywhere
    return condition


def _of_column(text: str | None) -> str | None:
    return None if text is None else base_letters(text)
