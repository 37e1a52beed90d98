"""A record's page shows its newest entries, to whoever may see the record."""

from __future__ import annotations

import pytest
from django.test import Client, RequestFactory

from audit import history
from audit.history import LINES, RecordNames, changes_as_html
from audit.models import AuditEntry


def panel_of(user: object, nc: object) -> dict[str, object]:
    client = Client()
    client.force_login(user)
    context = client.get(f"/admin/ncs/nonconformity/{nc.pk}/change/").context_data
    (panel,) = [panel for panel in context["panels"] if panel["template"] == "audit/history_panel.html"]
    return panel


def test_the_history_is_shown_to_everybody_and_the_way_to_the_trail_to_auditors(users, make_nc):
    nc = make_nc()

    by_quality, by_auditor = (panel_of(users[role], nc) for role in ("quality", "auditor"))

    assert [line.what for line in by_quality["lines"]] == ["Non-conformity recorded"]
    assert "trail_url" not in by_quality
    assert by_auditor["trail_url"] == "/admin/audit/auditentry/"


def test_a_long_history_is_cut_and_says_where_the_rest_is(users, make_nc, monkeypatch):
    monkeypatch.setattr(history, "SHOWN", 0)
    nc = make_nc()

    panel = panel_of(users["auditor"], nc)

    assert (panel["lines"], panel["older"]) == ([], True)
    assert panel["older_url"] == f"/admin/audit/auditentry/?entity_type=nonconformity&entity_id={nc.pk}"


@pytest.mark.parametrize(
    ("changes", "html"),
    [
        ({}, "–"),
        ({"status": ["OPEN", "CLOSED"]}, '<div class="change"><b>status</b> Open → Closed</div>'),
        ({"name": [None, "<b>"]}, '<div class="change"><b>name</b> – → &lt;b&gt;</div>'),
        ({"due": ["", {"a": 1}]}, '<div class="change"><b>due</b> – → a: 1</div>'),
        ({"part_nos": [True, ["x", None]]}, '<div class="change"><b>part nos</b> yes → x, –</div>'),
        ({"<i>": [0, False]}, '<div class="change"><b>&lt;i&gt;</b> 0 → no</div>'),
    ],
)
def test_changes_are_escaped_lines_of_old_and_new_in_words(changes, html):
    assert changes_as_html(AuditEntry(entity_type="nonconformity", changes=changes), RecordNames()) == html


def test_a_long_value_is_cut_where_many_entries_stand_below_each_other():
    entry = AuditEntry(entity_type="supplier", changes={"name": [None, "x" * 100]})

    assert "x" * 9 + "…" in changes_as_html(entry, RecordNames(), excerpt=10)


@pytest.mark.parametrize(("number", "folded"), [(LINES + 1, 0), (LINES + 2, 2)])
def test_many_changes_are_folded_away_in_a_list_and_whole_on_the_page_of_an_entry(number, folded):
    entry = AuditEntry(entity_type="nonconformity", changes={f"field{each}": [each, 9] for each in range(number)})

    of_list, of_page = (changes_as_html(entry, RecordNames(), excerpt=excerpt) for excerpt in (10, None))

    assert of_list.count('<div class="change">') == of_page.count('<div class="change">') == number
    assert of_list.partition("<details")[2].count('<div class="change">') == folded
    assert (f"<summary>{folded} more</summary>" in of_list) is bool(folded)
    assert "<details" not in of_page


@pytest.mark.django_db
class TestRecordNames:
    @pytest.fixture
    def as_role(self, users):
        def names(role):
            request = RequestFactory().get("/admin/")
            request.user = users[role]
            return RecordNames(request)

        return names

    def test_name_a_record_and_link_it_for_who_may_open_it(self, users, make_nc, as_role):
        nc, user = make_nc(), users["quality"]
        records = [("nonconformity", str(nc.pk)), ("user", str(user.pk))]

        auditor, admin = as_role("auditor").look_up(records), as_role("admin").look_up(records)

        assert auditor.link(*records[0]) == f'<a href="/admin/ncs/nonconformity/{nc.pk}/change/">{nc.number}</a>'
        assert auditor.link(*records[1]) == "quality"
        assert admin.link(*records[1]) == f'<a href="/admin/accounts/user/{user.pk}/change/">quality</a>'

    def test_ask_once_for_each_kind_of_record(self, make_nc, as_role, django_assert_num_queries):
        ncs = [make_nc() for _ in range(3)]
        names = as_role("auditor")

        with django_assert_num_queries(2):
            names.look_up([("nonconformity", str(nc.pk)) for nc in ncs] + [("supplier", str(ncs[0].supplier_id))])
            shown = {names.text("nonconformity", str(nc.pk)) for nc in ncs}

        assert shown == {nc.number for nc in ncs}

    @pytest.mark.parametrize("entity_id", ["unknown", "0", "-1", "9" * 30, "٤٢", "", "1 OR 1=1"])
    def test_say_kind_and_id_of_what_has_no_name(self, db, as_role, entity_id):
        for kind, word in (("user", "user"), ("nonconformity", "non-conformity"), ("outbox_event", "event")):
            names = as_role("admin").look_up([(kind, entity_id)])

            assert names.text(kind, entity_id) == f"{word} {entity_id}"
