"""Is the process alive, can it do its work, what does Prometheus get."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import OperationalError, connection
from django.utils import timezone

from outbox.models import WorkerSeen
from qhse.deployment import probes


@pytest.mark.django_db
class TestReadiness:
    def test_ready_means_reachable_and_migrated(self, anonymous):
        response = anonymous.get("/readyz")

        assert response.status_code == 200
        assert response.json() == {
            "status": "ok",
            "checks": {"database": "ok", "migrations": "ok"},
            "remarks": {"workers": "never seen"},
        }

    def test_remarks_tell_of_the_workers_and_change_no_status(self, anonymous):
        for seconds, said in ((1, "ok"), (82, "not seen for 82 s")):
            WorkerSeen.objects.update_or_create(
                worker="a-worker", defaults={"seen_at": timezone.now() - timedelta(seconds=seconds)}
            )
            response = anonymous.get("/readyz")

            assert (response.status_code, response.json()["remarks"]) == (200, {"workers": said})

    def test_a_remark_that_cannot_be_asked_for_is_unknown(self, anonymous, monkeypatch):
        def fail():
            raise OperationalError("the table is locked")

        monkeypatch.setitem(probes._remarks, "workers", fail)

        response = anonymous.get("/readyz")

        assert (response.status_code, response.json()["remarks"]) == (200, {"workers": "unknown"})

    def test_a_migration_that_is_not_applied_makes_it_503(self, anonymous):
        with connection.cursor() as cursor:
            cursor.execute("SELECT max(name) FROM django_migrations WHERE app = 'ncs'")
            cursor.execute("DELETE FROM django_migrations WHERE app = 'ncs' AND name = %s", cursor.fetchone())

        response = anonymous.get("/readyz")

        assert response.status_code == 503
        assert response.json()["checks"] == {"database": "ok", "migrations": "1 not applied"}
        assert response.json()["remarks"] == {"workers": "unknown"}

    @pytest.mark.parametrize("host", ["10.0.0.7:8000", "evil.example", ""])
    def test_probes_answer_under_every_host_name(self, anonymous, host):
        assert anonymous.get("/healthz", HTTP_HOST=host).status_code == 200
        assert anonymous.get("/readyz", HTTP_HOST=host).status_code == 200
        assert anonymous.get("/metrics", HTTP_HOST=host).status_code == 200

    @pytest.mark.parametrize("path", ["/healthz", "/readyz", "/metrics"])
    def test_probes_answer_without_tls(self, anonymous, settings, path):
        settings.SECURE_SSL_REDIRECT = True

        assert anonymous.get(path).status_code == 200
        assert anonymous.get("/suppliers").status_code == 301


@pytest.mark.django_db
class TestMetrics:
    def test_without_a_setting_it_is_open_outside_production(self, anonymous):
        response = anonymous.get("/metrics")

        assert response.status_code == 200
        assert b"qhse_http_requests_total" in response.content

    @pytest.mark.parametrize(
        ("header", "status"),
        [("Bearer scrape-me", 200), ("Bearer wrong", 403), ("Bearer ", 403), ("scrape-me", 200), ("", 403)],
    )
    def test_with_a_token_it_needs_that_token(self, anonymous, settings, header, status):
        settings.METRICS_TOKEN = "scrape-me"

        assert anonymous.get("/metrics", HTTP_AUTHORIZATION=header).status_code == status

    def test_in_production_without_a_token_it_is_closed(self, anonymous, settings, problem_of):
        settings.PRODUCTION, settings.METRICS_TOKEN = True, ""

        problem_of(anonymous.get("/metrics"), 403)

    def test_routes_and_not_paths_are_counted(self, anonymous):
        for number in range(3):
            anonymous.get(f"/suppliers/{number + 77_000}")
            anonymous.generic("BREW", f"/coffee/{number + 77_000}")

        text = anonymous.get("/metrics").content.decode()

        assert 'route="suppliers/<int:supplier_id>"' in text
        assert 'method="other",route="unmatched"' in text
        assert "/77" not in text and 'method="BREW"' not in text
