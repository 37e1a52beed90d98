"""Migrations go forward, back and forward again, and the models need no other."""

from __future__ import annotations

from io import StringIO

import pytest
from django.core.management import call_command
from django.db import DatabaseError, connection, transaction

from audit.models import AuditEntry
from audit.services import record

OUR_APPS = ("kpi", "ncs", "suppliers", "outbox", "audit", "accounts")


@pytest.mark.django_db
def test_the_models_need_no_migration_that_is_missing():
    call_command("makemigrations", "--check", "--dry-run", verbosity=0)


@pytest.mark.django_db
def test_every_migration_has_a_name_that_says_something():
    from django.db.migrations.loader import MigrationLoader

    names = [name for app, name in MigrationLoader(connection).disk_migrations if app in OUR_APPS]

    assert names
    assert not [name for name in names if "auto" in name]


@pytest.mark.django_db(transaction=True)
def test_all_migrations_go_back_to_nothing_and_forward_again():
    from django.conf import settings

    try:
        for app in ("kpi", "ncs", "suppliers", "outbox", "audit"):
            call_command("migrate", app, "zero", verbosity=0, stdout=StringIO())
        remaining = {name for name in connection.introspection.table_names() if name.split("_")[0] in OUR_APPS}
        assert remaining == {name for name in remaining if name.startswith("accounts_")}
    finally:
        call_command("migrate", verbosity=0, stdout=StringIO())
    assert settings.AUTH_USER_MODEL == "accounts.User"
    with transaction.atomic():
        entry = record(actor=None, action="X", entity_type="y", entity_id=1, changes={})

    with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("DELETE FROM audit_auditentry")

    assert AuditEntry.objects.get() == entry
