"""Samples of closed cases: repeatable, uniform, and known to the trail."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, date, datetime, timedelta

import pytest

from audit.models import AuditEntry
from ncs.models import NonConformity
from ncs.sampling import drawn, period
from ncs.services import close_nonconformity, reopen_nonconformity
from qhse import clock

pytestmark = pytest.mark.django_db
SAMPLE = "/ncs/sample"


@pytest.fixture(autouse=True)
def without_gate(settings):
    settings.NC_CLOSE_GATE = {"api": "record", "admin": "record"}


@pytest.fixture
def closed(make_nc, users):
    """Twelve closed cases, and one that is open."""
    cases = [make_nc() for _ in range(13)]
    for nc in cases[:12]:
        close_nonconformity(nc_id=nc.pk, actor=users["quality"], reason="Sorted")
    return [nc.pk for nc in cases[:12]]


def asked(**query):
    today = clock.today().isoformat()
    return {"from": today, "to": today, "n": "5", **query}


def test_the_same_seed_gives_the_same_sample_and_another_one_another(api, closed):
    client = api("auditor")

    first, again, other = (client.get(SAMPLE, asked(seed=seed)).json() for seed in ("1848", "1848", "1849"))

    assert first == again
    assert [nc["id"] for nc in first["results"]] != [nc["id"] for nc in other["results"]]
    assert (first["seed"], first["n"], first["population"], len(first["results"])) == ("1848", 5, 12, 5)
    assert {nc["id"] for nc in first["results"]} <= set(closed)


def test_without_a_seed_one_is_made_that_repeats_it(api, closed):
    client = api("auditor")
    one, two = (client.get(SAMPLE, asked()).json() for _ in range(2))

    assert one["seed"] != two["seed"]
    assert client.get(SAMPLE, asked(seed=one["seed"])).json() == one


def test_more_than_there_are_are_all_of_them(api, closed):
    sample = api("auditor").get(SAMPLE, asked(n="100")).json()

    assert sorted(nc["id"] for nc in sample["results"]) == sorted(closed)


def test_only_what_was_closed_in_the_period_and_still_is_can_be_drawn(api, closed, users):
    today = clock.today()
    moment = datetime(today.year - 1, 6, 30, 23, 59, 59, tzinfo=UTC)
    NonConformity.objects.filter(pk__in=closed[:4]).update(closed_at=moment)
    reopen_nonconformity(nc_id=closed[0], actor=users["quality"], reason="Again")
    client, last_year = api("auditor"), f"{today.year - 1}-06-30"

    found = client.get(SAMPLE, asked(n="100", **{"from": last_year, "to": last_year})).json()
    later = client.get(SAMPLE, {"from": f"{today.year - 1}-07-01", "to": today.isoformat(), "n": "100"}).json()

    assert sorted(nc["id"] for nc in found["results"]) == sorted(closed[1:4])
    assert sorted(nc["id"] for nc in later["results"]) == sorted(closed[4:])


def test_each_case_is_drawn_as_often_as_any_other():
    """Of 20 cases, 5 drawn 4,000 times: each 1,000 times. By chi-squared with 19 degrees, at a risk of 1 in 100,000."""
    times = Counter(pk for seed in range(4_000) for pk in drawn(range(101, 121), n=5, seed=str(seed))[0])

    expected, variance = 1_000, 4_000 * 0.25 * 0.75
    # Drawn without replacement, the counts spread less than independent ones: hence their own variance.
    spread = sum((times[pk] - expected) ** 2 for pk in range(101, 121)) / variance * 19 / 20
    assert set(times) == set(range(101, 121))
    assert 3.5 < spread < 56


def test_pairs_are_drawn_as_often_as_chance_has_it():
    """No case brings another one along: of 190 pairs of 20, 10 each time."""
    pairs = Counter()
    for seed in range(4_000):
        ids = sorted(drawn(range(20), n=5, seed=f"s{seed}")[0])
        pairs.update((a, b) for a in ids for b in ids if a < b)

    expected = 4_000 * 10 / 190
    assert len(pairs) == 190
    assert max(abs(count - expected) for count in pairs.values()) < 6 * expected**0.5


def test_the_order_of_the_database_does_not_matter():
    assert drawn([3, 1, 2, 9, 7], n=3, seed="x") == drawn([9, 7, 3, 2, 1], n=3, seed="x")


def test_the_trail_has_who_drew_what_once(api, closed):
    client = api("auditor")
    sample = client.get(SAMPLE, asked(seed="1848")).json()
    client.get(SAMPLE, asked(seed="1848"))

    entry = AuditEntry.objects.get(action="NC_SAMPLE_DRAWN")

    today = clock.today().isoformat()
    assert entry.actor == "auditor"
    assert entry.changes == {
        "from": [None, today], "to": [None, today], "asked_for": [None, 5], "seed": [None, "1848"],
        "population": [None, 12], "drawn": [None, [nc["id"] for nc in sample["results"]]],
    }  # fmt: skip
    api("admin").get(SAMPLE, asked(seed="1848"))
    assert AuditEntry.objects.filter(action="NC_SAMPLE_DRAWN").count() == 2


@pytest.mark.parametrize(
    ("query", "field", "code"),
    [
        ({"from": "x"}, "from", "invalid_period"),
        ({"from": "2026-02-30"}, "from", "invalid_period"),
        ({"to": ""}, "to", "empty_parameter"),
        ({"from": "2027-01-02", "to": "2027-01-01"}, "to", "invalid_period"),
        ({"from": "9999-12-31", "to": "9999-12-31"}, "to", "invalid_period"),
        ({"from": "0001-01-01"}, "from", "invalid_period"),
        ({"from": "1979-12-31", "to": "2026-01-01"}, "from", "invalid_period"),
        ({"n": "0"}, "n", "invalid_sample"),
        ({"n": "101"}, "n", "invalid_sample"),
        ({"n": "1.5"}, "n", "invalid_sample"),
        ({"seed": "a\u200bb"}, "seed", "invalid_sample"),
        ({"seed": "x" * 65}, "seed", "invalid_sample"),
        ({"sed": "x"}, "sed", "unknown_parameter"),
    ],
)
def test_what_cannot_be_drawn_is_refused_and_leaves_nothing(api, db, problem_of, query, field, code):
    problem = problem_of(api("auditor").get(SAMPLE, asked(**query)), 400)

    assert [error["field"] for error in problem["errors"]] == [field]
    assert code in (problem["code"], *(error["code"] for error in problem["errors"]))
    assert not AuditEntry.objects.filter(action="NC_SAMPLE_DRAWN").exists()


@pytest.mark.parametrize("role", ["quality", "procurement"])
def test_others_draw_nothing(api, role):
    assert api(role).get(SAMPLE, asked()).status_code == 403


def test_a_period_of_one_day_has_its_last_moment():
    since, until = period(date(2026, 1, 31), date(2026, 1, 31))
    assert until - since == timedelta(days=1)
