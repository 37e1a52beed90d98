"""`make mutants` runs them; here it is kept true that each still takes out what it says."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.conf import settings

from lab.chaos.__main__ import SCENARIOS
from lab.mutants.__main__ import GROUPS, Finding, finding

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
