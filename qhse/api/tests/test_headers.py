"""What every answer says to browsers, on every route: API, admin, documents, static files, refusals and defects."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from django.conf import settings
from django.test import Client

from qhse.api.openapi.routes import all_patterns
from qhse.deployment.tests.test_settings_checks import GOOD

PAGES = (
    "/admin/login/",
    "/admin/",
    "/docs",
    "/static/adminsite/theme.css",
    "/nosuch",
    "/.env",
    "/.git/config",
    "/suppliers/x",
)


def addresses() -> list[str]:
    simple = [f"/{path}" for path, _ in all_patterns() if "<" not in path and "(" not in path]
    return [*simple, "/suppliers/1", "/ncs/1", "/ncs/1/close", *PAGES]


def assert_safe(response, path):
    policy = response["Content-Security-Policy"]
    assert "default-src 'self'" in policy and "unsafe" not in policy, path
    assert "frame-ancestors 'none'" in policy and "object-src 'none'" in policy, path
    assert response["X-Content-Type-Options"] == "nosniff", path
    assert response["X-Frame-Options"] == "DENY", path
    assert response["Referrer-Policy"] == "same-origin", path
    assert not [name for name in response.headers if name.lower().startswith("access-control-")], path


@pytest.mark.parametrize("origin", [None, "https://evil.example"])
def test_every_answer_forbids_inline_code_framing_and_sniffing_and_opens_nothing_to_other_origins(
    users, connection_stays_open, origin
):
    browser = Client(raise_request_exception=False, headers={"Origin": origin} if origin else {})
    browser.force_login(users["admin"])

    for path in addresses():
        for method in ("GET", "POST", "OPTIONS"):
            response = browser.generic(method, path)
            assert_safe(response, f"{method} {path}")
            response.close()


@pytest.mark.parametrize("production", [False, True])
@pytest.mark.parametrize("path", ["/suppliers", "/admin/login/", "/docs", "/static/adminsite/theme.css"])
def test_a_refused_host_gets_the_same(client, db, settings, path, production):
    settings.SECURE_SSL_REDIRECT = production

    response = client.get(path, headers={"Host": "evil.example"})

    assert (response.status_code, response["Content-Type"]) == (400, "application/problem+json")
    assert_safe(response, path)


@pytest.mark.django_db
def test_a_defect_says_the_same(users, api, monkeypatch):
    monkeypatch.setattr("suppliers.services.suppliers.publish", None)
    client = api("procurement")
    client.raise_request_exception = False

    response = client.post("/suppliers", {"name": "Hansa Forge GmbH"})

    assert response.status_code == 500
    assert_safe(response, "a defect")


@pytest.mark.parametrize(
    "path", ["/.env", "/.git/config", "/manage.py", "/qhse/settings.py", "/static/../manage.py", "/var/"]
)
def test_files_beside_the_product_are_served_to_nobody(client, db, path):
    assert client.get(path).status_code == 404


def test_production_demands_tls_and_keeps_cookies_to_itself():
    """In a process of its own, because settings are read once."""
    names = (
        *("SECURE_SSL_REDIRECT", "SECURE_HSTS_SECONDS", "SECURE_HSTS_INCLUDE_SUBDOMAINS", "SESSION_COOKIE_SECURE"),
        *(
            "SESSION_COOKIE_NAME",
            "CSRF_COOKIE_NAME",
            "SESSION_COOKIE_HTTPONLY",
            "SESSION_COOKIE_SAMESITE",
            "CSRF_COOKIE_SECURE",
            "CSRF_COOKIE_HTTPONLY",
            "DEBUG",
        ),
    )
    script = f"from django.conf import settings; print([getattr(settings, name) for name in {names!r}])"

    answer = subprocess.run(
        [sys.executable, "-c", script],
        cwd=settings.BASE_DIR, env=os.environ | GOOD | {"DJANGO_SETTINGS_MODULE": "qhse.settings"},
        capture_output=True, text=True,
    )  # fmt: skip

    assert answer.stdout.strip() == (
        "[True, 31536000, True, True, '__Host-sessionid', '__Host-csrftoken', True, 'Lax', True, True, False]"
    ), answer.stderr


@pytest.mark.django_db
def test_cookies_are_for_http_alone_and_for_this_site(users, client, settings):
    settings.SESSION_COOKIE_SECURE = settings.CSRF_COOKIE_SECURE = True

    response = client.post("/admin/login/", {"username": "quality", "password": "correct-horse-quality"}, follow=False)

    assert response.cookies
    for cookie in response.cookies.values():
        assert (cookie["httponly"], cookie["samesite"], cookie["secure"]) == (True, "Lax", True)
