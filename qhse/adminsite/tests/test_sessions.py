"""The key of a session, as a browser sends it."""

from __future__ import annotations

import pytest

from qhse.adminsite.sessions import SessionStore


@pytest.mark.parametrize(
    "key", ["", None, "short", "x" * 33, "X" * 32, "x" * 31 + "\0", "x" * 31 + "ä", "x" * 31 + "\n"]
)
def test_that_django_cannot_have_made_is_none(key):
    assert SessionStore(key).session_key is None


def test_that_django_made_is_taken(db):
    made = SessionStore()
    made.create()

    assert SessionStore(made.session_key).session_key == made.session_key
