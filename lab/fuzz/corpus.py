"""The corpus: hostile requests, tables × routes, byte for byte as they go over the line. It never changes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import NamedTuple
from uuid import UUID

HOST = "127.0.0.1"
JSON_TYPE = "application/json"


class Hostile(NamedTuple):
    """
    One request.

    `by_server`: it is so malformed that the HTTP server may refuse it before any code of ours runs. `status`: the answer
    that it must get, where only one is right.
    """

    name: str
    raw: bytes
    by_server: bool = False
    status: int = 0


READS = ("/suppliers", "/suppliers/1", "/suppliers/1/timeline",
         "/suppliers/1/risk", "/suppliers/1/risk/history", "/suppliers/1/volumes", "/suppliers/1/volumes/2026-10",
         "/imports", "/imports/1", "/certificates", "/certificates/1",
         "/certificates/1/timeline", "/ncs", "/ncs/1", "/ncs/1/timeline", "/actions", "/actions/1",
         "/actions/1/timeline", "/me/work", "/kpi", "/kpi/quality", "/audit-log", "/audit-log/reviews",
         "/audit-log/verifications", "/ncs/sample", "/dossiers",
         "/outbox/events", "/auth/me", f"/outbox/events/{UUID(int=7)}", "/healthz", "/readyz", "/openapi.json")  # fmt: skip
_CERTIFICATE: dict[str, object] = {
    "supplier_id": 0, "standard": "x", "number": "", "issuer": "x", "valid_from": "never", "valid_to": "2029-06-30",
}  # fmt: skip
_CERTIFICATE_STEPS: dict[str, dict[str, object]] = {
    "verify": {"method": "register"}, "reject": {"reason": "x"}, "withdraw": {"reason": "x"},
}  # fmt: skip
_CASE_STEPS: dict[str, dict[str, object]] = {
    "assign": {"owner_id": None}, "contain": {"containment": "x"}, "analyse": {"cause_code": "method", "root_cause": "x"},
    "dispose": {"disposition": "scrap", "reason": "x"}, "concede": {"reason": "x"}, "close": {"reason": "x"},
    "reopen": {"reason": "x"}, "void": {"reason": "x"},
}  # fmt: skip
_ACTION_STEPS: dict[str, dict[str, object]] = {
    "start": {}, "complete": {"note": "x"}, "verify": {"effective": True, "note": "x"}, "cancel": {"reason": "x"},
}  # fmt: skip
WRITES: dict[str, tuple[str, dict[str, object]]] = {
    "/auth/login": ("POST", {"username": "nobody", "password": "wrong"}),
    "/auth/refresh": ("POST", {"refresh_token": "x"}),
    "/auth/logout": ("POST", {"refresh_token": "x"}),
    "/suppliers": ("POST", {"name": ""}),
    "/suppliers/1/certification": ("PATCH", {"certification_expiry": "never"}),
    "/suppliers/999999": ("PATCH", {"name": "x", "country": "XX", "required_standards": ["x"], "reason": "x"}),
    "/suppliers/999999/status": ("POST", {"status": "approved", "reason": "x"}),
    "/suppliers/999999/merge": ("POST", {"into_id": 1, "reason": "x"}),
    "/certificates": ("POST", _CERTIFICATE),
    "/certificates/999999": ("PATCH", {"number": "x", "reason": "x"}),
    **{f"/certificates/999999/{step}": ("PATCH", body) for step, body in _CERTIFICATE_STEPS.items()},
    "/suppliers/1/risk/override": ("POST", {"level": "worst", "reason": "", "until": "never"}),
    "/suppliers/999999/volumes/2026-10": ("PUT", {"received_qty": 1, "defective_qty": 2}),
    "/imports/999999": ("PATCH", {"mode": "x", "columns": []}),
    "/imports/999999/start": ("POST", {}),
    "/imports/999999/cancel": ("POST", {}),
    "/audit-log/reviews": ("POST", {"seal": 0, "note": ""}),
    "/audit-log/verifications": ("POST", {"x": 1}),
    "/ncs": ("POST", {"supplier_id": 0, "severity": "x", "description": ""}),
    "/ncs/999999": ("PATCH", {"lot_no": "x", "reason": "x"}),
    **{f"/ncs/999999/{step}": ("PATCH", body) for step, body in _CASE_STEPS.items()},
    "/ncs/999999/actions": ("POST", {"kind": "corrective", "title": "x"}),
    "/actions/999999": ("PATCH", {"title": "x"}),
    **{f"/actions/999999/{step}": ("PATCH", body) for step, body in _ACTION_STEPS.items()},
    f"/outbox/events/{UUID(int=7)}/requeue": ("POST", {"reason": "x"}),
    f"/outbox/events/{UUID(int=7)}/dismiss": ("POST", {"reason": "x"}),
}
BODIES: dict[str, bytes] = {
    "empty": b"", "null": b"null", "true": b"true", "number": b"7", "text": b'"x"', "list": b"[]", "list of objects": b"[{}]",
    "cut": b'{"name": "x', "two documents": b"{}{}", "trailing comma": b'{"a": 1,}', "comment": b"{} // x",
    "single quotes": b"{'a': 1}", "NaN": b'{"a": NaN}', "Infinity": b'{"a": -Infinity}', "1e400": b'{"a": 1e400}',
    "5,000 digits": b'{"a": ' + b"9" * 5000 + b"}", "deep lists": b"[" * 50_000, "deep objects": b'{"a":' * 20_000,
    "33 deep": b"[" * 33 + b"]" * 33, "repeated key": b'{"name": "a", "name": "b"}', "escaped NUL": b'{"name": "\\u0000"}',
    "raw NUL": b'{"name": "\x00"}', "lone surrogate": b'{"name": "\\ud800"}', "NUL key": b'{"\\u0000": 1}',
    "surrogate key": b'{"\\udfff": 1}', "bad UTF-8": b'{"name": "\xff\xfe"}', "UTF-8 surrogate": b'{"name": "\xed\xa0\x80"}',
    "overlong UTF-8": b'{"name": "\xc0\xaf"}', "BOM": b"\xef\xbb\xbf{}", "UTF-16": "{}".encode("utf-16"),
    "UTF-32": "{}".encode("utf-32"), "many brackets": b"[" + b"[]," * 15_000 + b"[]]", "mass assignment": json.dumps(
        {"id": 1, "role": "admin", "is_staff": True, "actor": "admin", "closed_at": "2026-01-01", "status": "CLOSED"}
    ).encode(), "prototype": b'{"__proto__": {"a": 1}, "constructor": 1, "__class__": "x"}', "dollar": b'{"name": {"$ne": null}}',
    "nested name": b'{"name": {"a": ["b"]}}', "bidi": '{"name": "a\u202eb"}'.encode(), "emoji": '{"name": "🏭"}'.encode(),
    "huge text": b'{"name": "' + b"x" * 900_000 + b'"}', "too large": b'{"name": "' + b"x" * 1_100_000 + b'"}',
    "formula": b'{"name": "=cmd|calc!A0"}', "script": b'{"name": "<script>alert(1)</script>"}', "minus zero": b'{"supplier_id": -0}',
    "float id": b'{"supplier_id": 1.0}', "bool id": b'{"supplier_id": true}', "id beyond 64 bits": b'{"supplier_id": 18446744073709551616}',
    "text id": b'{"supplier_id": "1"}', "odd date": b'{"certification_expiry": "2026-02-30"}', "year 0": b'{"certification_expiry": "0000-01-01"}',
    "year 99999": b'{"certification_expiry": "99999-01-01"}', "week date": b'{"certification_expiry": "2026-W01-1"}',
    "arabic digits": '{"certification_expiry": "٢٠٢٦-٠١-٠١"}'.encode(),
}  # fmt: skip
TYPES = ("", "text/plain", "text/html", "application/xml", "application/x-www-form-urlencoded", "multipart/form-data",
         "multipart/form-data; boundary=", "application/json; charset=utf-16", "application/json; charset=hex",
         "application/json; charset=nobody", "application/json;;;", "application/", "/", "application/json, text/html",
         "application/problem+json", "application/merge-patch+json", "x" * 4000)  # fmt: skip
HEADERS: tuple[tuple[str, str], ...] = (
    *(("Idempotency-Key", value) for value in ("", " ", '""', "a b", "x" * 300, "\x7f", "é", "a,b", '"', "\x80\xff")),
    *(("If-Match", value) for value in ("", "1", '"1', "W/", '"a", ', "*, *", "x" * 3000, '"\x00"', 'W/"1"', "\xff")),
    *(("X-Request-ID", value) for value in ("", "x" * 5000, "a b", "<script>", "../..", "\x1b[31m", "é", "%0d%0aX: y")),
    *(("Authorization", value) for value in ("", "Bearer", "Bearer ", "Bearer x", "Bearer a.b.c", "Bearer " + "x" * 7000,
      "Basic YWRtaW46YWRtaW4=", "Bearer é", "Digest username=admin", "Bearer null", "bearer\tx")),
    *(("X-Forwarded-For", value) for value in ("1.1.1.1", "rubbish", "," * 1000, "::1", "127.0.0.1, 127.0.0.1", "%00")),
    *(("X-HTTP-Method-Override", value) for value in ("DELETE", "PUT", "x")),
    *(("Accept", value) for value in ("", "text/html", "application/xml", "*/*;q=x", "x" * 3000, "application/json;q=-1")),
    *(("Cookie", value) for value in ("sessionid=\x00", "sessionid=" + "x" * 4000, "=", ";;;", "csrftoken=é")),
    ("X-Forwarded-Host", "evil.example"), ("X-Forwarded-Proto", "https"), ("Forwarded", "for=1.1.1.1"), ("X-User", "admin"),
    ("Content-Encoding", "gzip"), ("Content-Encoding", "x"), ("Range", "bytes=0-"), ("If-None-Match", "*"),
    ("If-Modified-Since", "never"), ("Origin", "http://evil.example"), ("Upgrade", "h2c"), ("Accept-Encoding", "x" * 2000),
    ("Accept-Language", "\xff"), ("Referer", "javascript:x"), ("X-Original-URL", "/admin/"), ("X-Rewrite-URL", "/admin/"),
)  # fmt: skip
QUERIES = ("%", "%zz", "%00", "a=%00", "limit=", "limit=-1", "limit=0", "limit=101", "limit=1e1", "limit=" + "9" * 3000,
           "limit=1&limit=2", "offset=-1", "offset=" + "9" * 30, "limit=%D9%A1", "ordering=", "ordering=password",
           "ordering=name,name", "status=", "status=x", "status=OPEN&status=CLOSED", "severity=high%00", "supplier_id=1.0",
           "country=xx", "level=", "standard=x", "ending_within=1e2", "missing=1", "review_due=null", "supplier_id=-1", "supplier_id=" + "9" * 400, "search=%ff", "search=%ed%a0%80", "search=" + "x" * 3000,
           "search=%25%27%3B--", "at_risk=maybe", "at_risk=1", "since=never", "since=9999-12-31T23:59:59-23:59",
           "since=0001-01-01T00:00:00%2B23:59", "until=2026-02-30", "actor=%00", "format=html", "format=admin", "_method=DELETE",
           "cursor=%00", "a[b]=c", "a.b=c", "&&&", "=", "callback=x", "page=1")  # fmt: skip
METHODS = ("PUT", "DELETE", "OPTIONS", "TRACE", "CONNECT", "PROPFIND", "get", "X" * 20)
PATHS = ("//", "/..", "/%2e%2e/", "/suppliers/", "/suppliers//1", "/suppliers/1/", "/suppliers/0", "/suppliers/-1",
         "/suppliers/" + "9" * 30, "/suppliers/1%00", "/suppliers/%ff", "/suppliers;a=b", "/SUPPLIERS", "/ncs/1e3",
         "/ncs/1/close/", "/outbox/events/x", "/outbox/events/" + "0" * 40, "/.env", "/.git/config", "/static/../manage.py",
         "/static/%2e%2e/manage.py", "/admin/../suppliers", "/metrics/", "/api/suppliers", "/" + "a" * 3000, "/%", "/%u0041",
         "/suppliers\\1", "/<script>", "/{{7*7}}", "/docs/x", "/auth", "/auth/", "/auth/me/x")  # fmt: skip


def corpus(token: str) -> Iterator[Hostile]:
    """Yield them all. Those that need to pass the door carry this access token."""
    for path, (method, valid) in WRITES.items():
        for name, body in BODIES.items():
            yield Hostile(f"body {name}", _request(method, path, token, body=body))
            yield Hostile(f"body in chunks {name}", _in_chunks(_request(method, path, token, body=body)))
        for media_type in TYPES:
            body = json.dumps(valid).encode()
            raw = _request(method, path, token, body=body, media_type=media_type)
            yield Hostile(f"type {media_type[:40]}", raw)
            right = 0 if media_type.startswith(JSON_TYPE + ";") else 415
            yield Hostile(f"type in chunks {media_type[:40]}", _in_chunks(raw), status=right)
        for header, value in HEADERS:
            body = json.dumps(valid).encode()
            yield Hostile(
                f"header {header}: {value[:30]!r}", _request(method, path, token, body, extra=(header, value)), True
            )
        yield from _broken(method, path, token)
    for path in READS:
        for query in QUERIES:
            yield Hostile(f"query {query[:40]}", _request("GET", f"{path}?{query}", token))
        for header, value in HEADERS:
            yield Hostile(f"header {header}: {value[:30]!r}", _request("GET", path, token, extra=(header, value)), True)
        for method in METHODS:
            yield Hostile(f"method {method}", _request(method, path, token), True)
    for path in PATHS:
        for method in ("GET", "POST", "PATCH", "DELETE"):
            yield Hostile(f"path {method} {path[:40]}", _request(method, path, token), True)


def _request(
    method: str,
    path: str,
    token: str,
    body: bytes | None = None,
    *,
    media_type: str = JSON_TYPE,
    extra: tuple[str, str] = ("", ""),
) -> bytes:
    lines = [f"{method} {path} HTTP/1.1", f"Host: {HOST}", "Connection: close"]
    if token and extra[0] != "Authorization":
        lines.append(f"Authorization: Bearer {token}")
    if body is not None:
        lines += [f"Content-Type: {media_type}"] if media_type else []
        lines.append(f"Content-Length: {len(body)}")
    if extra[0]:
        lines.append(f"{extra[0]}: {extra[1]}")
    return "\r\n".join([*lines, "", ""]).encode("utf-8", "surrogateescape") + (body or b"")


def _in_chunks(raw: bytes) -> bytes:
    """Return the same request with its body in two chunks."""
    head, _, body = raw.partition(b"\r\n\r\n")
    lines = [line for line in head.split(b"\r\n") if not line.startswith(b"Content-Length")]
    pieces = [piece for piece in (body[:3], body[3:]) if piece]
    chunks = b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces)
    return b"\r\n".join([*lines, b"Transfer-Encoding: chunked", b"", b""]) + chunks + b"0\r\n\r\n"


def _broken(method: str, path: str, token: str) -> Iterator[Hostile]:
    """Yield requests that are no HTTP, or two in one, such as a proxy in front could pass on."""
    head = f"{method} {path} HTTP/1.1\r\nHost: {HOST}\r\nAuthorization: Bearer {token}\r\nContent-Type: {JSON_TYPE}\r\n".encode()
    chunks = b"Transfer-Encoding: chunked\r\n"
    tails = {
        "length and chunks": chunks + b"Content-Length: 4\r\n\r\n0\r\n\r\nGET /kpi HTTP/1.1\r\n\r\n",
        "two lengths": b"Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}x",
        "length of words": b"Content-Length: two\r\n\r\n{}", "negative length": b"Content-Length: -1\r\n\r\n",
        "signed length": b"Content-Length: +2\r\n\r\n{}", "huge length": b"Content-Length: " + b"9" * 30 + b"\r\n\r\n{}",
        "odd encoding": b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
        "chunks with a space": b"Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
        "bad chunk size": chunks + b"\r\nzz\r\n{}\r\n0\r\n\r\n", "negative chunk": chunks + b"\r\n-2\r\n{}\r\n0\r\n\r\n",
        "huge chunk": chunks + b"\r\nffffffffffffffff\r\n{}", "bare line feeds": b"Content-Length: 2\n\n{}",
        "folded header": b"X-A: b\r\n c\r\nContent-Length: 2\r\n\r\n{}", "header without colon": b"rubbish\r\n\r\n",
        "NUL in a header": b"X-A: \x00\r\n\r\n", "space in a name": b"X A: b\r\n\r\n", "two hosts": b"Host: evil.example\r\n\r\n",
        "100 headers": b"".join(b"X-%d: y\r\n" % n for n in range(100)) + b"\r\n",
        "long header": b"X-A: " + b"y" * 20_000 + b"\r\n\r\n", "foreign host": b"X-Forwarded-Host: a\r\nHost: evil\r\n\r\n",
    }  # fmt: skip
    for name, tail in tails.items():
        yield Hostile(f"broken {name}", head + tail, True)
    for version in (b"HTTP/0.9", b"HTTP/1.2", b"HTTP/2.0", b"HTTP/9", b"", b"HTTP/1.1 x"):
        line = method.encode() + b" " + path.encode() + b" " + version + b"\r\nHost: x\r\n\r\n"
        yield Hostile(f"version {version!r}", line, True)
