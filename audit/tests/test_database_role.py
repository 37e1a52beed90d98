"""The application's role is restricted, or refused. What it then can and cannot do, `test_commands` shows."""

from __future__ import annotations

import pytest
from django.db import connection

from audit.database_role import APPEND_ONLY, grant_application_role

pytestmark = [pytest.mark.postgres, pytest.mark.django_db]


@pytest.fixture
def role(db) -> str:
    name = 'qhse "app" of a test'
    with connection.cursor() as cursor:
        cursor.execute('CREATE ROLE "qhse ""app"" of a test" LOGIN')
    return name


def rights_of(role: str, table: str) -> set[str]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT privilege_type FROM information_schema.role_table_grants WHERE grantee = %s AND table_name = %s",
            [role, table],
        )
        return {row[0] for row in cursor.fetchall()}


def test_it_may_read_and_add_to_the_trail_and_change_other_tables(role):
    grant_application_role(role)

    assert [rights_of(role, table) for table in APPEND_ONLY] == [{"SELECT", "INSERT"}] * 4
    assert rights_of(role, "suppliers_supplier") == {"SELECT", "INSERT", "UPDATE", "DELETE"}


def test_rights_that_it_had_before_are_taken_back(role):
    with connection.cursor() as cursor:
        cursor.execute('GRANT UPDATE, TRUNCATE ON audit_auditentry TO "qhse ""app"" of a test"')

    grant_application_role(role)

    assert rights_of(role, "audit_auditentry") == {"SELECT", "INSERT"}


def test_a_role_that_owns_the_tables_is_refused():
    with connection.cursor() as cursor:
        cursor.execute("SELECT tableowner FROM pg_tables WHERE tablename = 'audit_auditentry'")
        (owner,) = cursor.fetchone()

    with pytest.raises(ValueError, match="is not restricted"):
        grant_application_role(owner)


def test_a_role_that_is_not_there_is_refused():
    with pytest.raises(LookupError):
        grant_application_role("nosuch")
