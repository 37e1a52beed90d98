"""What may be read on the replica is listed here: whoever adds to it decides that no write rests on it."""

from __future__ import annotations

from typing import Any

from django.contrib import admin

from qhse.api.openapi.routes import all_patterns
from qhse.replica.models import Beat
from qhse.replica.router import PRIMARY, REPLICA, PrimaryRouter

LISTS = {
    "actions", "actions/<int:action_id>/timeline", "audit-log", "certificates",
    "certificates/<int:certificate_id>/timeline", "ncs", "ncs/<int:nc_id>/timeline", "outbox/events", "suppliers",
    "suppliers/<int:supplier_id>/timeline", "suppliers/<int:supplier_id>/risk/history",
}  # fmt: skip
PAGES = {"auditentry", "certificate", "correctiveaction", "nonconformity", "outboxevent", "supplier"}


def views() -> dict[str, Any]:
    return {path: pattern.callback.cls for path, pattern in all_patterns() if hasattr(pattern.callback, "actions")}


def test_these_lists_of_the_api_and_no_others():
    found = {path for path, view in views().items() if getattr(view, "may_read_replica", False)}
    lists = {path for path, pattern in all_patterns() if "list" in getattr(pattern.callback, "actions", {}).values()}

    assert found & lists == LISTS


def test_no_record_that_somebody_could_write_next_on_what_it_says():
    """An ETag of a copy that is behind would be of a version that has passed."""
    may_read = [view for view in views().values() if getattr(view, "may_read_replica", False)]

    assert [view for view in may_read if "list" in view.has_etag] == []
    assert all(view().using == PRIMARY for view in may_read)  # as every action but the list leaves it


def test_these_lists_of_the_admin_and_no_others():
    found = {model._meta.model_name for model, page in admin.site._registry.items() if page.may_read_replica}

    assert found == PAGES


class TestTheRouter:
    def test_writes_to_the_primary_also_what_was_read_elsewhere(self):
        record = Beat()
        record._state.db = REPLICA

        assert PrimaryRouter().db_for_write(Beat, instance=record) == PRIMARY

    def test_migrates_no_copy(self):
        assert PrimaryRouter().allow_migrate(REPLICA, "suppliers") is False
        assert PrimaryRouter().allow_migrate(PRIMARY, "suppliers") is None

    def test_sends_no_read_anywhere(self):
        assert not hasattr(PrimaryRouter(), "db_for_read")
