"""Every constraint of the database has a 4xx, whatever service forgot it."""

from __future__ import annotations

import pytest
from django.apps import apps
from django.db import IntegrityError, connection, transaction
from django.db.models import BaseConstraint

from qhse.api.database_problems import constraint_named, database_problem

OUR_APPS = ("accounts", "api", "audit", "outbox", "suppliers", "ncs", "kpi")


def declared() -> list[BaseConstraint]:
    models = (model for app in OUR_APPS for model in apps.get_app_config(app).get_models())
    return [constraint for model in models for constraint in model._meta.constraints]


def test_there_are_some():
    assert len(declared()) >= 10


@pytest.mark.parametrize("constraint", declared(), ids=lambda constraint: constraint.name)
def test_each_says_in_words_of_its_own_what_it_demands(constraint):
    assert constraint_named(constraint.name) is constraint
    assert constraint.violation_error_message != BaseConstraint.default_violation_error_message
    assert str(constraint.violation_error_message).endswith(".")


@pytest.mark.postgres
@pytest.mark.django_db
def test_each_constraint_of_the_database_itself_becomes_a_4xx(settings):
    """From the server's own list, so that one which no model declares is not forgotten."""
    tables = [model._meta.db_table for app in OUR_APPS for model in apps.get_app_config(app).get_models()]
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT conname, contype, conrelid::regclass::text FROM pg_constraint "
            "WHERE conrelid::regclass::text = ANY (%s) AND contype IN ('c', 'u', 'p', 'f', 'x')",
            [tables],
        )
        constraints = cursor.fetchall()
    assert len(constraints) > 30
    codes = {"c": "23514", "u": "23505", "p": "23505", "f": "23503", "x": "23P01"}

    for name, kind, table in constraints:
        with pytest.raises(IntegrityError) as caught, transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(
                f"DO $$ BEGIN RAISE EXCEPTION 'made up' USING ERRCODE = '{codes[kind]}', "
                f"CONSTRAINT = '{name}', TABLE = '{table}'; END $$"
            )
        answer = database_problem(caught.value)
        assert answer is not None and 400 <= answer.status_code < 500, name


@pytest.mark.django_db
def test_a_check_that_really_fails_is_told_in_its_own_words(make_supplier):
    from suppliers.models import Supplier

    supplier = make_supplier()

    with pytest.raises(IntegrityError) as caught, transaction.atomic():
        Supplier.objects.filter(pk=supplier.pk).update(risk_score=101)

    answer = database_problem(caught.value)
    assert answer is not None and answer.status_code == 409
    assert b'"code": "supplier_risk_score_is_0_to_100"' in answer.content
