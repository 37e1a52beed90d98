"""A little of `make fuzz`, for CI and `make samples`: the hostile corpus, and made-up requests by each role."""

from __future__ import annotations

import subprocess
import sys

import pytest
from django.conf import settings

from lab.fuzz.__main__ import LEAST_OF_A_FULL_RUN, is_failure
from lab.fuzz.corpus import BODIES, WRITES, corpus
from lab.fuzz.installation import PRINCIPALS


def test_the_corpus_is_large_and_the_same_in_every_run():
    requests = list(corpus("token"))

    assert len(requests) >= 2_000
    assert requests == list(corpus("token"))
    assert len(BODIES) * len(WRITES) >= 300


@pytest.mark.laboratory
@pytest.mark.postgres
def test_no_hostile_request_is_answered_with_a_5xx_or_without_a_problem_document():
    done = subprocess.run(
        [sys.executable, "-m", "lab.fuzz", "--only", "corpus"],
        cwd=settings.BASE_DIR, capture_output=True, text=True, timeout=900,
    )  # fmt: skip

    assert done.returncode == 0, done.stdout + done.stderr
    assert "0 of them answered wrongly" in done.stdout


@pytest.mark.laboratory
@pytest.mark.postgres
def test_a_little_of_what_the_document_allows_and_forbids_is_answered_by_it_to_each_role():
    """All checks and stateful sequences; the cases of the coverage phase are `make fuzz`'s, which takes its time."""
    done = subprocess.run(
        [sys.executable, "-m", "lab.fuzz", "--bounded", "--seed", "1", "--only", *PRINCIPALS],
        cwd=settings.BASE_DIR, capture_output=True, text=True, timeout=900,
    )  # fmt: skip

    assert done.returncode == 0, done.stdout + done.stderr
    assert "0 of them answered wrongly" in done.stdout


def test_a_full_run_that_sends_too_little_fails():
    assert is_failure(total=LEAST_OF_A_FULL_RUN - 1, broken=0, least=LEAST_OF_A_FULL_RUN)
    assert not is_failure(total=LEAST_OF_A_FULL_RUN, broken=0, least=LEAST_OF_A_FULL_RUN)
    assert is_failure(total=LEAST_OF_A_FULL_RUN, broken=1, least=LEAST_OF_A_FULL_RUN)
    assert is_failure(total=0, broken=0, least=0)
