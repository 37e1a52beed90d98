"""The order of names in lists: as in a dictionary, Ä beside A, and the same in every database (record 0034)."""

from __future__ import annotations

import re
import unicodedata
from typing import Any

from django.db import models

MAX_ORDER_LENGTH = 400  # of the column; what comes later in a name orders nothing

# Letters that Unicode does not take apart, and between which letters people look for them.
_SPELT = str.maketrans({"æ": "ae", "œ": "oe", "ø": "o", "đ": "d", "ð": "d", "þ": "th", "ł": "l", "ħ": "h", "ı": "i",
                        "ŧ": "t", "ŋ": "n", "ĸ": "k"})  # fmt: skip
_DASH = re.compile(r"[\u2010-\u2015\u2212]")


def dictionary_order(name: str) -> str:
    """
    Return the text by which a name is ordered, and sought by people who type it roughly.

    It is made of base letters (DIN 5007-1) without case, and with the dashes and spaces of a keyboard.
    """
    letters = unicodedata.normalize("NFKD", name).casefold().translate(_SPELT)
    base = "".join(each for each in unicodedata.normalize("NFKD", letters) if not unicodedata.combining(each))
    return " ".join(_DASH.sub("-", base).split())[:MAX_ORDER_LENGTH]


class DictionaryOrderField(models.CharField):
    """
    The text by which rows are ordered by the column `of`. It is computed whenever a row is saved, not by `update()`.

    It is compared by code points in each database: a collation of PostgreSQL's would differ between servers, and from
    SQLite.
    """

    def __init__(self, *args: Any, of: str = "name", **options: Any) -> None:
        self.of = of
        defaults: dict[str, Any] = {"max_length": MAX_ORDER_LENGTH, "default": "", "db_default": "", "editable": False}
        super().__init__(*args, **defaults | options)

    def deconstruct(self) -> Any:
        name, path, arguments, options = super().deconstruct()
        return name, path, arguments, options | {"of": self.of}

    def pre_save(self, model_instance: models.Model, add: bool) -> str:
        order = dictionary_order(getattr(model_instance, self.of))
        setattr(model_instance, self.attname, order)
        return order

    def db_parameters(self, connection: Any) -> Any:
        collation = "C" if connection.vendor == "postgresql" else None
        return super().db_parameters(connection) | {"collation": collation}
