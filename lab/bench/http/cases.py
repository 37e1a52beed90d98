"""The requests that are measured."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from lab.bench.http.client import Ask
from lab.bench.http.data import SUPPLIERS
from qhse.accounts.roles import Role

DEEP = 150_000


@dataclass(frozen=True, slots=True)
class Case:
    """
    One kind of request. `path` is called with a source of chance, `body` too; both return the next one.

    `most` is the reach in milliseconds of CPU with the fewest connections, `growth` between the sizes. One that is
    `alone` has no floor beside it.
    """

    name: str
    role: Role
    path: Callable[[random.Random], str]
    most: float
    growth: float = 1.2
    method: str = "GET"
    body: Callable[[random.Random], object] | None = None
    expected: bytes = b"200"
    alone: bool = False

    def asking(self, port: int, token: str) -> Ask:
        """Return what makes requests. They are the same ones for each server that is compared."""
        chance = random.Random(4711)
        head = f" HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nAuthorization: Bearer {token}\r\n"

        def ask() -> bytes:
            first = f"{self.method} {self.path(chance)}{head}"
            if self.body is None:
                return f"{first}\r\n".encode()
            body = json.dumps(self.body(chance))
            return f"{first}Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode()

        return ask


def _some_supplier(chance: random.Random) -> int:
    return chance.randint(1, SUPPLIERS)


def cases(rows: int) -> list[Case]:
    """Return all, for tables of so many rows."""
    return [
        Case("GET /suppliers?limit=20", Role.QUALITY, lambda chance: "/suppliers?limit=20", 2.8),
        Case("GET /suppliers/{id}", Role.QUALITY, lambda chance: f"/suppliers/{_some_supplier(chance)}", 2.6),
        Case(
            "GET /ncs?status=OPEN&severity=high&limit=20",
            Role.QUALITY,
            lambda chance: "/ncs?status=OPEN&severity=high&limit=20",
            3.0,
        ),
        Case(
            f"GET /ncs?limit=100&offset={DEEP}",
            Role.QUALITY,
            lambda chance: f"/ncs?limit=100&offset={DEEP}",
            12.0,
            growth=2.0,
        ),
        Case(
            "the same page by its key",
            Role.QUALITY,
            lambda chance: f"/ncs?limit=100&offset={DEEP}&after={max(rows - DEEP, 0)}",
            8.0,
            alone=True,
        ),
        Case("GET /ncs/{id}", Role.QUALITY, lambda chance: f"/ncs/{chance.randint(1, rows)}", 2.6, alone=True),
        Case(
            "GET /ncs?phase=actions&category=material&limit=20",
            Role.QUALITY,
            lambda chance: "/ncs?phase=actions&category=material&limit=20",
            12.0,
            alone=True,
        ),
        Case("GET /me/work", Role.QUALITY, lambda chance: "/me/work", 12.0, alone=True),
        Case("GET /audit-log?limit=20", Role.AUDITOR, lambda chance: "/audit-log?limit=20", 4.0),
        Case("GET /kpi", Role.QUALITY, lambda chance: "/kpi", 2.8),
        Case("GET /kpi/quality", Role.QUALITY, lambda chance: "/kpi/quality", 50.0, alone=True),
        Case(
            "GET /kpi/quality?as_of={day}",
            Role.QUALITY,
            lambda chance: f"/kpi/quality?as_of={datetime.now(UTC).date() - timedelta(days=chance.randint(1, 300))}",
            50.0,
            alone=True,
        ),
        Case(
            "GET /kpi/quality?supplier_id={id}",
            Role.QUALITY,
            lambda chance: f"/kpi/quality?supplier_id={_some_supplier(chance)}",
            50.0,
            alone=True,
        ),
        Case(
            "POST /ncs",
            Role.QUALITY,
            lambda chance: "/ncs",
            4.0,
            method="POST",
            body=lambda chance: {
                "supplier_id": _some_supplier(chance),
                "severity": chance.choice(["low", "medium", "high"]),
                "description": "Lot 4711: bore diameter out of tolerance",
            },
            expected=b"201",
        ),
        Case(
            "PATCH /suppliers/{id}/certification",
            Role.PROCUREMENT,
            lambda chance: f"/suppliers/{_some_supplier(chance)}/certification",
            3.5,
            method="PATCH",
            body=lambda chance: {
                "certification_expiry": str(date(2030, 1, 1) + timedelta(days=chance.randrange(1_000)))
            },
        ),
    ]
