"""Secrets that pass through the system turn up nowhere: not in logs, tables, metrics or answers."""

from __future__ import annotations

import logging

import pytest
from django.apps import apps
from django.conf import settings
from django.db import OperationalError
from django.test import Client
from rest_framework.test import APIClient

from outbox.models import OutboxEvent
from qhse.accounts.services.users import create_user, set_password
from qhse.observability import metrics
from qhse.observability.logs import JsonFormatter, TextFormatter

PASSWORD = "canary-password-7f3a91"
NEW_PASSWORD = "canary-new-password-b02c44"
WRONG_PASSWORD = "canary-wrong-password-55d1e8"
TYPED_AS_NAME = "canary-typed-as-name-91be07"


class Recorder(logging.Handler):
    """Formats every record as the product does, with tracebacks."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines += [JsonFormatter().format(record), TextFormatter().format(record)]


@pytest.fixture
def recorder():
    handler = Recorder()
    root = logging.getLogger()
    loggers = [root, *(logging.getLogger(name) for name in ("django", "django.db.backends", "qhse", "outbox"))]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.DEBUG)
    root.addHandler(handler)
    yield handler
    root.removeHandler(handler)
    for logger, level in zip(loggers, levels, strict=True):
        logger.setLevel(level)


def everything_stored() -> str:
    rows = []
    for model in apps.get_models():
        rows += [repr(row) for row in model._default_manager.values()]
    return "\n".join(rows)


def tell_the_story(monkeypatch, drain) -> tuple[list[str], set[str]]:
    """Return all answers, and the tokens that were given out."""
    user = create_user(username="canary", password=PASSWORD, role="admin", actor=None, is_staff=True)
    client = APIClient(raise_request_exception=False)
    answers = []

    def post(path, body, **headers):
        response = client.post(path, body, **headers)
        answers.append(response.content.decode() + str(response.headers))
        return response

    pair = post("/auth/login", {"username": "canary", "password": PASSWORD}, HTTP_IDEMPOTENCY_KEY="k1").json()
    tokens = {pair["access_token"], pair["refresh_token"]}
    bearer = {"HTTP_AUTHORIZATION": f"Bearer {pair['access_token']}"}
    post("/auth/login", {"username": "canary", "password": WRONG_PASSWORD})
    post("/auth/login", {"username": TYPED_AS_NAME, "password": WRONG_PASSWORD})
    post("/auth/login", {"username": "canary", "password": PASSWORD, "extra": 1})
    second = post("/auth/refresh", {"refresh_token": pair["refresh_token"]}).json()
    tokens |= {second["access_token"], second["refresh_token"]}
    post("/suppliers", {"name": "Hansa Forge GmbH"}, HTTP_IDEMPOTENCY_KEY="k2", **bearer)
    with monkeypatch.context() as broken:
        broken.setattr("suppliers.services.suppliers.publish", _fail)
        post("/suppliers", {"name": "Nordic Castings AB"}, **bearer)
        broken.setattr("suppliers.services.suppliers.publish", _database_away)
        post("/suppliers", {"name": "Tyne Castings Ltd"}, **bearer)
    post("/auth/refresh", {"refresh_token": pair["refresh_token"]})
    post("/auth/logout", {"refresh_token": second["refresh_token"]})
    with monkeypatch.context() as broken:
        broken.setattr("suppliers.handlers.reassess_suppliers", _fail)
        OutboxEvent.objects.update(attempts=0)
        with pytest.raises(Exception, match="broken"):
            drain()
    browser = Client(raise_request_exception=False)
    for password in (WRONG_PASSWORD, PASSWORD):
        page = browser.post("/admin/login/", {"username": "canary", "password": password})
        answers.append(page.content.decode() + str(page.headers))
    browser.post(
        "/admin/password_change/",
        {"old_password": PASSWORD, "new_password1": NEW_PASSWORD, "new_password2": NEW_PASSWORD},
    )
    set_password(user_id=user.pk, password=NEW_PASSWORD + "-2", actor=user)
    answers.append(browser.get("/admin/audit/auditentry/").content.decode())
    return answers, tokens


def _fail(*args, **kwargs):
    raise RuntimeError("broken")


def _database_away(*args, **kwargs):
    raise OperationalError("server closed the connection unexpectedly")


@pytest.mark.django_db
def test_no_secret_turns_up_anywhere(recorder, monkeypatch, drain):
    answers, tokens = tell_the_story(monkeypatch, drain)
    signatures = {token.rpartition(".")[2] for token in tokens}
    secrets = {
        PASSWORD, NEW_PASSWORD, WRONG_PASSWORD, TYPED_AS_NAME, settings.SECRET_KEY, settings.JWT_SIGNING_KEY,
    } | tokens | signatures  # fmt: skip
    database_password = settings.DATABASES["default"].get("PASSWORD")
    secrets |= {database_password} if database_password else set()
    given = tokens | signatures

    logs = "\n".join(recorder.lines)
    places = {"logs": logs, "tables": everything_stored(), "metrics": metrics.render().decode()}
    found = [(secret[:20], place) for place, text in places.items() for secret in secrets if secret in text]
    found += [(secret[:20], "answers") for secret in secrets - given if secret in "\n".join(answers)]

    assert "Internal Server Error" in logs or "RuntimeError" in logs, "the story caused no error, so nothing was tested"
    assert found == []
