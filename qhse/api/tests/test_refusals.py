"""What a role was not allowed leaves an audit entry."""

from __future__ import annotations

import pytest

from audit.models import AuditEntry

pytestmark = pytest.mark.django_db

AWAY = "198.51.100.9"


class TestTheTrail:
    def test_has_what_a_role_was_not_allowed(self, users, api):
        api("quality").post("/suppliers", {"name": "Hansa Forge GmbH"}, REMOTE_ADDR=AWAY)

        entries = list(AuditEntry.objects.filter(action="ACCESS_DENIED"))
        assert len(entries) == 1
        entry = entries[0]
        assert (entry.actor, entry.actor_role, entry.entity_type, entry.entity_id) == (
            "quality", "quality", "route", "/suppliers",
        )  # fmt: skip
        assert (entry.reason, entry.client_address) == ("POST /suppliers", AWAY)

    def test_has_nothing_of_requests_without_a_token(self, anonymous, db):
        anonymous.get("/suppliers")

        assert not AuditEntry.objects.exists()
