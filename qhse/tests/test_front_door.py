"""What people and programs find who know nothing but the host's name."""

from __future__ import annotations

import pytest
from django.conf import settings
from rest_framework.test import APIClient

BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"


@pytest.fixture
def client():
    return APIClient()


class TestTheRoot:
    def test_leads_a_browser_to_the_admin_site(self, client):
        answer = client.get("/", HTTP_ACCEPT=BROWSER)

        assert (answer.status_code, answer["Location"]) == (302, "/admin/")
        assert "Accept" in answer["Vary"]

    @pytest.mark.django_db
    def test_gives_a_program_links_that_lead_somewhere(self, client):
        answer = client.get("/", HTTP_ACCEPT="*/*")

        assert answer.status_code == 200
        assert "Accept" in answer["Vary"]
        for what, path in answer.json()["links"].items():
            assert client.get(path).status_code in (200, 302, 401, 405), what

    def test_looks_at_no_token(self, client):
        assert client.get("/", HTTP_AUTHORIZATION="Bearer rubbish").status_code == 200

    def test_refuses_a_parameter_as_every_route_does(self, client):
        assert client.get("/?next=//evil.example").status_code == 400


@pytest.mark.django_db  # the end of a served file is the end of a request, which closes connections
class TestWhatBrowsersAskForUnasked:
    @pytest.mark.parametrize(
        ("path", "media_type", "begins"),
        [
            ("/favicon.ico", ("image/x-icon", "image/vnd.microsoft.icon"), b"\0\0\1\0"),
            ("/apple-touch-icon.png", ("image/png",), b"\x89PNG"),
            ("/robots.txt", ("text/plain",), b"#"),
        ],
    )
    def test_is_there(self, client, path, media_type, begins):
        answer = client.get(path)

        assert answer.status_code == 200
        assert answer["Content-Type"].startswith(media_type)
        assert b"".join(answer.streaming_content).startswith(begins)
        answer.close()

    def test_keeps_robots_out(self, client):
        answer = client.get("/robots.txt")

        assert "User-agent: *\nDisallow: /\n" in b"".join(answer.streaming_content).decode()
        answer.close()

    def test_is_in_the_image(self):
        assert settings.WHITENOISE_ROOT.is_relative_to(settings.BASE_DIR / "qhse")
