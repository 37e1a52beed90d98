"""`make mutants` runs them; here it is kept true that each still takes out what it says."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.conf import settings

from lab.chaos.__main__ import SCENARIOS
from lab.mutants.__main__ import GROUPS
from lab.mutants.judging import Finding, by_module, finding
from lab.mutants.mutant import Mutant

MUTANTS = [mutant for table in GROUPS.values() for mutant in table]


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_the_guarantee_stands_once_where_the_mutant_looks_and_its_judge_exists(mutant):
    judge = mutant.caught_by.partition(" -k ")[0]

    assert (Path(settings.BASE_DIR) / mutant.file).read_text(encoding="utf-8").count(mutant.old) == 1
    assert judge in SCENARIOS or (Path(settings.BASE_DIR) / judge).is_file()


def test_every_mutant_has_a_name_of_its_own():
    assert len({mutant.name for mutant in MUTANTS}) == len(MUTANTS)


ASSERTED = "E       AssertionError: assert 1 == 2\nFAILED a/test_b.py::test_c - AssertionError\n"


@pytest.mark.parametrize(
    ("code", "output", "is_test", "found"),
    [
        (0, "1 passed", True, Finding.NOTHING),
        (1, ASSERTED, True, Finding.FOUND),
        (1, "ERROR    django.request:log.py:293 Internal Server Error\n" + ASSERTED, True, Finding.FOUND),
        (1, "E       Failed: DID NOT RAISE <class 'X'>\nFAILED a/test_b.py::test_c\n", True, Finding.FOUND),
        (1, "E       dev.waiting.Stalled: in vain\nFAILED a/test_b.py::test_c\n", True, Finding.FOUND),
        (1, "E       ncs.errors.ActionIsDone: it is done\nFAILED a/test_b.py::test_c\n", True, Finding.FOUND),
        (1, "E       django.db.utils.IntegrityError: CHECK\nFAILED a/test_b.py::test_c\n", True, Finding.FOUND),
        (1, "E       ncs.models.action.Action.DoesNotExist: no\nFAILED a/test_b.py::test_c\n", True, Finding.FOUND),
        (1, "E       django.db.utils.IntegrityError: CHECK\nERROR a/test_b.py::test_c\n", True, Finding.USELESS),
        (1, "E   ImportError: no\nERROR a/test_b.py\n", True, Finding.USELESS),
        (1, "E   KeyError: 'x'\nFAILED a/test_b.py::test_c - KeyError\n", True, Finding.USELESS),
        (1, ASSERTED + "ERROR a/test_b.py::test_c\n", True, Finding.FOUND),
        (2, ASSERTED, True, Finding.USELESS),
        (4, "no tests", True, Finding.USELESS),
        (0, "", False, Finding.NOTHING),
        (1, "FAILED: repeats\n", False, Finding.FOUND),
        (1, "Traceback (most recent call last):\n", False, Finding.USELESS),
        (2, "chaos: no server", False, Finding.USELESS),
    ],
)
def test_a_mutant_is_caught_by_a_failed_assertion_or_a_broken_promise_alone(code, output, is_test, found):
    assert finding(code, output, is_test=is_test) == found


def test_the_judges_of_a_module_are_asked_for_all_its_mutants_together():
    first, second, third, fourth = (
        Mutant(name, "a.py", "old", "new", judge)
        for name, judge in [("1", "t.py -k one"), ("2", "order"), ("3", "t.py -k 'two or three'"), ("4", "u.py -m x")]
    )

    assert by_module([first, second, third, fourth]) == [
        ("order", [second]),
        ("t.py -k '(one) or (two or three)'", [first, third]),
        ("u.py -m x", [fourth]),
    ]


def test_a_module_that_one_mutant_needs_as_a_whole_is_asked_for_as_a_whole():
    part, whole = (Mutant(name, "a.py", "old", "new", judge) for name, judge in [("1", "t.py -k one"), ("2", "t.py")])

    assert by_module([part, whole]) == [("t.py", [part, whole])]
