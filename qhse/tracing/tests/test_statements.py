"""The text of a statement leaves without its values."""

from __future__ import annotations

import pytest

from qhse.tracing.statements import TEXT_AT_MOST, _described


@pytest.mark.parametrize(
    ("text", "name", "sent"),
    [
        ('SELECT "id" FROM "ncs_nonconformity" WHERE "id" = %s', "SELECT ncs_nonconformity", None),
        ("UPDATE t SET a = $1, b2 = %s", "UPDATE t", None),
        ("COMMIT", "COMMIT", None),
        ("", "SQL", None),
        ("SAVEPOINT s140_x1", "SAVEPOINT", None),
        ("INSERT INTO t VALUES ('Anna', 'O''Hara', 4711, 12.08)", "INSERT t", "INSERT INTO t VALUES (?, ?, ?, ?)"),
        ("SELECT 1 WHERE id = ANY('{1,2}')", "SELECT", "SELECT ? WHERE id = ANY(?)"),
        ("DELETE FROM t WHERE name = 'Anna", "DELETE t", "DELETE FROM t WHERE name = ?"),
        ("select * from t limit 20 offset 40", "SELECT t", "select * from t limit ? offset ?"),
    ],
)
def test_values_that_stand_in_it_are_taken_out(text, name, sent):
    found, attributes = _described(text, "postgresql")

    assert found == name
    assert attributes.get("db.query.text", "") == (text if sent is None else sent)


def test_one_that_is_cut_ends_with_no_part_of_a_value():
    text = f"SELECT {'a, ' * 480}'{'Anna Weiss ' * 50}"[: TEXT_AT_MOST + 1]

    _, attributes = _described(text, "postgresql")

    sent = attributes["db.query.text"]
    assert isinstance(sent, str)
    assert sent.endswith("?") and "Anna" not in sent


def test_a_long_one_is_cut():
    _, attributes = _described(("SELECT " + "a, " * 2_000)[: TEXT_AT_MOST + 1], "postgresql")

    assert attributes["db.query.text"] == ("SELECT " + "a, " * 2_000)[:TEXT_AT_MOST] + "…"
