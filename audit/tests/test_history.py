"""A record's page shows its newest entries, to whoever may see the record."""

from __future__ import annotations

import pytest
from django.test import Client

from audit import history
from audit.history import changes_as_html


def panel_of(user: object, nc: object) -> dict[str, object]:
    client = Client()
    client.force_login(user)
    context = client.get(f"/admin/ncs/nonconformity/{nc.pk}/change/").context_data
    (panel,) = [panel for panel in context["panels"] if panel["template"] == "audit/history_panel.html"]
    return panel


def test_the_history_is_shown_to_everybody_and_the_way_to_the_trail_to_auditors(users, make_nc):
    nc = make_nc()

    by_quality, by_auditor = (panel_of(users[role], nc) for role in ("quality", "auditor"))

    assert [entry.action for entry, _ in by_quality["entries"]] == ["NC_CREATED"]
    assert "trail_url" not in by_quality
    assert by_auditor["trail_url"] == "/admin/audit/auditentry/"


def test_a_long_history_is_cut_and_says_where_the_rest_is(users, make_nc, monkeypatch):
    monkeypatch.setattr(history, "SHOWN", 0)
    nc = make_nc()

    panel = panel_of(users["auditor"], nc)

    assert (panel["entries"], panel["older"]) == ([], True)
    assert panel["older_url"] == f"/admin/audit/auditentry/?entity_type=nonconformity&entity_id={nc.pk}"


@pytest.mark.parametrize(
    ("changes", "html"),
    [
        ({}, "–"),
        ({"status": ["OPEN", "CLOSED"]}, '<div class="change"><b>status</b> OPEN → CLOSED</div>'),
        ({"name": [None, "<b>"]}, '<div class="change"><b>name</b> – → &lt;b&gt;</div>'),
        ({"due": ["", {"a": 1}]}, '<div class="change"><b>due</b> – → {&quot;a&quot;: 1}</div>'),
    ],
)
def test_changes_are_escaped_lines_of_old_and_new(changes, html):
    assert changes_as_html(changes) == html


def test_a_long_value_is_cut_where_many_entries_stand_below_each_other():
    assert "x" * 9 + "…" in changes_as_html({"name": [None, "x" * 100]}, excerpt=10)
