"""Charts: where marks stand, that gaps stay gaps, and that no letter of anybody becomes markup."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from typing import Any

import pytest
from django.template.loader import render_to_string

from qhse.adminsite.charts import adding_up, beside, chart, grid, line, months, pareto, plain, stacked
from qhse.adminsite.charts.parts import brief, shown, steps_to

PAYLOAD = "\"'><script>alert(1)</script><svg onload=alert(2)>"
LABELS = plain(["one", "two", "three", "four"])


def number(place: str) -> float:
    return float(re.fullmatch(r"(-?[\d.]+)(?:%|em)?", place)[1])  # type: ignore[index]


def drawn(*plots: Any, labels: Any = LABELS) -> Any:
    return chart("sample", "A sample", labels, *plots, of="What")


class Page(HTMLParser):
    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))


@pytest.mark.parametrize(
    ("most", "steps"),
    [
        (0, [0, 1]), (1, [0, 1]), (3, [0, 1, 2, 3]), (9, [0, 2, 4, 6, 8, 10]), (10, [0, 2, 4, 6, 8, 10]),
        (38, [0, 10, 20, 30, 40]), (100, [0, 20, 40, 60, 80, 100]), (101, [0, 50, 100, 150]),
        (0.4, [0, 0.1, 0.2, 0.3, 0.4]), (1_234_567, [0, 500_000, 1_000_000, 1_500_000]),
    ],
)  # fmt: skip
def test_a_scale_has_round_steps_and_reaches_its_most(most: float, steps: list[float]) -> None:
    assert steps_to(most, at_most=5) == steps


@pytest.mark.parametrize("most", [1, 7, 13, 49, 99, 250, 999, 12_345])
def test_a_scale_of_counts_has_no_fractions_and_few_steps(most: int) -> None:
    steps = steps_to(most, at_most=5)

    assert all(step == int(step) for step in steps)
    assert steps[-2] < most <= steps[-1]
    assert len(steps) <= 6


@pytest.mark.parametrize(
    ("value", "full", "short"),
    [
        (None, "–", "–"), (0, "0", "0"), (0.0, "0", "0"), (2.5, "2.5", "2.5"), (1638.9, "1,638.9", "1,639"),
        (9999, "9,999", "9,999"), (12_345, "12,345", "12.3k"), (1_500_000, "1,500,000", "1.5M"),
    ],
)  # fmt: skip
def test_a_number_is_full_in_tables_and_brief_at_marks(value: float | None, full: str, short: str) -> None:
    assert (shown(value), brief(value)) == (full, short)


class TestUprightBars:
    def test_are_as_high_as_their_numbers(self) -> None:
        heights = [number(bar.height) for bar in drawn(beside({"n": [2, 4, 8, 1]})).bars]

        assert [round(each / heights[0], 2) for each in heights] == [1, 2, 4, 0.5]

    def test_end_on_one_line_and_stay_inside(self) -> None:
        bars = drawn(beside({"n": [2, 4, 8, 1], "m": [1, 1, 1, 1]})).bars

        assert len({round(number(bar.y) + number(bar.height), 1) for bar in bars}) == 1
        assert all(number(bar.x) >= 0 and number(bar.x) + number(bar.width) <= 100 for bar in bars)

    def test_of_one_label_do_not_cover_each_other(self) -> None:
        first, second = drawn(beside({"n": [1], "m": [1]}), labels=LABELS[:1]).bars

        assert number(first.x) + number(first.width) <= number(second.x)

    def test_are_stacked_one_upon_the_other_with_their_sum_above(self) -> None:
        chart = drawn(stacked({"high": [1, 0, 2, 0], "low": [3, 0, 1, 0]}))
        high, low = chart.bars[:2]

        assert number(low.y) + number(low.height) == pytest.approx(number(high.y), abs=0.02)
        assert [each.text for each in chart.words if "value" in each.place] == ["4", "0", "3", "0"]

    def test_have_figures_that_lead_away_from_each_other_where_two_stand_beside(self) -> None:
        made = drawn(beside({"n": [11], "m": [11]}), labels=LABELS[:1])
        first, second = (words for words in made.words if words.text == "11")

        assert (first.place, second.place) == ("end value wide", "start value wide")
        assert number(first.x) < number(made.bars[1].x) < number(second.x)

    def test_of_nought_and_of_nothing_are_not_drawn_but_told_apart(self) -> None:
        chart = drawn(beside({"n": [0, None, 3, None]}))

        assert len(chart.bars) == 1
        assert [each.text for each in chart.words if "value" in each.place] == ["0", "–", "3", "–"]

    def test_differ_by_more_than_their_colour(self) -> None:
        page = Page(render_to_string("adminsite/chart.html", {"chart": drawn(stacked({"a": [1] * 4, "b": [1] * 4}))}))

        fills = [names.get("fill") for tag, names in page.tags if tag == "rect" and names["class"] == "bar kind-2"]
        patterns = [names["id"] for tag, names in page.tags if tag == "pattern"]
        assert set(fills) == {"url(#sample-2)"} and patterns == ["sample-2"]


class TestALine:
    def test_has_no_stroke_over_a_gap(self) -> None:
        chart = drawn(line({"ppm": [5, None, 7, 9]}))

        assert len(chart.dots) == 3
        assert [(each.x1, each.x2) for each in chart.segments] == [("62.50%", "87.50%")]

    def test_of_nought_is_a_dot_and_no_gap(self) -> None:
        chart = drawn(line({"ppm": [5, 0, 7, None]}))

        assert len(chart.dots) == 3 and len(chart.segments) == 2

    def test_reaches_as_high_as_its_part_of_a_given_scale(self) -> None:
        low, high = drawn(line({"score": [0, 100, None, None]}, most=100)).dots

        rules = [number(rule.y1) for rule in drawn(line({"score": [50] * 4}, most=100)).rules]
        assert (number(low.y), number(high.y)) == (max(rules), min(rules))

    def test_below_bars_has_a_scale_of_its_own(self) -> None:
        chart = drawn(beside({"opened": [1, 2, 3, 4]}), line({"open": [100, 200, 300, 400]}))

        assert max(number(bar.y) + number(bar.height) for bar in chart.bars) < min(number(dot.y) for dot in chart.dots)
        assert [(key.kind, key.name, key.is_line) for key in chart.keys] == [(1, "opened", False), (2, "open", True)]


class TestAChart:
    @pytest.mark.parametrize("values", [[0, 0, 0, 0], [None, None, None, None]])
    def test_of_nothing_is_none(self, values: list[int | None]) -> None:
        assert drawn(beside({"n": values})) is None
        assert chart("sample", "A sample", [], beside({"n": []})) is None

    def test_has_its_numbers_as_a_table_with_every_label(self) -> None:
        made = drawn(beside({"n": [1, None, 3_000, 2]}), line({"m": [1.5, 2, 3, 4]}))

        assert list(made.columns) == ["What", "n", "m"]
        assert made.rows[:3] == [("one", "1", "1.5"), ("two", "–", "2"), ("three", "3,000", "3")]

    def test_says_in_words_what_is_to_be_seen(self) -> None:
        made = drawn(line({"PPM": [5, None, 7, 9]}))

        assert made.description == "one to four. PPM: 5 to 9, last 9. 1 without data."

    def test_is_an_image_with_a_title_and_a_description(self) -> None:
        page = Page(render_to_string("adminsite/chart.html", {"chart": drawn(beside({"n": [1, 2, 3, 4]}))}))

        image = next(names for tag, names in page.tags if tag == "svg" and names.get("role") == "img")
        ids = [names["id"] for tag, names in page.tags if tag in ("title", "desc") and "id" in names]
        assert (image["aria-labelledby"] or "").split() == ids

    def test_in_narrow_windows_leaves_out_every_second_label_but_never_the_last(self) -> None:
        names = [f"2026-{month:02}" for month in range(1, 13)]
        made = drawn(beside({"n": [1] * 12}), labels=months(names))

        left_out = {each.text: "odd" in each.place for each in made.words if each.text.isalpha()}
        assert list(left_out.values()) == [True, False] * 6

    def test_of_months_has_each_year_once(self) -> None:
        assert [each[1:] for each in months(["2025-12", "2026-01", "2026-02"])] == [
            ("Dec", "2025"), ("Jan", "2026"), ("Feb", ""),
        ]  # fmt: skip


class TestAPareto:
    def made(self) -> Any:
        return pareto("p", "Cases", ["Bore", "Thread", "Other"], [6, 3, 1], [0.6, 0.9, 1.0], total=10)

    def test_has_bars_and_line_on_one_scale(self) -> None:
        bars, dots = self.made().bars, self.made().dots

        assert [number(bar.width) for bar in bars] == [60, 30, 10]
        assert [number(dot.x) for dot in dots] == [60, 90, 100]
        assert number(dots[0].x) == number(bars[0].width)

    def test_goes_only_as_far_as_its_rows_reach(self) -> None:
        made = pareto("p", "Cases", ["Bore", "Thread"], [3, 1], [0.03, 0.04], total=100)

        assert made is not None
        assert [number(bar.width) for bar in made.bars] == [75, 25]

    def test_draws_the_first_rows_and_tables_no_others(self) -> None:
        names = [f"Supplier {n}" for n in range(30)]
        made = pareto("p", "Cases", names, [1] * 30, [(n + 1) / 30 for n in range(30)], total=30, most_rows=10)

        assert made is not None
        assert (len(made.bars), len(made.rows)) == (10, 10)

    def test_cuts_a_long_name_for_each_window_and_says_it_in_full(self) -> None:
        made = pareto("p", "Cases", ["w" * 200], [1], [1.0], total=1)

        assert made is not None
        cut = {each.place: each.text for each in made.words if "name" in each.place}
        assert {place: (len(text), text[-1]) for place, text in cut.items()} == {
            "start name wide": (80, "…"), "start name narrow": (34, "…"),
        }  # fmt: skip
        assert made.bars[0].said == f"{'w' * 200}: 1"
        assert made.rows[0][0] == "w" * 200

    def test_of_nothing_is_none(self) -> None:
        assert pareto("p", "Cases", [], [], [], total=0) is None


class TestPartsThatAddUp:
    def test_begin_where_the_one_before_them_ended(self) -> None:
        made = adding_up("s", "Score", [("Open", 30), ("Overdue", 12), ("Thanks", -2)], total="Score", most=100)

        assert made is not None
        assert [(number(bar.x), number(bar.width)) for bar in made.bars] == [(0, 30), (30, 12), (40, 2), (0, 40)]
        assert made.rows[-1] == ("Score", "40")
        assert made.description == "Open: +30; Overdue: +12; Thanks: -2. Score: 40."


class TestAGrid:
    def made(self) -> Any:
        return grid(
            "g", "Suppliers", ["A", "B"], [("High", [8, 0]), ("Low", [1, 4])], corner="Level",
            link=lambda down, across: f"/list?row={down}&column={across}",
        )  # fmt: skip

    def test_is_shaded_by_its_numbers_and_not_where_there_is_none(self) -> None:
        assert [[cell.shade for cell in cells] for _, cells, _ in self.made().rows] == [[4, 0], [1, 2]]

    def test_leads_from_each_number_to_its_list(self) -> None:
        page = Page(render_to_string("adminsite/heat_grid.html", {"grid": self.made()}))

        leads = [names["href"] for tag, names in page.tags if tag == "a"]
        assert leads == ["/list?row=0&column=0", "/list?row=1&column=0", "/list?row=1&column=1"]

    def test_of_noughts_is_none(self) -> None:
        assert grid("g", "Suppliers", ["A"], [("High", [0])], corner="Level") is None


class TestWhatPeopleWrote:
    def charts(self) -> list[Any]:
        labels = plain([PAYLOAD, "two"])
        return [
            chart("c", PAYLOAD, labels, beside({PAYLOAD: [1, 2]}), line({"m": [1, 2]}), of=PAYLOAD),
            pareto("p", PAYLOAD, [PAYLOAD, PAYLOAD * 4], [2, 1], [0.6, 1.0], total=3, of=PAYLOAD),
            adding_up("s", PAYLOAD, [(PAYLOAD, 3)], total=PAYLOAD, most=100),
        ]

    def test_is_letters_in_every_chart_and_in_its_table(self) -> None:
        for made in self.charts():
            for template in ("adminsite/chart.html", "adminsite/chart_table.html"):
                page = render_to_string(template, {"chart": made})

                assert "<script" not in page and "onload=alert(2)>" not in page
                assert "&lt;script&gt;alert(1)" in page

    def test_is_letters_in_a_grid(self) -> None:
        made = grid("g", PAYLOAD, [PAYLOAD], [(PAYLOAD, [1])], corner=PAYLOAD, link=lambda *_: PAYLOAD, note=PAYLOAD)

        page = render_to_string("adminsite/heat_grid.html", {"grid": made})

        assert "<script" not in page and "&lt;script&gt;" in page

    def test_no_chart_has_a_style_or_a_script_that_the_policy_would_refuse(self) -> None:
        for made in self.charts():
            tags = Page(render_to_string("adminsite/chart.html", {"chart": made})).tags

            assert not [tag for tag, names in tags if tag in ("style", "script") or "style" in names]


@pytest.mark.parametrize("language", ["en-gb", "de"])
def test_places_are_written_alike_in_every_language(language: str) -> None:
    from django.utils import translation

    with translation.override(language):
        page = render_to_string("adminsite/chart.html", {"chart": drawn(beside({"n": [1, 2, 3, 4]}))})

    assert 'x="3.50%"' in page
