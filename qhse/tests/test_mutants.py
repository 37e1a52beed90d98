"""`make mutants` runs them; here it is kept true that each still takes out what it says."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.conf import settings

from qhse.chaos.__main__ import SCENARIOS
from qhse.mutants.__main__ import GROUPS

MUTANTS = [mutant for table in GROUPS.values() for mutant in table]


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_the_guarantee_stands_once_where_the_mutant_looks_and_its_judge_exists(mutant):
    judge = mutant.caught_by.partition(" -k ")[0]

    assert (Path(settings.BASE_DIR) / mutant.file).read_text(encoding="utf-8").count(mutant.old) == 1
    assert judge in SCENARIOS or (Path(settings.BASE_DIR) / judge).is_file()


def test_every_mutant_has_a_name_of_its_own():
    assert len({mutant.name for mutant in MUTANTS}) == len(MUTANTS)
