"""Every list: bounds of a page, links, a total and stable order, and no parameter that nobody declared."""

from __future__ import annotations

from datetime import date
from urllib.parse import parse_qs, quote, urlsplit

import pytest
from django.utils import timezone

from audit.models import ReviewStamp, TrailVerification
from ncs.services import open_action
from qhse.api import pagination
from qhse.api.openapi.routes import api_routes
from qhse.api.pagination import StrictLimitOffsetPagination
from qhse.exchange.models import ImportJob
from suppliers.models import Certificate

pytestmark = pytest.mark.django_db

# By hand from the contract: list → its parameters beside limit and offset.
LISTS = {
    "/suppliers": {
        "search",
        "at_risk",
        "ordering",
        "status",
        "level",
        "criticality",
        "category",
        "country",
        "standard",
        "ending_within",
        "missing",
        "unverified",
        "review_due",
    },
    "/ncs": {
        "status",
        "severity",
        "supplier_id",
        "owner_id",
        "phase",
        "overdue",
        "category",
        "system",
        "part_no",
        "detected_since",
        "detected_until",
        "due_until",
        "repeat",
    },
    "/ncs/owners": set(),
    "/certificates": {
        "supplier_id",
        "standard",
        "status",
        "ending_within",
        "expired",
        "missing",
        "unverified",
        "superseded_edition",
        "search",
        "ordering",
    },
    "/actions": {"nc_id", "supplier_id", "owner_id", "status", "kind", "overdue"},
    "/imports": {"kind", "status"},
    "/audit-log": {"actor", "action", "entity_type", "entity_id", "request_id", "since", "until"},
    "/audit-log/reviews": set(),
    "/audit-log/verifications": set(),
    "/webhooks": {"status"},
    "/outbox/events": {"status", "event_type", "aggregate_type", "aggregate_id"},
}
# Of one record each; audit/tests/test_timelines.py looks at them.
TIMELINES = {
    "/suppliers/<int:supplier_id>/timeline", "/ncs/<int:nc_id>/timeline", "/actions/<int:action_id>/timeline",
    "/certificates/<int:certificate_id>/timeline",
}  # fmt: skip
# Likewise: suppliers/tests/test_api_risk.py.
HISTORIES = {"/suppliers/<int:supplier_id>/risk/history"}
HAS_FEW_ROWS = {"/ncs/owners", "/webhooks"}  # in these tests, so no deep page
MAY_BE_EMPTY = {("/suppliers", "search"), ("/certificates", "search")}
# Likewise, files by two parameters that they need: qhse/attachments/tests/test_api.py.
# And what was delivered: outbox/webhooks/tests/test_api.py.
OF_A_RECORD = {"/webhooks/<int:webhook_id>/deliveries", "/attachments", "/suppliers/<int:supplier_id>/volumes"}

ODD_NUMBERS = [
    "", " ", "+", "-", "-0", "-1", "+1", "+0", " 1", "1 ", "1.0", "1.5", ".5", "1e1", "1E1", "0x10", "0b1", "0o7",
    "1_0", "1,000", "1;2", "1,2", "٣", "３", "²", "Ⅷ", "½", "一", "\u200b5", "5\u200b", "5\u0000", "nan", "NaN", "inf",
    "-inf", "Infinity", "null", "None", "true", "[5]", "{}", "'5'", '"5"', "5'--", "%35", "５０", "1" * 9, "9" * 20,
    "9" * 5000, "-" + "9" * 5000, "0" * 9 + "1", "five", "\ufffd", "5\n", "\t5",
]  # fmt: skip


def test_the_table_lists_every_list():
    assert {route.path for route in api_routes() if route.action == "list"} == {
        *LISTS,
        *TIMELINES,
        *OF_A_RECORD,
        *HISTORIES,
    }


def refused(client, url: str, problem_of) -> list[str]:
    return [error["field"] for error in problem_of(client.get(url), 400)["errors"]]


@pytest.mark.parametrize("path", LISTS)
class TestBounds:
    def test_what_is_no_whole_number_is_400(self, api, problem_of, path):
        client = api("admin")

        for value in ODD_NUMBERS:
            for name in ("limit", "offset"):
                assert refused(client, f"{path}?{name}={quote(value)}", problem_of) == [name], value

    def test_a_number_out_of_range_is_400_and_the_bounds_themselves_are_accepted(self, api, problem_of, path):
        client = api("admin")

        for name, value in (("limit", 0), ("limit", 101), ("limit", 99_999_999), ("offset", 10_000_001)):
            assert refused(client, f"{path}?{name}={value}", problem_of) == [name]
        for query in ("limit=1", "limit=100", "limit=007", "offset=0", "offset=10000000", "limit=100&offset=10000000"):
            assert client.get(f"{path}?{query}").status_code == 200, query


UNKNOWN = [
    "page=2", "Limit=5", "limit[]=5", "limit%20=5", "format=xml", "id=1", "fields=*", "__proto__=1", "q", "=1",
    "%00=1", "%ff=1", "a=b=c", "status__in=OPEN", "supplier__name=x", "name__startswith=H", "%F0%9F%8F%AD=1",
    "&".join(f"x{number}=1" for number in range(1000)),
]  # fmt: skip
NO_TEXT = {
    "NUL": "%00", "NUL inside": "a%00b", "NUL behind a moment": "2026-11-23T08:00:00Z%00",
    "ff": "%ff", "overlong NUL": "%c0%80", "lone surrogate": "%ed%a0%80",
    "past Unicode": "%f5%80%80%80", "cut": "%e4", "continuation": "%80abc",
}  # fmt: skip


@pytest.mark.parametrize("path", LISTS)
class TestParameters:
    def test_an_unknown_one_is_400_with_a_short_answer(self, api, problem_of, path):
        client = api("admin")

        for query in UNKNOWN:
            response = client.get(f"{path}?{query}")
            assert {error["code"] for error in problem_of(response, 400)["errors"]} == {"unknown_parameter"}, query
            assert len(response.content) < 10_000

    def test_more_than_django_counts_are_a_400_problem_too(self, api, problem_of, path):
        problem_of(api("admin").get(f"{path}?" + "&".join(f"x{number}=1" for number in range(3000))), 400)

    def test_a_repeated_one_is_400_also_with_the_same_value(self, api, problem_of, path):
        client = api("admin")

        for name in LISTS[path] | {"limit", "offset"}:
            assert refused(client, f"{path}?{name}=1&{name}=1", problem_of) == [name]

    def test_an_empty_one_is_400(self, api, problem_of, path):
        client = api("admin")

        for name in LISTS[path] | {"limit", "offset"}:
            if (path, name) in MAY_BE_EMPTY:
                assert client.get(f"{path}?{name}=").status_code == 200
            else:
                assert refused(client, f"{path}?{name}=", problem_of) == [name]

    def test_bytes_that_are_no_text_are_400(self, api, problem_of, path):
        client = api("admin")

        for label, value in NO_TEXT.items():
            for name in LISTS[path] | {"limit", "offset"}:
                assert refused(client, f"{path}?{name}={value}", problem_of) == [name], label

    def test_the_replacement_character_itself_is_text(self, api, path):
        name = {"/suppliers": "search", "/audit-log": "actor", "/outbox/events": "event_type"}.get(path)

        if name:
            assert api("admin").get(f"{path}?{name}=%EF%BF%BD").json()["count"] == 0


class TestOneRecordTakesNoParameter:
    def test_an_unknown_parameter_is_400(self, api, make_nc, problem_of):
        nc, client = make_nc(), api("admin")
        reading = [f"/suppliers/{nc.supplier_id}", f"/ncs/{nc.pk}", "/kpi", "/auth/me"]

        for path in reading:
            assert refused(client, f"{path}?verbose=1", problem_of) == ["verbose"]

    def test_a_write_with_one_writes_nothing(self, api, make_nc, problem_of, row_counts):
        nc, client = make_nc(), api("admin")
        before = row_counts()

        problem_of(client.post("/suppliers?dry_run=true", {"name": "Hansa"}), 400)
        problem_of(client.patch(f"/ncs/{nc.pk}/close?force=1"), 400)

        assert row_counts() == before


@pytest.fixture
def twenty_five(users, make_supplier, make_nc):
    """Equal dates, equal counts and, on PostgreSQL, equal times: only the primary key tells these rows apart."""
    for number in range(25):
        supplier = make_supplier(name=f"Nordic Castings {number % 5}{number:02}")
        nc = make_nc(supplier_id=supplier.pk)
        open_action(nc_id=nc.pk, kind="corrective", title="New tool", actor=users["quality"])
        # Without its entry: the trail of all this fits on one page.
        Certificate.objects.create(
            supplier=supplier, standard="iso_9001", number="12 100 4711", issuer="TÜV Nord Cert",
            valid_from=date(2026, 7, 1), valid_to=date(2029, 6, 30 - number // 10), submitted_by=users["quality"],
        )  # fmt: skip
        ReviewStamp.objects.create(seal=1, seal_hash="0" * 64, note="No objection", reviewed_by=users["auditor"])
        TrailVerification.objects.create(state="done", finished_at=timezone.now(), started_by=users["auditor"])
        ImportJob.objects.create(
            kind="suppliers", file_name="a.csv", size=1, sha256="0", mode="good_rows", rows_total=1,
            created_by=users["admin"],
        )  # fmt: skip


@pytest.mark.usefixtures("twenty_five")
class TestPages:
    def walk(self, client, url: str) -> list[list[dict]]:
        pages = []
        while url:
            page = client.get(url).json()
            pages.append(page["results"])
            url = page["next"]
        return pages

    def test_the_pages_together_are_the_list(self, api):
        client = api("admin")

        for path in LISTS:
            whole = client.get(f"{path}?limit=100").json()
            for limit in (7, 25, 100):
                pages = self.walk(client, f"{path}?limit={limit}")

                assert [row for page in pages for row in page] == whole["results"]
                assert all(len(page) == limit for page in pages[:-1])
            assert whole["count"] == len(whole["results"])

    def test_deep_pages_follow_a_key_and_together_are_the_list(self, api, monkeypatch):
        monkeypatch.setattr(pagination, "DEEP", 5)
        client = api("admin")

        for path in set(LISTS) - HAS_FEW_ROWS:
            whole = client.get(f"{path}?limit=100").json()["results"]
            pages = self.walk(client, f"{path}?limit=4")
            third = client.get(client.get(f"{path}?limit=4&offset=4").json()["next"]).json()
            key = set() if path in ("/suppliers", "/certificates") else {"after"}

            assert [row for page in pages for row in page] == whole
            assert set(parse_qs(urlsplit(third["next"]).query)) == {"limit", "offset"} | key
            assert client.get(third["previous"]).json()["results"] == whole[4:8]

    def test_a_deep_page_meets_no_row_twice_while_others_come(self, api, make_nc, monkeypatch):
        monkeypatch.setattr(pagination, "DEEP", 5)
        client = api("auditor")
        first = client.get("/ncs?limit=10&severity=medium").json()

        make_nc()

        second = client.get(first["next"]).json()
        assert first["results"][-1]["id"] == second["results"][0]["id"] + 1

    @pytest.mark.parametrize("key", ["x", "-1", "1.0", "9" * 19])
    def test_a_key_that_is_none_is_refused(self, api, problem_of, key):
        assert refused(api("auditor"), f"/ncs?after={key}", problem_of) == ["after"]

    def test_a_list_that_takes_an_ordering_takes_no_key(self, api, problem_of):
        assert refused(api("auditor"), "/suppliers?after=1", problem_of) == ["after"]

    def test_a_key_that_no_row_has_is_a_place_in_the_order(self, api):
        client = api("auditor")

        assert client.get("/ncs?after=" + "9" * 18).json()["results"] == client.get("/ncs").json()["results"]
        assert client.get("/ncs?after=0").json()["results"] == []

    def test_the_page_behind_a_key_is_followed_by_the_one_behind_its_last(self, api):
        client = api("auditor")
        first, *others = client.get("/ncs?limit=100").json()["results"]

        pages = self.walk(client, f"/ncs?after={first['id']}&limit=2")

        assert [row for page in pages for row in page] == others

    def test_beyond_the_bound_a_count_says_that_there_are_more(self, api, monkeypatch):
        monkeypatch.setattr(StrictLimitOffsetPagination, "most_counted", 7)
        client = api("auditor")

        some = client.get("/audit-log?action=NC_CREATED&limit=5").json()
        last = client.get("/audit-log?action=NC_CREATED&limit=5&offset=20").json()

        assert (some["count"], some["count_is_exact"]) == (7, False)
        assert some["next"]
        assert (len(last["results"]), last["next"]) == (5, None)
        assert client.get("/ncs?limit=5").json()["count_is_exact"]

    def test_every_ordering_is_total_and_its_opposite_is_its_reverse(self, api):
        client = api("auditor")

        for ordering in ("id", "name", "certification_expiry", "created_at", "nc_open", "risk_score"):
            pages = self.walk(client, f"/suppliers?limit=6&ordering={ordering}")
            ids = [row["id"] for page in pages for row in page]
            reverse = client.get(f"/suppliers?limit=100&ordering=-{ordering}").json()["results"]

            assert len(set(ids)) == len(ids) == 25, ordering
            assert [row["id"] for row in reverse] == ids[::-1], ordering

    @pytest.mark.parametrize("ordering", ["id", "valid_to", "valid_from", "supplier_name"])
    def test_every_ordering_of_certificates_is_total_as_well(self, api, ordering):
        client = api("auditor")
        pages = self.walk(client, f"/certificates?limit=6&ordering={ordering}")
        ids = [row["id"] for page in pages for row in page]
        reverse = client.get(f"/certificates?limit=100&ordering=-{ordering}").json()["results"]

        assert len(set(ids)) == len(ids) == 25
        assert [row["id"] for row in reverse] == ids[::-1]

    def test_the_default_page_has_twenty_rows_and_a_link_to_the_next(self, api):
        page = api("auditor").get("/suppliers").json()

        assert (page["count"], len(page["results"]), page["previous"]) == (25, 20, None)
        link = urlsplit(page["next"])
        assert (link.path, parse_qs(link.query)) == ("/suppliers", {"limit": ["20"], "offset": ["20"]})

    def test_links_keep_the_filters_and_lead_back(self, api):
        client = api("auditor")
        first = client.get("/ncs?status=OPEN&severity=medium&limit=10").json()

        second = client.get(first["next"]).json()
        third = client.get(second["next"]).json()

        assert parse_qs(urlsplit(second["next"]).query) == {
            "status": ["OPEN"], "severity": ["medium"], "limit": ["10"], "offset": ["20"],
        }  # fmt: skip
        assert (len(third["results"]), third["next"]) == (5, None)
        assert client.get(third["previous"]).json() == second
        assert client.get(second["previous"]).json()["results"] == first["results"]

    def test_past_the_end_is_an_empty_page_with_the_true_count(self, api):
        page = api("auditor").get("/suppliers?offset=1000").json()

        assert (page["count"], page["results"], page["next"]) == (25, [], None)

    def test_a_new_row_at_the_front_shifts_and_never_hides(self, api, make_nc):
        client = api("auditor")
        first = client.get("/ncs?limit=10").json()

        make_nc()

        second = client.get(first["next"]).json()
        assert first["results"][-1] == second["results"][0]
