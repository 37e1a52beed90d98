"""What the database itself does for the trail: are its triggers as they were made, and is nothing beside them?"""

from __future__ import annotations

from collections.abc import Iterator

from django.db import connection

from audit.models import AuditEntry, AuditSeal, ReviewStamp, SealedEntry
from audit.proof.findings import Finding

TABLES = tuple(model._meta.db_table for model in (AuditEntry, AuditSeal, SealedEntry, ReviewStamp))

# A trigger that is not ALWAYS does nothing for a session in replica mode. The types are those of pg_trigger: for each
# row before UPDATE or DELETE, and for each statement before TRUNCATE.
_REFUSES = {"update_or_delete": 1 | 2 | 8 | 16, "truncate": 2 | 32}
_TRIGGERS = """
SELECT c.relname, t.tgname, t.tgenabled, t.tgtype, t.tgqual IS NULL AND t.tgattr = ''::int2vector, p.prosrc
FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid JOIN pg_proc p ON p.oid = t.tgfoid
WHERE NOT t.tgisinternal AND c.oid = ANY (SELECT to_regclass(name) FROM unnest(%s::text[]) AS name)
"""
_OTHERS = """
SELECT c.relname, 'rule ' || r.rulename FROM pg_rewrite r JOIN pg_class c ON c.oid = r.ev_class
WHERE c.oid = ANY (SELECT to_regclass(name) FROM unnest(%(tables)s::text[]) AS name)
UNION ALL
SELECT relname, 'row level security' FROM pg_class
WHERE relrowsecurity AND oid = ANY (SELECT to_regclass(name) FROM unnest(%(tables)s::text[]) AS name)
"""
_BODY = "RAISE EXCEPTION 'audit entries are append-only: % refused', TG_OP USING ERRCODE = 'restrict_violation';"


def guard_problems() -> Iterator[Finding]:
    """
    Yield what no longer refuses changes, and what could let entries vanish.

    Whoever owns the tables can switch triggers off, and on again later: this is what is so now.
    """
    problems = _of_postgresql() if connection.vendor == "postgresql" else _of_sqlite()
    yield from (Finding("trail", 0, problem) for problem in problems)


def _of_postgresql() -> Iterator[str]:
    expected = {(table, name_of(table, what)): kind for table in TABLES for what, kind in _REFUSES.items()}
    with connection.cursor() as cursor:
        cursor.execute(_TRIGGERS, [list(TABLES)])
        triggers = cursor.fetchall()
        cursor.execute(_OTHERS, {"tables": list(TABLES)})
        others = cursor.fetchall()
    for table, name, enabled, kind, unconditional, body in triggers:
        wanted = expected.pop((table, name), None)
        if wanted is None:
            yield f"{table} has a trigger that is not the application's: {name}"
        elif enabled != "A":
            state = {"D": "off", "R": "on in replica mode only"}.get(enabled, "off in replica mode")
            yield f"{table}: the trigger {name} is {state}, so entries can be changed"
        elif kind != wanted or not unconditional or " ".join(body.split()) != f"BEGIN {_BODY} END":
            yield f"{table}: the trigger {name} is not what it was, so entries can be changed"
    for table, name in expected:
        yield f"{table}: the trigger {name} is gone, so entries can be changed"
    for table, what in others:
        yield f"{table} has something that is not the application's: {what}"


def name_of(table: str, what: str) -> str:
    """Return the name of the trigger that refuses this. Those of the entries are older, and shorter."""
    return f"{'audit' if table == TABLES[0] else table}_refuse_{what}"


def _of_sqlite() -> Iterator[str]:
    wanted = {name_of(table, what): table for table in TABLES for what in ("update", "delete")}
    wanted |= {f"{table}_refuse_replacement": table for table in TABLES}
    with connection.cursor() as cursor:
        cursor.execute("SELECT name, tbl_name, sql FROM sqlite_master WHERE type = 'trigger'")
        triggers = {name: (table, sql) for name, table, sql in cursor.fetchall() if table in TABLES}
    for name, table in wanted.items():
        found, sql = triggers.pop(name, (None, ""))
        is_conditional = "WHEN" in sql.upper() and not name.endswith("_replacement")
        if found != table or is_conditional or "RAISE(ABORT, 'audit entries" not in sql:
            yield f"{table}: the trigger {name} is gone or changed, so entries can be changed"
    for name, (table, _) in triggers.items():
        yield f"{table} has a trigger that is not the application's: {name}"
