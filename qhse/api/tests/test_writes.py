"""Writes that are repeated under an Idempotency-Key, and tried again after a deadlock."""

from __future__ import annotations

import json
import re
import threading
from typing import Any

import pytest
from django.db import connection, transaction

from audit.models import AuditEntry
from dev.waiting import wait_until
from ncs.models import NonConformity
from outbox.models import OutboxEvent
from qhse.api.openapi.routes import all_patterns
from qhse.repeats.models import IdempotencyRecord
from qhse.tests.waiting import at_once
from suppliers.models import Supplier

pytestmark = pytest.mark.django_db

KEY = "8e03978e-40d5-43dd-bc93-6894a57f9324"


def keyed(key: str = KEY) -> dict[str, str]:
    return {"HTTP_IDEMPOTENCY_KEY": key}


def write_routes() -> set[tuple[str, str]]:
    """Return method and path of every write that the URL resolver knows, except the admin's forms."""
    found = set()
    for path, pattern in all_patterns():
        view = getattr(pattern.callback, "cls", None)  # a view of the API's; the admin's have none
        methods = getattr(pattern.callback, "actions", None) or getattr(view, "http_method_names", ())
        path = re.sub("<uuid:[^>]*>", KEY, re.sub("<int:[^>]*>", "1", path))
        found |= {(method, f"/{path}") for method in methods if view and method not in ("get", "head", "options")}
    return found


class TestEveryWriteRoute:
    SECRETS = {("post", "/auth/login"), ("post", "/auth/refresh"), ("post", "/auth/logout")}

    def test_looks_at_the_key_except_where_the_answer_is_a_secret(self, api):
        client = api("admin")
        asked = {route: getattr(client, route[0])(route[1], {}, **keyed("two words")) for route in write_routes()}

        careless = {route for route, answer in asked.items() if answer.json()["code"] != "invalid_idempotency_key"}

        assert careless == self.SECRETS
        assert len(asked) >= 8

    def test_is_named_in_the_document_as_it_is(self, client, api):
        document = client.get("/openapi.json").json()["paths"]
        named = {
            (method, path)
            for path, operations in document.items()
            for method, operation in operations.items()
            if any(parameter["name"] == "Idempotency-Key" for parameter in operation.get("parameters", ()))
        }

        assert len(named) == len(write_routes() - self.SECRETS)


class TestTheSameKey:
    def test_gives_the_first_answer_again_byte_for_byte_and_writes_nothing(self, api, row_counts):
        client = api("procurement")
        first = client.post("/suppliers", {"name": "Hansa Forge GmbH"}, **keyed())
        before = row_counts()

        again = client.post("/suppliers", {"name": "Hansa Forge GmbH"}, **keyed())

        assert (first.status_code, "Idempotency-Replayed" in first) == (201, False)
        assert (again.status_code, again.content, again.get("ETag")) == (201, first.content, first["ETag"])
        assert again.get("Idempotency-Replayed") == "true"
        assert again["Content-Type"] == first["Content-Type"] == "application/json"
        assert row_counts() == before

    def test_works_for_every_write_of_the_contract(self, users, api, make_nc, row_counts):
        nc = make_nc()
        other, event = OutboxEvent.objects.order_by("id")
        OutboxEvent.objects.update(status="FAILED")
        writes = [
            ("post", "/suppliers", {"name": "Tyne Castings Ltd"}, 201),
            ("post", "/ncs", {"supplier_id": nc.supplier_id, "severity": "low", "description": "Wet box"}, 201),
            ("patch", f"/suppliers/{nc.supplier_id}/certification", {"certification_expiry": "2029-06-30"}, 200),
            ("patch", f"/ncs/{nc.pk}/close", {}, 200),
            ("post", f"/outbox/events/{event.event_id}/requeue", {"reason": "Mended"}, 200),
            ("post", f"/outbox/events/{other.event_id}/dismiss", {"reason": "A test import"}, 200),
        ]
        client = api("admin")

        for method, path, body, status in writes:
            first = getattr(client, method)(path, body, **keyed())
            before = row_counts()
            again = getattr(client, method)(path, body, **keyed())
            assert (first.status_code, again.status_code, again.content) == (status, status, first.content), path
            assert again["Idempotency-Replayed"] == "true"
            assert row_counts() == before

    def test_with_another_body_is_422_and_writes_nothing(self, api, problem_of, row_counts):
        client = api("procurement")
        client.post("/suppliers", {"name": "Hansa Forge GmbH"}, **keyed())
        before = row_counts()

        problem = problem_of(client.post("/suppliers", {"name": "Nordic Castings AB"}, **keyed()), 422)

        assert problem["code"] == "idempotency_key_reused"
        assert row_counts() == before

    def test_with_the_same_body_in_another_order_or_spacing_is_the_same(self, api):
        client = api("procurement")
        body = {"name": "Hansa Forge GmbH", "certification_expiry": "2029-06-30"}
        client.post("/suppliers", body, **keyed())

        text = json.dumps(dict(reversed(body.items())), indent=3)
        again = client.generic("POST", "/suppliers", text, content_type="application/json", **keyed())

        assert (again.status_code, again["Idempotency-Replayed"]) == (201, "true")

    def test_of_another_user_another_path_or_another_method_is_another_key(self, api, make_nc):
        nc = make_nc()
        assert api("procurement").post("/suppliers", {"name": "Hansa Forge GmbH"}, **keyed()).status_code == 201

        others = [
            api("admin").post("/suppliers", {"name": "Nordic Castings AB"}, **keyed()),
            api("quality").patch(f"/ncs/{nc.pk}/close", {}, **keyed()),
        ]

        assert [(answer.status_code, "Idempotency-Replayed" in answer) for answer in others] == [
            (201, False),
            (200, False),
        ]

    def test_in_quotes_as_the_draft_writes_it_is_the_same_key(self, api):
        client = api("procurement")
        client.post("/suppliers", {"name": "Hansa Forge GmbH"}, **keyed())

        assert client.post("/suppliers", {"name": "Hansa Forge GmbH"}, **keyed(f'"{KEY}"')).status_code == 201

    def test_of_a_refused_request_may_be_used_for_the_corrected_one(self, api):
        client = api("procurement")
        assert client.post("/suppliers", {"name": ""}, **keyed()).status_code == 400

        response = client.post("/suppliers", {"name": "Hansa Forge GmbH"}, **keyed())

        assert (response.status_code, "Idempotency-Replayed" in response) == (201, False)

    def test_of_a_write_that_was_broken_off_does_it_now(self, api, monkeypatch):
        client = api("procurement")
        with monkeypatch.context() as broken:
            broken.setattr("suppliers.services.suppliers.publish", _raise)
            client.raise_request_exception = False
            assert client.post("/suppliers", {"name": "Hansa Forge GmbH"}, **keyed()).status_code == 500
        assert (Supplier.objects.count(), IdempotencyRecord.objects.count()) == (0, 0)

        response = client.post("/suppliers", {"name": "Hansa Forge GmbH"}, **keyed())

        assert (response.status_code, "Idempotency-Replayed" in response) == (201, False)

    def test_does_not_open_what_the_role_of_today_may_not_do(self, users, api):
        client = api("procurement")
        client.post("/suppliers", {"name": "Hansa Forge GmbH"}, **keyed())
        type(users["procurement"]).objects.filter(pk=users["procurement"].pk).update(role="auditor")

        assert client.post("/suppliers", {"name": "Hansa Forge GmbH"}, **keyed()).status_code == 403


@pytest.mark.parametrize("key", ["", " ", '""', "a b", "x" * 256, "tab\there", "müller", "\x7f"])
def test_a_malformed_key_is_400(api, problem_of, key):
    problem = problem_of(api("procurement").post("/suppliers", {"name": "Hansa Forge GmbH"}, **keyed(key)), 400)

    assert problem["code"] == "invalid_idempotency_key"
    assert Supplier.objects.count() == 0


def test_logins_keep_no_answers_because_those_are_secrets(users, anonymous):
    for _ in range(2):
        response = anonymous.post(
            "/auth/login", {"username": "quality", "password": "correct-horse-quality"}, **keyed()
        )
        assert (response.status_code, "Idempotency-Replayed" in response) == (200, False)
    assert IdempotencyRecord.objects.count() == 0


def _raise(*args, **kwargs):
    raise RuntimeError("broken off")


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
class TestOnPostgres:
    def test_a_key_in_flight_is_409_at_once(self, api, problem_of, monkeypatch):
        """The first request asks, in the middle of its own work, for what it is just doing."""
        client, second = api("procurement"), api("procurement")
        answers = []

        def publish(event, **kwargs):
            from qhse.tests.waiting import at_once

            answers.extend(at_once(1, lambda n: second.post("/suppliers", {"name": "Hansa Forge GmbH"}, **keyed())))

        monkeypatch.setattr("suppliers.services.suppliers.publish", publish)

        assert client.post("/suppliers", {"name": "Hansa Forge GmbH"}, **keyed()).status_code == 201

        problem = problem_of(answers[0], 409)
        assert (problem["code"], answers[0]["Retry-After"]) == ("request_in_flight", "1")

    @pytest.mark.parametrize("code", ["40P01", "40001"])
    def test_a_write_that_lost_a_deadlock_is_tried_again(self, api, monkeypatch, code):
        tries = []

        def publish(event, **kwargs):
            tries.append(event)
            if len(tries) < 4:
                _fail_with(code)

        monkeypatch.setattr("suppliers.services.suppliers.publish", publish)

        response = api("procurement").post("/suppliers", {"name": "Hansa Forge GmbH"}, **keyed())

        assert (response.status_code, len(tries)) == (201, 4)
        assert AuditEntry.objects.filter(action="SUPPLIER_CREATED").count() == Supplier.objects.count() == 1

    @pytest.mark.parametrize(
        ("code", "says"),
        [
            ("40P01", "Nothing has been changed"),
            ("55P03", "Nothing has been changed"),
            ("57014", "Nothing has been changed"),
            ("08006", "may have happened"),
        ],
    )
    def test_what_cannot_be_done_now_is_503_and_says_whether_it_may_have_happened(
        self, api, monkeypatch, problem_of, code, says
    ):
        monkeypatch.setattr("suppliers.services.suppliers.publish", lambda event, **kwargs: _fail_with(code))

        response = api("procurement").post("/suppliers", {"name": "Hansa Forge GmbH"})

        assert says in problem_of(response, 503)["detail"]
        assert int(response["Retry-After"]) > 0
        assert Supplier.objects.count() == 0

    def test_a_request_that_loses_a_real_deadlock_is_done_when_the_other_has_ended(self, api, make_nc):
        """Each holds what the other wants, in the database itself; the request is the one that PostgreSQL gives up."""
        nc = make_nc()
        client = api("quality")
        supplier_is_held = threading.Event()

        def hold_the_supplier_and_ask_for_the_nc() -> str:
            with transaction.atomic(), connection.cursor() as cursor:
                cursor.execute("SET LOCAL deadlock_timeout = '60s'")  # so that the other finds the circle, and goes
                Supplier.objects.select_for_update().get(pk=nc.supplier_id)
                supplier_is_held.set()
                wait_until(lambda: _waits_for_a_lock(cursor), what="the request to hold the NC")
                # Granted only after the request, which waits for us, has been rolled back.
                return NonConformity.objects.select_for_update().get(pk=nc.pk).status

        def close() -> int:
            supplier_is_held.wait(20)
            return client.patch(f"/ncs/{nc.pk}/close", {"reason": "Sorted"}).status_code

        results = at_once(2, lambda n: (hold_the_supplier_and_ask_for_the_nc, close)[n]())

        assert results == ["OPEN", 200]
        assert AuditEntry.objects.filter(action="NC_CLOSED").count() == 1


def _waits_for_a_lock(cursor: Any) -> bool:
    cursor.execute("SELECT count(*) FROM pg_locks WHERE NOT granted")
    return bool(cursor.fetchone()[0])


def _fail_with(sqlstate: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"DO $$ BEGIN RAISE EXCEPTION 'made up' USING ERRCODE = '{sqlstate}'; END $$")
