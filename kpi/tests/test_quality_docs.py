"""The domain page says of each quality figure what the code does."""

from __future__ import annotations

import re

import pytest

from kpi import formulas
from kpi.api.quality_serializers import answer_of
from kpi.movements.suppliers import MOST
from kpi.quality import MONTHS, quality_figures
from qhse.tests.pages import first_column_of, sections_of, text_of

SECTION = sections_of(text_of("docs/domain.md"), "##")["Quality figures"]
PLAIN = {"as_of", "from", "to", "supplier_id", "exact_since", "by_month", "pareto_category", "pareto_supplier"}


def rows_under(header):
    table = SECTION.split(header)[1].split("\n\n")[0]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines()[2:]]


def number(text):
    return None if text == "null" else float(text)


@pytest.mark.django_db
def test_names_every_figure_of_the_answer_and_no_other():
    answer = answer_of(quality_figures())
    answered = {name if name in PLAIN else f"{name}.{part}" for name, group in answer.items() for part in group or [""]
                if name not in PLAIN} | PLAIN  # fmt: skip

    defined = {each for row in rows_under("| Figure |") for each in re.findall(r"`([\w.]+)`", row[0])}

    assert defined == answered
    assert first_column_of(SECTION)


def test_the_numbers_in_the_text_are_those_of_the_formulas():
    bands = ", ".join(name for name, _, _ in formulas.AGE_BANDS)

    for text in (
        f"{bands} days",
        f"null below {formulas.LEAST_RECEIVED} pieces",
        f"{formulas.MOVED_POINTS} points or more in the {formulas.MOVED_DAYS} days",
        f"{MONTHS} months until",
        f"the {MOST} suppliers",
    ):
        assert text in SECTION


def test_the_examples_of_the_middle_are_what_the_formulas_give():
    for values, *expected in rows_under("| Values |"):
        counts: dict[int, int] = {}
        for value, times in re.findall(r"(\d+)( nine times)?", values):
            counts[int(value)] = counts.get(int(value), 0) + (9 if times else 1)
        found = [formulas.mean(counts), formulas.median(counts), formulas.percentile(counts, 90)]
        assert found == [number(each) for each in expected], values


def test_the_examples_of_ppm_are_what_the_formula_gives():
    for defective, received, expected in rows_under("| Defective |"):
        assert formulas.ppm(int(defective), int(received)) == number(expected)
