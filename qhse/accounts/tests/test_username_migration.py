"""The upgrade from a version in which `anna` and `Anna` could be two users."""

from __future__ import annotations

from io import StringIO

import pytest
from django.contrib.auth.hashers import make_password
from django.core.management import CommandError, call_command
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from audit.models import AuditEntry
from audit.proof.marks import has_its_name, is_ours
from qhse.accounts.models import User
from qhse.deployment.database_checks import _demo_users

pytestmark = pytest.mark.django_db(transaction=True)
BEFORE = ("accounts", "0004_external_users")


@pytest.fixture
def earlier():
    """Go back to the earlier version. Afterwards, the present one."""
    call_command("migrate", *BEFORE, verbosity=0, stdout=StringIO())
    model = MigrationExecutor(connection).loader.project_state([BEFORE]).apps.get_model("accounts", "User")

    def add(username: str, **given):
        return model.objects.create(**{"username": username, "password": "!", "role": "quality"} | given).pk

    yield add
    if model.objects.exists() and BEFORE not in {  # a refused migration leaves the earlier version
        key for key in MigrationExecutor(connection).loader.applied_migrations if key > BEFORE
    }:
        model.objects.all().delete()
    call_command("migrate", verbosity=0, stdout=StringIO())


def migrate() -> None:
    call_command("migrate", verbosity=0, stdout=StringIO())


def names() -> dict[int, str]:
    return dict(User.objects.values_list("pk", "username"))


def test_nobody_is_renamed_where_all_names_differ(earlier):
    jörg, anna = earlier("jörg"), earlier("Anna")

    call_command("check_user_names", stdout=(out := StringIO()))
    migrate()

    assert out.getvalue() == "every user's name is theirs alone\n"
    assert names() == {jörg: "jörg", anna: "Anna"}
    assert dict(User.objects.values_list("pk", "username_key")) == {jörg: "jörg", anna: "anna"}
    assert not AuditEntry.objects.exists()


def test_who_does_not_log_in_by_the_name_gets_another_and_an_entry(earlier):
    gone, external, local = earlier("Anna", is_active=False), earlier("ANNA", external_id="e" * 64), earlier("anna")
    system = earlier("system", external_id="f" * 64)

    call_command("check_user_names", stdout=(out := StringIO()))
    migrate()

    assert out.getvalue().count("will be called") == 3
    assert names() == {
        gone: f"Anna~{gone}", external: "ANNA~eeeeeeeeeeee", local: "anna", system: "system~ffffffffffff",
    }  # fmt: skip
    assert User.objects.named("ANNA").pk == local
    entries = {int(entry.entity_id): entry for entry in AuditEntry.objects.filter(action="USER_CHANGED")}
    assert set(entries) == {gone, external, system}
    assert entries[gone].changes == {"username": ["Anna", f"Anna~{gone}"]}
    assert all(is_ours(entry) and has_its_name(entry) for entry in entries.values())


def test_two_who_log_in_by_one_name_stop_it_and_lose_nothing(earlier):
    one, other = earlier("jörg"), earlier("JO\u0308RG")

    with pytest.raises(CommandError, match="1 to be decided by a person"):
        call_command("check_user_names", stdout=(out := StringIO()))
    with pytest.raises(
        CommandError, match=r"has the same name as 'jörg' and has to be decided: deactivate all but one"
    ):
        migrate()

    assert f"(user {other}, active)" in out.getvalue()
    with connection.cursor() as cursor:
        cursor.execute("SELECT id FROM accounts_user ORDER BY id")
        assert cursor.fetchall() == [(one,), (other,)]

    with connection.cursor() as cursor:  # what the version that runs does when an administrator deactivates one
        cursor.execute("UPDATE accounts_user SET is_active = %s WHERE id = %s", [False, other])
    migrate()
    assert names() == {one: "jörg", other: f"JO\u0308RG~{other}"}


def test_users_who_are_there_are_ordered_as_in_a_dictionary(earlier):
    for name in ("zoe", "Ätna", "Anna"):
        earlier(name)

    migrate()

    assert list(User.objects.values_list("username", "name_order")) == [
        ("Anna", "anna"), ("Ätna", "atna"), ("zoe", "zoe"),
    ]  # fmt: skip


def test_demo_users_are_found_before_the_upgrade(earlier):
    earlier("quality", password=make_password("quality"))

    assert [each.id for each in _demo_users()] == ["qhse.E006"]
