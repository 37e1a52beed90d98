"""How passwords are stored, and how long one may be."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from django.contrib.auth.hashers import check_password, identify_hasher, make_password
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError

from qhse.accounts.passwords import MAX_PASSWORD_LENGTH, Argon2idHasher

OWASP_MINIMUM = (19_456, 2, 1)  # KiB, passes, lanes

# Made by an earlier version, whose hasher stood in another module: the name of the algorithm finds it, not the path.
STORED = "argon2$argon2id$v=19$m=8,t=1,p=1$"


class TestTheHash:
    def test_names_its_algorithm_as_it_always_has(self):
        assert make_password("correct-horse-quality").startswith(STORED)
        assert isinstance(identify_hasher(f"{STORED}c2FsdHNhbHQ$aGFzaA"), Argon2idHasher)

    def test_is_checked_by_what_it_says_of_itself(self):
        stored = make_password("correct-horse-quality")

        assert check_password("correct-horse-quality", stored)
        assert not check_password("correct-horse-auditor", stored)

    def test_costs_what_owasp_asks_for(self, settings):
        script = (
            "import django; django.setup(); from qhse.accounts.passwords import Argon2idHasher as hasher; "
            "print(hasher.memory_cost, hasher.time_cost, hasher.parallelism)"
        )
        env = os.environ | {
            "DJANGO_SETTINGS_MODULE": "qhse.settings",
            "QHSE_ENV": "dev",  # tests pay less
            "DATABASE_URL": "sqlite:///:memory:",
        }

        costs = subprocess.check_output([sys.executable, "-c", script], cwd=settings.BASE_DIR, env=env, text=True)

        assert tuple(map(int, costs.split())) == OWASP_MINIMUM


class TestTheLength:
    def test_has_a_limit_where_a_password_is_chosen(self):
        validate_password("lathe-4711-" + "x" * (MAX_PASSWORD_LENGTH - 11))

        with pytest.raises(ValidationError, match="at most 128 characters"):
            validate_password("lathe-4711-" + "x" * (MAX_PASSWORD_LENGTH - 10))
