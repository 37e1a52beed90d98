"""Files of suppliers, and imports of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import quote, urlencode

import pytest
from django.db import connection

from qhse.exchange.models import ImportJob, ImportMode
from qhse.exchange.services import start_import
from qhse.exchange.tests.previews import previewed

HEADER = "Lieferant;Kreditor;Land;Zertifikat gültig bis"


def suppliers_csv(number: int, *, bad: tuple[int, ...] = ()) -> bytes:
    """Return a table of so many suppliers, of which these have a date that is none."""
    lines = [
        f"Firma {place} GmbH;{70000 + place};Deutschland;{'32.12.2027' if place in bad else '31.12.2027'}"
        for place in range(number)
    ]
    return "\r\n".join([HEADER, *lines]).encode("cp1252")


@pytest.fixture
def preview(users: dict[str, Any]) -> Callable[..., ImportJob]:
    """Check a file, by procurement. Without one, of three suppliers."""

    def make(content: bytes | None = None, **overrides: Any) -> ImportJob:
        values = {"kind": "suppliers", "name": "suppliers.csv", "mode": ImportMode.ALL_OR_NOTHING}
        values |= {"actor": users["procurement"]} | overrides
        return previewed(suppliers_csv(3) if content is None else content, **values)

    return make


@pytest.fixture
def started(preview: Callable[..., ImportJob]) -> Callable[..., ImportJob]:
    """Check a file and start its import, by the same person."""

    def make(content: bytes | None = None, **overrides: Any) -> ImportJob:
        job = preview(content, **overrides)
        return start_import(import_id=job.pk, actor=job.created_by)

    return make


@pytest.fixture
def children(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let programs that the test starts find the test's database."""
    monkeypatch.setenv("DJANGO_SETTINGS_MODULE", "qhse.settings")
    monkeypatch.setenv("QHSE_ENV", "test")
    monkeypatch.setenv("TEST_DATABASE_URL", _url(connection.settings_dict))


def _url(database: dict[str, Any]) -> str:
    place = database["HOST"] or ""
    query = {"host": place} if place.startswith("/") else {}
    host = "" if place.startswith("/") else place
    port = f":{database['PORT']}" if database["PORT"] else ""
    word = f":{quote(database['PASSWORD'])}" if database["PASSWORD"] else ""
    return f"postgres://{quote(database['USER'])}{word}@{host}{port}/{database['NAME']}" + (
        f"?{urlencode(query)}" if query else ""
    )
