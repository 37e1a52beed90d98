"""A person is forgotten, and the trail stays provable."""

from __future__ import annotations

import pytest
from django.db import DatabaseError, connection, transaction
from django.db.transaction import TransactionManagementError

from audit.models import AuditEntry
from audit.proof.sealing import seal_new_entries
from audit.proof.verification import Verification
from audit.pseudonyms import replace_actor_name
from audit.tests.test_commands import run
from qhse.accounts.errors import UserIsActive, UserNotFound
from qhse.accounts.models import User
from qhse.accounts.services.users import change_user, create_user, pseudonymise_user
from qhse.errors import InvalidInput


@pytest.fixture
def leaver(users, write):
    """Somebody who did something and has left: their entries are sealed, and one is not."""
    user = create_user(
        username="anna.leaver", password=None, role="quality", actor=users["admin"], email="anna@example.com"
    )
    write(2, actor=user)
    seal_new_entries()
    write(1, actor=user)
    change_user(user_id=user.pk, actor=users["admin"], changes={"is_active": False})
    return user


def test_a_person_is_forgotten_and_the_trail_stays_provable(leaver):
    assert run("pseudonymise_person", "anna.leaver", "--reason", "asked for it on 2026-11-20") == (
        0, f"now person-{leaver.pk}, also in 3 audit entries\n",
    )  # fmt: skip

    entries = AuditEntry.objects.filter(actor_id=leaver.pk)
    assert set(entries.values_list("actor", "actor_salt")) == {(f"person-{leaver.pk}", "")}
    user = User.objects.get(pk=leaver.pk)
    assert (user.username, user.email, user.has_usable_password()) == (f"person-{leaver.pk}", "", False)
    entry = AuditEntry.objects.get(action="USER_PSEUDONYMISED")
    assert (entry.entity_id, entry.reason, entry.changes) == (str(leaver.pk), "asked for it on 2026-11-20", {})
    seal_new_entries()
    assert [str(finding) for finding in Verification().run()] == []


def test_the_trail_is_protected_again_afterwards(leaver):
    run("pseudonymise_person", "anna.leaver", "--reason", "asked for it")

    for statement in ("UPDATE audit_auditentry SET reason = 'x'", "DELETE FROM audit_auditentry"):
        with pytest.raises(DatabaseError, match="append-only"), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(statement)


@pytest.mark.parametrize(
    ("username", "reason", "refusal"),
    [("nobody", "asked for it", UserNotFound), ("quality", "asked for it", UserIsActive),
     ("anna.leaver", " ", InvalidInput)],
)  # fmt: skip
def test_who_is_not_forgotten(leaver, username, reason, refusal):
    with pytest.raises(refusal):
        pseudonymise_user(username=username, actor=None, reason=reason)

    assert run("pseudonymise_person", username, "--reason", reason)[0] == 1
    assert not AuditEntry.objects.filter(action="USER_PSEUDONYMISED").exists()


def test_names_are_replaced_in_a_transaction_alone(transactional_db):
    with pytest.raises(TransactionManagementError):
        replace_actor_name(1)
