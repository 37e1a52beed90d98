"""Whether there is anything to read, and how it is stored: wherever people or programs write text."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module
from io import StringIO
from typing import Any

import pytest
from django import forms
from django.contrib import admin
from django.core.management import CommandError, call_command
from rest_framework import serializers

from audit.models import AuditEntry
from ncs.models import NonConformity
from outbox.choices import EventStatus
from outbox.models import OutboxEvent
from qhse.accounts.models import User
from qhse.adminsite.base import ServiceModelAdmin
from qhse.adminsite.bulk import ReasonForm
from qhse.adminsite.forms import PlainTextForm
from qhse.api.fields import TextField
from qhse.api.viewsets import StrictSerializer
from qhse.text import LineRefused, can_be_read, one_line, plain
from suppliers.models import Supplier

UNREADABLE = (
    "\u200b", "\u2060", "\ufeff", "\u3164", "\u00ad", "\u115f", "\u1160", "\u17b4", "\u17b5", "\u2800", "\u180e",
    "\ufe0f", "\U000e0100", "\U000e0041\U000e007f", "\u202e", "\u2066\u2069", "\u200e", "\u061c", "\u034f", "\uffa0",
    "\u2063", "\ufff9", "\U0001d159", "\U0001d173", "\U00016fe4", "\U00013441", "\u00a0", "\u3000", "\u2007", "\u2028",
    "\u0085", "\r\n\t ", "\u200b \u2060\n\ufeff", "\ue000", "\u0378", "\x1b", "\u1680",
)  # fmt: skip
READABLE = ("x", " x ", "Å", "e\u0301", "漢", "א", "نص", "👷🏽\u200d♀️", "0", ".", "\u200bOK\u200b", "한")
AS_A_BROWSER_SENDS_IT = "\r\n".join(["x" * 99] * 50)
AS_IT_IS_STORED = "\n".join(["x" * 99] * 50)


def subclasses(cls: type) -> Iterator[Any]:
    for each in cls.__subclasses__():
        yield each
        yield from subclasses(each)


class TestAText:
    @pytest.mark.parametrize("text", UNREADABLE, ids=ascii)
    def test_with_nothing_to_read_is_empty(self, text: str) -> None:
        assert (can_be_read(text), plain(text), plain(f" {text}\n")) == (False, "", "")

    @pytest.mark.parametrize("text", READABLE)
    def test_with_something_to_read_is_stored_as_it_is_without_white_space_around_it(self, text: str) -> None:
        assert (can_be_read(text), plain(text)) == (True, text.strip())

    @pytest.mark.parametrize("end", ["\r\n", "\r", "\n", "\x85", "\u2028", "\u2029"], ids=ascii)
    def test_has_lines_that_end_in_one_way(self, end: str) -> None:
        assert plain(f"one{end}two{end}{end}three{end}") == "one\ntwo\n\nthree"


class TestALine:
    @pytest.mark.parametrize("text", ["", " ", "\u3000"], ids=ascii)
    def test_of_white_space_is_empty(self, text: str) -> None:
        assert one_line(text) == ""

    @pytest.mark.parametrize("text", ["\u200b", "\x00", " \u2060 ", "\u3164"], ids=ascii)
    def test_of_invisible_characters_alone_is_refused_and_erases_nothing(self, text: str) -> None:
        with pytest.raises(LineRefused, match="invisible character U"):
            one_line(text)


class OneLineForm(PlainTextForm, forms.Form):
    given_name = forms.CharField()


class TestAForm:
    def test_of_the_admin_site_reads_all_its_text_so(self) -> None:
        pages = [page for page in admin.site._registry.values() if isinstance(page, ServiceModelAdmin)]
        asked = [form for page in pages for form in (page.add_form, page.change_form) if form] + [ReasonForm]

        assert len(asked) >= 7
        assert [form for form in asked if not issubclass(form, PlainTextForm)] == []

    @pytest.mark.parametrize("text", UNREADABLE, ids=ascii)
    def test_takes_text_with_nothing_to_read_for_none(self, text: str) -> None:
        assert ReasonForm({"reason": text}).errors == {"reason": ["This field is required."]}

    def test_counts_the_end_of_a_line_once_and_leaves_a_password_alone(self) -> None:
        class Form(PlainTextForm, forms.Form):
            text = forms.CharField(max_length=len(AS_IT_IS_STORED), widget=forms.Textarea)
            password = forms.CharField(strip=False)

        form = Form({"text": AS_A_BROWSER_SENDS_IT, "password": " \u200b\r\n"})

        assert form.errors == {}
        assert form.cleaned_data == {"text": AS_IT_IS_STORED, "password": " \u200b\r\n"}

    @pytest.mark.parametrize("text", UNREADABLE, ids=ascii)
    def test_takes_a_line_of_white_space_for_none_and_refuses_one_of_invisible_characters(self, text: str) -> None:
        (error,) = OneLineForm({"given_name": text}).errors["given_name"]

        assert error == "This field is required." if text.isspace() else "invisible character U+" in error

    @pytest.mark.parametrize("character", ["\u200b", "\u202e", "\x85", "\u2028", "\n", "\r\n", "\t", "\x00"], ids=ascii)
    def test_gets_nothing_unseen_and_no_break_into_a_line(self, character: str) -> None:
        form = OneLineForm({"given_name": f"An{character}na"})

        assert list(form.errors) == ["given_name"]
        assert "character" in form.errors["given_name"][0]

    def test_stores_a_line_with_the_letters_and_spaces_of_a_name(self) -> None:
        form = OneLineForm({"given_name": " Zoe\u0308\u00a0 Ann\r\n"})

        assert form.is_valid()
        assert form.cleaned_data == {"given_name": "Zoë Ann"}


class TestTheApi:
    def test_refuses_text_with_nothing_to_read_wherever_text_is_demanded(self) -> None:
        import_module("qhse.urls")  # and with it every serializer
        asked = {
            f"{cls.__name__}.{name}": field
            for cls in subclasses(StrictSerializer)
            if cls.__module__.endswith("api.serializers")
            for name, field in cls().fields.items()
            if isinstance(field, TextField) and not field.allow_blank and field.trim_whitespace
        }

        assert {"NonConformityCreateSerializer.description", "RequeueSerializer.reason"} <= set(asked)
        for name, field in asked.items():
            for text in UNREADABLE:
                with pytest.raises(serializers.ValidationError) as refusal:
                    field.run_validation(text)
                assert refusal.value.get_codes() == ["blank"], (name, text)

    def test_stores_lines_as_forms_do(self, api: Any, make_supplier: Any) -> None:
        body = {"supplier_id": make_supplier().pk, "severity": "low", "description": AS_A_BROWSER_SENDS_IT}

        answer = api("quality").post("/ncs", body)

        assert (answer.status_code, answer.json()["description"]) == (201, AS_IT_IS_STORED)


@pytest.mark.django_db
class TestPages:
    @pytest.mark.parametrize("text", ["\u200b", "\u2060\ufeff", "\u3164", "\u2800"], ids=ascii)
    def test_refuse_a_description_a_name_and_reasons_with_nothing_to_read(
        self, client: Any, users: Any, make_nc: Any, text: str
    ) -> None:
        nc = make_nc()
        OutboxEvent.objects.filter(aggregate_id=str(nc.pk)).update(status=EventStatus.DEAD)
        event = OutboxEvent.objects.get(aggregate_id=str(nc.pk), aggregate_type="nonconformity")
        person = users["quality"]
        bulk = {"_selected_action": nc.pk, "action": "close_selected", "confirmed": 1, "reason": text}
        rights = {"role": "admin", "is_active": "on", "is_staff": "on", "reason": text}
        client.force_login(users["admin"])
        before = AuditEntry.objects.count()

        for page, form in {
            "ncs/nonconformity/add/": {"supplier": nc.supplier_id, "severity": "low", "description": text},
            f"ncs/nonconformity/{nc.pk}/change/": {"reason": text},
            "ncs/nonconformity/": bulk,
            "suppliers/supplier/add/": {"name": text},
            f"outbox/outboxevent/{event.pk}/change/": {"reason": text},
            "accounts/user/add/": {"username": text, "role": "auditor", "password": "turned-steel-shaft-9"},
            f"accounts/user/{person.pk}/change/": rights,
        }.items():
            assert client.post(f"/admin/{page}", form).status_code == 200, page

        assert AuditEntry.objects.count() == before
        assert (NonConformity.objects.get().status, Supplier.objects.count()) == ("OPEN", 1)
        assert User.objects.get(pk=person.pk).role == "quality"

    def test_store_the_lines_of_a_browser_as_the_api_does(
        self, client: Any, users: Any, make_supplier: Any, settings: Any
    ) -> None:
        settings.NC_CLOSE_GATE = {"admin": "record"}
        client.force_login(users["quality"])
        form = {"supplier": make_supplier().pk, "severity": "low", "description": AS_A_BROWSER_SENDS_IT}

        client.post("/admin/ncs/nonconformity/add/", form)
        client.post(f"/admin/ncs/nonconformity/{NonConformity.objects.get().pk}/change/", {"reason": "one\r\ntwo"})

        nc = NonConformity.objects.get()
        assert (nc.description, nc.closure_reason) == (AS_IT_IS_STORED, "one\ntwo")
        assert AuditEntry.objects.get(action="NC_CREATED").changes["description"] == [None, AS_IT_IS_STORED]
        assert AuditEntry.objects.get(action="NC_CLOSED").reason == "one\ntwo"


@pytest.mark.django_db
class TestCommands:
    @pytest.mark.parametrize("text", ["\u200b", "\u2060 \ufeff", "\u3164"], ids=ascii)
    @pytest.mark.parametrize(
        "command",
        [
            ["requeue_dead_events", "--all", "--reason"],
            ["dismiss_dead_events", "--all", "--reason"],
            ["pseudonymise_person", "quality", "--reason"],
            ["accept_late_entries", "1", "--reason"],
            ["audit_checkpoint", "--append", "no-such-file", "--restored"],
        ],
        ids=lambda command: command[0],
    )
    def test_refuse_a_reason_with_nothing_to_read(
        self, users: Any, make_nc: Any, command: list[str], text: str
    ) -> None:
        make_nc()
        OutboxEvent.objects.update(status=EventStatus.DEAD)
        User.objects.filter(username="quality").update(is_active=False)
        before = AuditEntry.objects.count()

        with pytest.raises(CommandError, match=r"(?i)reason|say"):
            call_command(*command, text, stdout=StringIO(), stderr=StringIO())

        assert AuditEntry.objects.count() == before
