"""Everything that stands in the trail, and each type of event, has words for people. The names on the wire stay."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.test import Client

from audit.models import AuditEntry
from audit.words import (
    SOURCES,
    Field,
    all_words,
    field_of,
    kind_of,
    records_of,
    value_text,
    what_happened,
)  # fmt: skip
from ncs.models import NonConformity
from outbox.choices import EventStatus
from outbox.events import event_types
from qhse.accounts.roles import Role
from qhse.accounts.services.users import CHANGEABLE
from qhse.tests.pages import OURS, is_ours
from suppliers.models import Supplier

ROOT = Path(settings.BASE_DIR)
MACHINE_WORD = re.compile(r"\b[A-Z]+(?:_[A-Z]+)+\b|\b[a-z]+(?:_[a-z]+)+\b")


def writers() -> Iterator[tuple[Path, ast.Module]]:
    """Yield every module of the product that writes the trail."""
    for app in OURS:
        for path in sorted((ROOT / app).rglob("*.py")):
            source = path.read_text(encoding="utf-8")
            if {"tests", "migrations"} & set(path.parts) or path.name == "conftest.py":
                continue
            if re.search(r"\b(record|entry_for)\(", source) and path.name != "history.py":
                yield path, ast.parse(source)


def without_exports(module: ast.Module) -> Iterator[ast.AST]:
    """Yield what a module consists of, but for its `__all__`: names of its own that look like actions."""
    for statement in module.body:
        if not (isinstance(statement, ast.Assign) and ast.unparse(statement.targets[0]) == "__all__"):
            yield from ast.walk(statement)


def actions_written() -> set[str]:
    """Return every text in these modules that looks like an action."""
    return {
        node.value
        for _, module in writers()
        for node in without_exports(module)
        if isinstance(node, ast.Constant)
        and isinstance(node.value, str)
        and re.fullmatch("[A-Z]+(_[A-Z]+)+", node.value)
    }


def kinds_written() -> set[str]:
    found = set()
    for _, module in writers():
        for node in ast.walk(module):
            if isinstance(node, ast.keyword) and node.arg == "entity_type" and isinstance(node.value, ast.Constant):
                found.add(node.value.value)
            if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "(ACTION, ENTITY)":
                found.add(ast.literal_eval(node.value)[1])
    return found


def is_pair(node: Any) -> bool:
    return isinstance(node, ast.Tuple) and len(node.elts) == 2


def fields_written() -> set[str]:
    """Return the keys of every document of changes: those whose values are pairs of old and new."""
    found = set(CHANGEABLE)
    for _, module in writers():
        for node in ast.walk(module):
            if isinstance(node, ast.Dict) and node.values and all(map(is_pair, node.values)):
                found |= {
                    key.value for key in node.keys if isinstance(key, ast.Constant) and isinstance(key.value, str)
                }
            if (
                isinstance(node, ast.DictComp)
                and is_pair(node.value)
                and isinstance(node.generators[0].iter, ast.Tuple)
            ):
                found |= set(ast.literal_eval(node.generators[0].iter))
    return found


class TestEverythingHasWords:
    def test_every_action_that_the_code_writes(self):
        known = {name for words in all_words() for name in words.happened}

        assert actions_written() - known == set()
        assert len(actions_written()) > 15

    def test_every_type_of_event(self):
        ours = {name for name, event in event_types.items() if is_ours(event)}

        assert ours - {name for words in all_words() for name in words.happened} == set()
        assert len(ours) >= 5

    def test_every_kind_of_record(self):
        assert kinds_written() - {words.record for words in all_words()} == set()
        assert kinds_written() >= {"supplier", "nonconformity", "user", "outbox_event", "route", "audit_trail"}

    def test_every_field_that_the_code_writes(self):
        assert fields_written() - {name for words in all_words() for name in words.fields} == set()
        assert fields_written() >= {"certification_expiry", "risk_level", "findings", "refused_in_between", "is_staff"}

    def test_every_choice_of_a_field(self):
        for words in all_words():
            for name, field in words.fields.items():
                for value, label in field.choices.items():
                    assert value_text(field, value) == label, (words.record, name)
        assert set(field_of("user", "role").choices) == set(Role)
        assert set(field_of("outbox_event", "status").choices) == set(EventStatus)

    def test_no_word_for_people_is_a_name_of_a_program(self):
        said = [word for words in all_words() for word in (words.name, *words.happened.values())]
        said += [field.name for words in all_words() for field in words.fields.values()]

        assert [word for word in [*said, *SOURCES.values()] if MACHINE_WORD.search(word)] == []

    def test_no_two_actions_of_a_record_are_called_the_same(self):
        for words in all_words():
            assert len(set(words.happened.values())) == len(words.happened)

    def test_every_kind_of_record_stands_in_one_group(self):
        grouped = [record for group in ("business", "people", "technical") for record in records_of(group)]

        assert sorted(grouped) == sorted(words.record for words in all_words())


class TestWhatNobodyHasWordsFor:
    """Entries of a later version, or of somebody who inserted one."""

    def test_is_said_as_a_plain_sentence(self):
        assert what_happened("GAUGE_CALIBRATED") == "Gauge calibrated"
        assert kind_of("test_gauge") == "test gauge"
        assert field_of("supplier", "duns_no") == Field("duns no")
        assert field_of("gauge", "range") == Field("range")


@pytest.mark.django_db
class TestPages:
    @pytest.fixture(autouse=True)
    def life(self, users, make_nc, drain, make_supplier):
        """One of everything that leaves entries."""
        make_nc(severity="high")
        drain()

    @pytest.mark.parametrize(
        ("role", "page"),
        [
            ("quality", "ncs/nonconformity/1/change/"),
            ("quality", "suppliers/supplier/1/change/"),
            ("quality", ""),
            ("auditor", "audit/auditentry/"),
            ("auditor", "audit/auditentry/?about=business"),
            ("auditor", "audit/auditentry/1/change/"),
            ("admin", "outbox/outboxevent/"),
            ("admin", "accounts/user/1/change/"),
        ],
    )
    def test_show_no_name_of_a_program(self, users, role, page):
        page = page.replace("nonconformity/1/", f"nonconformity/{NonConformity.objects.get().pk}/")
        page = page.replace("supplier/1/", f"supplier/{Supplier.objects.get().pk}/")
        page = page.replace("user/1/", f"user/{users['quality'].pk}/")
        page = page.replace("auditentry/1/", f"auditentry/{AuditEntry.objects.latest('pk').pk}/")
        client = Client()
        client.force_login(users[role])

        shown = text_of_page(client.get(f"/admin/{page}").content.decode())

        assert MACHINE_WORD.findall(shown) == []


def text_of_page(html: str) -> str:
    """Return what a person reads of a page."""
    html = re.sub(r"<(script|style|code|pre)\b.*?</\1>", " ", html, flags=re.DOTALL)
    return re.sub(r"<[^>]+>", " ", html)
