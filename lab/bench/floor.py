"""
The least that can answer the same: plain WSGI and psycopg, under the same gunicorn.

The signature is checked, and user and role come from the database at each request. Statements are prepared. There is no
framework, no strictness, no audit of refusals, no idempotency, no log. GETs answer the product's bytes, and the writes
store the same rows. The product's distance from this is what all the rest costs.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import os
import re
import threading
import time
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs
from uuid import UUID, uuid4

import psycopg
from psycopg.rows import dict_row

KEY = os.environ["FLOOR_SIGNING_KEY"].encode()
Row = dict[str, Any]
_here = threading.local()

_USER = """
SELECT u.id, u.username, u.role FROM accounts_tokenfamily f JOIN accounts_user u ON u.id = f.user_id
WHERE f.id = %s AND f.revoked_at IS NULL AND u.is_active
"""
_AT_RISK = "(nc_open_high > 0 OR coalesce(certification_expiry < current_date, false))"
_SUPPLIER = f"id, name, certification_expiry, {_AT_RISK} AS is_at_risk, created_at"
_NC = "id, supplier_id, severity, status, description, created_at, closed_at, closure_reason"
_METADATA = ("request_id", "source", "actor_id", "client_address")
_ENTRY = f"id, created_at, actor, actor_role, action, entity_type, entity_id, changes, reason, {', '.join(_METADATA)}"


def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    line = _line()
    with line.transaction():
        user = _user(line, environ)
        status, answer = ("401 Unauthorized", {}) if user is None else _answer(line, user, environ)
    body = json.dumps(answer, separators=(",", ":"), ensure_ascii=False).encode()
    headers = [("Content-Type", "application/json"), ("Content-Length", str(len(body))), ("X-Request-ID", uuid4().hex)]
    start_response(status, headers)
    return [body]


def _line() -> psycopg.Connection[Row]:
    if not hasattr(_here, "line"):
        _here.line = psycopg.connect(os.environ["DATABASE_URL"], row_factory=dict_row, prepare_threshold=0)
    line: psycopg.Connection[Row] = _here.line
    return line


def _user(line: psycopg.Connection[Row], environ: dict[str, Any]) -> Row | None:
    _, _, token = environ.get("HTTP_AUTHORIZATION", "").partition(" ")
    signed, _, signature = token.rpartition(".")
    if not hmac.compare_digest(_decoded(signature), hmac.digest(KEY, signed.encode(), hashlib.sha256)):
        return None
    claims = json.loads(_decoded(signed.partition(".")[2]))
    if claims["exp"] < time.time() or claims["typ"] != "access" or claims["iss"] != "qhse":
        return None
    return line.execute(_USER, [UUID(claims["jti"][:32])]).fetchone()


def _decoded(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def _answer(line: psycopg.Connection[Row], user: Row, environ: dict[str, Any]) -> tuple[str, Any]:
    path = environ["PATH_INFO"]
    query = {name: values[0] for name, values in parse_qs(environ.get("QUERY_STRING", "")).items()}
    for pattern, view in _ROUTES:
        if found := pattern.fullmatch(f"{environ['REQUEST_METHOD']} {path}"):
            body = json.loads(environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0)) or b"{}")
            return view(line, user, query | body | found.groupdict(), environ)
    return "404 Not Found", {}


def _page(rows: list[Row], count: int, asked: Row, environ: dict[str, Any]) -> tuple[str, Any]:
    limit, offset = int(asked.get("limit", 20)), int(asked.get("offset", 0))
    base = f"http://{environ['HTTP_HOST']}{environ['PATH_INFO']}"
    others = "".join(f"&{name}={value}" for name, value in asked.items() if name not in {"limit", "offset"})

    def link(start: int) -> str:
        return f"{base}?limit={limit}{f'&offset={start}' if start else ''}{others}"

    after = link(offset + limit) if offset + limit < count else None
    before = link(max(0, offset - limit)) if offset else None
    return "200 OK", {"count": count, "next": after, "previous": before, "results": [_plain(row) for row in rows]}


def _plain(row: Row) -> Row:
    return {
        name: value.isoformat().replace("+00:00", "Z") if hasattr(value, "isoformat") else value
        for name, value in row.items()
    }


def _one(line: psycopg.Connection[Row], sql: str, values: Any = ()) -> Row:
    (row,) = line.execute(sql.encode(), values).fetchall()
    return row


def _suppliers(line: psycopg.Connection[Row], user: Row, asked: Row, environ: Row) -> tuple[str, Any]:
    count = _one(line, "SELECT count(*) AS count FROM suppliers_supplier")["count"]
    sql = f"SELECT {_SUPPLIER} FROM suppliers_supplier ORDER BY id LIMIT %s OFFSET %s"
    rows = line.execute(sql.encode(), [int(asked.get("limit", 20)), int(asked.get("offset", 0))]).fetchall()
    return _page(rows, count, asked, environ)


def _supplier(line: psycopg.Connection[Row], user: Row, asked: Row, environ: Row) -> tuple[str, Any]:
    sql = f"SELECT {_SUPPLIER}, nc_total, nc_open, nc_open_high FROM suppliers_supplier WHERE id = %s"
    return "200 OK", _plain(_one(line, sql, [int(asked["id"])]))


def _ncs(line: psycopg.Connection[Row], user: Row, asked: Row, environ: Row) -> tuple[str, Any]:
    limit, offset = int(asked.get("limit", 20)), int(asked.get("offset", 0))
    if "status" in asked:
        # The counts on the suppliers, which the services keep, are summaries enough.
        sums = "SELECT sum(nc_open_high)::bigint AS count FROM suppliers_supplier"
        where, values = "WHERE status = %s AND severity = %s", [asked["status"], asked["severity"]]
    else:
        sums, where, values = "SELECT sum(nc_total)::bigint AS count FROM suppliers_supplier", "", []
    ids = f"SELECT id FROM ncs_nonconformity {where} ORDER BY id DESC LIMIT %s OFFSET %s"
    sql = f"SELECT {_NC} FROM ncs_nonconformity JOIN ({ids}) page USING (id) ORDER BY id DESC"
    rows = line.execute(sql.encode(), [*values, limit, offset]).fetchall()
    for row in rows:
        row["number"] = f"NC-{row['created_at']:%Y}-{row['id']:05d}"
    return _page(rows, _one(line, sums)["count"], asked, environ)


def _audit_log(line: psycopg.Connection[Row], user: Row, asked: Row, environ: Row) -> tuple[str, Any]:
    sql = f"SELECT {_ENTRY} FROM audit_auditentry ORDER BY id DESC LIMIT %s"
    rows = line.execute(sql.encode(), [int(asked.get("limit", 20))]).fetchall()
    for row in rows:
        row["metadata"] = {name: row.pop(name) for name in _METADATA}
    head = _one(line, "SELECT total FROM audit_auditseal ORDER BY number DESC LIMIT 1")
    return _page(rows, head["total"], asked, environ)


def _kpi(line: psycopg.Connection[Row], user: Row, asked: Row, environ: Row) -> tuple[str, Any]:
    sql = (
        f"SELECT count(*) AS suppliers_total, count(*) FILTER (WHERE {_AT_RISK}) AS suppliers_at_risk, "
        "sum(nc_total)::bigint AS nc_total, sum(nc_open)::bigint AS nc_open, "
        "sum(nc_open_high)::bigint AS nc_open_high, "
        "(SELECT count(*) FROM outbox_outboxevent WHERE status = 'PENDING') AS outbox_pending, "
        "(SELECT count(*) FROM outbox_outboxevent WHERE status = 'FAILED') AS outbox_failed, "
        "(SELECT total FROM audit_auditseal ORDER BY number DESC LIMIT 1) AS audit_events_total "
        "FROM suppliers_supplier"
    )
    return "200 OK", _one(line, sql)


_AUDIT = """
INSERT INTO audit_auditentry (id, created_at, actor_id, actor, actor_salt, actor_digest, actor_role, action,
    entity_type, entity_id, changes, reason, source, request_id, client_address, uid, mark)
VALUES (nextval(pg_get_serial_sequence('audit_auditentry', 'id')), statement_timestamp(), %s, %s, '', '', %s, %s,
    %s, %s, %s, '', 'api', %s, '', %s, %s)
"""
_EVENT = """
INSERT INTO outbox_outboxevent (event_id, event_type, schema_version, aggregate_type, aggregate_id, payload, headers,
    status, attempts, last_error)
VALUES (%s, %s, 1, 'supplier', %s, %s, '{}', 'PENDING', 0, '')
"""


def _also(line: psycopg.Connection[Row], user: Row, action: str, about: tuple[str, int], payload: Row) -> None:
    mark = hmac.digest(KEY, json.dumps(payload).encode(), hashlib.sha256).hex()
    text = json.dumps(payload)
    entry = [
        user["id"],
        user["username"],
        user["role"],
        action,
        about[0],
        str(about[1]),
        text,
        uuid4().hex,
        uuid4(),
        mark,
    ]
    line.execute(_AUDIT, entry)
    line.execute(_EVENT, [uuid4(), action, str(payload["supplier_id"]), text])


def _create_nc(line: psycopg.Connection[Row], user: Row, asked: Row, environ: Row) -> tuple[str, Any]:
    high = int(asked["severity"] == "high")
    line.execute(
        "UPDATE suppliers_supplier SET nc_total = nc_total + 1, nc_open = nc_open + 1, "
        "nc_open_high = nc_open_high + %s WHERE id = %s",
        [high, asked["supplier_id"]],
    )
    sql = (
        "INSERT INTO ncs_nonconformity (supplier_id, severity, status, description, closure_reason, reported_by_id) "
        f"VALUES (%s, %s, 'OPEN', %s, '', %s) RETURNING {_NC}"
    )
    row = _one(line, sql, [asked["supplier_id"], asked["severity"], asked["description"], user["id"]])
    payload = {"nc_id": row["id"], "supplier_id": row["supplier_id"], "severity": row["severity"]}
    _also(line, user, "NC_CREATED", ("nonconformity", row["id"]), payload)
    row["number"] = f"NC-{datetime.now(UTC):%Y}-{row['id']:05d}"
    return "201 Created", _plain(row)


def _certify(line: psycopg.Connection[Row], user: Row, asked: Row, environ: Row) -> tuple[str, Any]:
    key = int(asked["id"])
    before = _one(line, "SELECT certification_expiry FROM suppliers_supplier WHERE id = %s FOR NO KEY UPDATE", [key])
    sql = (
        "UPDATE suppliers_supplier SET certification_expiry = %s::date, version = version + 1, updated_at = now() "
        f"WHERE id = %s RETURNING {_SUPPLIER}, nc_total, nc_open, nc_open_high"
    )
    row = _plain(_one(line, sql, [asked["certification_expiry"], key]))
    payload = {"supplier_id": key, "certification_expiry": row["certification_expiry"]}
    payload["previous"] = before["certification_expiry"] and before["certification_expiry"].isoformat()
    _also(line, user, "SUPPLIER_CERT_UPDATED", ("supplier", key), payload)
    return "200 OK", row


_ROUTES = [
    (re.compile(pattern), view)
    for pattern, view in {
        r"GET /suppliers": _suppliers,
        r"GET /suppliers/(?P<id>\d+)": _supplier,
        r"GET /ncs": _ncs,
        r"GET /audit-log": _audit_log,
        r"GET /kpi": _kpi,
        r"POST /ncs": _create_nc,
        r"PATCH /suppliers/(?P<id>\d+)/certification": _certify,
    }.items()
]
