"""
What each request asks the database: so many statements, and no more when tables grow.

A number that rises is a round trip for every client. A number that falls is good news, to be written down here.
"""

from __future__ import annotations

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

pytestmark = pytest.mark.django_db

# The first is the question who is asking. `who`, method, path, body, statements (BEGIN and COMMIT are none).
REQUESTS = [
    ("quality", "get", "/suppliers?limit=20", None, 2),
    ("quality", "get", "/suppliers?search=nordic", None, 3),
    ("quality", "get", "/suppliers?at_risk=true&ordering=-nc_open", None, 3),
    ("quality", "get", "/suppliers/{supplier}", None, 2),
    ("quality", "get", "/ncs?limit=20", None, 2),
    ("quality", "get", "/ncs?status=OPEN&severity=high&limit=20", None, 2),
    ("quality", "get", "/ncs?supplier_id={supplier}", None, 2),
    ("quality", "get", "/ncs?limit=10&offset=2000", None, 3),
    ("quality", "get", "/ncs?limit=10&after={nc}", None, 2),
    ("quality", "get", "/ncs/{nc}", None, 2),
    ("auditor", "get", "/audit-log?limit=20", None, 3),
    ("auditor", "get", "/audit-log?action=NC_CREATED", None, 2),
    ("auditor", "get", "/ncs/{nc}/timeline", None, 4),
    ("quality", "get", "/kpi", None, 5),
    ("admin", "get", "/outbox/events?status=PENDING", None, 2),
    ("quality", "get", "/auth/me", None, 1),
    ("quality", "post", "/ncs", {"supplier_id": "{supplier}", "severity": "high", "description": "x"}, 6),
    ("quality", "patch", "/ncs/{nc}/close", {"reason": "sorted"}, 8),
    ("procurement", "post", "/suppliers", {"name": "Alpenguss"}, 5),
    ("procurement", "patch", "/suppliers/{supplier}/certification", {"certification_expiry": "2031-01-01"}, 6),
]


@pytest.mark.parametrize(("who", "method", "path", "body", "most"), REQUESTS, ids=lambda value: str(value)[:60])
def test_a_request_costs_so_many_statements(api, make_supplier, make_nc, who, method, path, body, most):
    client, names = api(who), {}
    for number in range(3):
        names["supplier"] = make_supplier(name=f"Nordic Castings {number}").pk
        names["nc"] = make_nc(supplier_id=names["supplier"]).pk
    if body and "supplier_id" in body:
        body = body | {"supplier_id": names["supplier"]}

    with CaptureQueriesContext(connection) as asked:
        answer = getattr(client, method)(path.format(**names), body, format="json" if body else None)

    assert answer.status_code in (200, 201)
    told = [query["sql"] for query in asked if not query["sql"].startswith(("SAVEPOINT", "RELEASE"))]
    assert len(told) == most, "\n".join(told)
