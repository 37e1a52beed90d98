"""The page of an import: short, whatever the file is like."""

from __future__ import annotations

import re

import pytest

from qhse.exchange.admin.pages import FROM_PROBLEM, SHOWN_LEFT_OUT, SHOWN_PROBLEMS
from qhse.exchange.models import ImportMode
from qhse.exchange.tests.conftest import suppliers_csv

pytestmark = pytest.mark.django_db


def section(page, name):
    return re.search(rf'<section[^>]* id="{name}">.*?</section>', page.content.decode(), re.DOTALL)[0]


class TestErrors:
    @pytest.fixture
    def address(self, preview):
        number = 2 * SHOWN_PROBLEMS + 10
        job = preview(suppliers_csv(number, bad=tuple(range(number))), mode=ImportMode.GOOD_ROWS)
        return f"/admin/exchange/importjob/{job.pk}/change/"

    @pytest.mark.parametrize(
        ("asked", "first", "last", "links"),
        [
            ("", 1, 50, ["51"]),
            ("51", 51, 100, ["1", "101"]),
            ("101", 101, 110, ["51"]),
            ("999", 1, 50, ["51"]),
            ("0", 1, 50, ["51"]),
            ("-4", 1, 50, ["51"]),
            ("x", 1, 50, ["51"]),
        ],
    )
    def test_stand_on_pages_of_their_own(self, address, asked, first, last, links, client, users):
        client.force_login(users["procurement"])

        panel = section(client.get(address, {FROM_PROBLEM: asked}), "problems")

        assert f"Errors: {first} to {last}" in panel and "110 in all." in panel
        assert panel.count("<tr>") == 1 + last - first + 1
        assert f"<td>{first + 1}</td>" in panel  # the header is row 1
        assert re.findall(rf'href="\?{FROM_PROBLEM}=(\d+)#problems"', panel) == links


def test_columns_that_mean_nothing_share_a_line(preview, client, users):
    client.force_login(users["procurement"])
    strange = [f"Strange {number}" for number in range(SHOWN_LEFT_OUT + 3)]
    job = preview(f"Name;Country;{';'.join(strange)}\nWeser Castings;DE\n".encode())

    panel = section(client.get(f"/admin/exchange/importjob/{job.pk}/change/"), "columns")

    assert panel.count("Left out") == 1
    assert f"{strange[SHOWN_LEFT_OUT - 1]} and 3 more" in panel
    assert strange[SHOWN_LEFT_OUT] not in panel
