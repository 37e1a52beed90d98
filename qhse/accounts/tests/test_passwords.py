"""How passwords are stored, and how long one may be."""

from __future__ import annotations

import os
import subprocess
import sys
import unicodedata

import pytest
from django.contrib.auth.hashers import Argon2PasswordHasher, check_password, identify_hasher, make_password
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.test import Client
from rest_framework.test import APIClient

from qhse.accounts.models import User
from qhse.accounts.passwords import MAX_PASSWORD_LENGTH, Argon2idHasher, forms_of
from qhse.accounts.roles import Role
from qhse.accounts.services.users import change_user, create_user, set_password
from qhse.observability import metrics

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


COMPOSED = "Übergrößen-Prüfung 4711"
TYPED = {
    "decomposed": unicodedata.normalize("NFD", COMPOSED),
    "with another space": COMPOSED.replace(" ", "\u00a0"),
    "both": unicodedata.normalize("NFD", COMPOSED).replace(" ", "\u3000"),
}


def hashes() -> float:
    return metrics.PASSWORD_HASHES._value.get()


def hash_of_earlier_version(password: str, salt: str = "") -> str:
    return Argon2PasswordHasher.encode(Argon2idHasher(), password, salt or Argon2idHasher().salt())


@pytest.mark.django_db
class TestOnePasswordOnAnyKeyboard:
    """RFC 8265, OpaqueString."""

    @pytest.fixture
    def weber(self):
        return create_user(username="weber", password=COMPOSED, role=Role.QUALITY, actor=None, is_staff=True)

    def log_in(self, password: str, username: str = "weber") -> int:
        return APIClient().post("/auth/login", {"username": username, "password": password}).status_code

    @pytest.mark.parametrize("typed", TYPED.values(), ids=TYPED)
    def test_opens_however_it_is_typed(self, weber, typed):
        assert self.log_in(typed) == 200

    @pytest.mark.parametrize("typed", TYPED.values(), ids=TYPED)
    def test_opens_however_it_was_set(self, weber, typed):
        set_password(user_id=weber.pk, password=typed, actor=None)

        assert self.log_in(COMPOSED) == 200

    @pytest.mark.parametrize("typed", TYPED.values(), ids=TYPED)
    def test_opens_the_admin_site_and_its_page_for_a_new_one(self, weber, typed):
        browser = Client()
        assert browser.post("/admin/login/?next=/admin/", {"username": "weber", "password": typed}).status_code == 302

        new = unicodedata.normalize("NFD", "Größere Übung 4712")
        form = {"old_password": typed, "new_password1": new, "new_password2": new}
        assert browser.post("/admin/password_change/", form).status_code == 302
        assert self.log_in("Größere Übung 4712") == 200

    @pytest.mark.parametrize("other", ["übergrößen-prüfung 4711", "Ubergroßen-Prufung 4711", f"{COMPOSED} ", ""])
    def test_is_another_one_in_other_letters(self, weber, other):
        assert self.log_in(other) in (400, 401)

    @pytest.mark.parametrize("typed", TYPED.values(), ids=TYPED)
    def test_that_was_hashed_as_typed_still_opens_and_then_in_every_form(self, weber, typed):
        User.objects.filter(pk=weber.pk).update(password=hash_of_earlier_version(typed))

        assert self.log_in(typed) == 200
        assert self.log_in(COMPOSED) == 200
        assert self.log_in(typed) == 200

    @pytest.mark.parametrize("salt", ["", "a-salt-that-is-too-short"])
    def test_that_somebody_set_meanwhile_is_not_undone_by_the_old_one(self, weber, salt):
        User.objects.filter(pk=weber.pk).update(password=hash_of_earlier_version(TYPED["decomposed"], salt))
        stale = User.objects.get(pk=weber.pk)
        set_password(user_id=weber.pk, password="another-horse-4711", actor=None)

        stale.check_password(TYPED["decomposed"])

        assert User.objects.get(pk=weber.pk).check_password("another-horse-4711")

    @pytest.mark.parametrize("typed", [COMPOSED, *TYPED.values()])
    def test_that_is_wrong_costs_the_same_whoever_is_asked_about(self, weber, typed):
        create_user(username="provided", password=None, role=Role.QUALITY, actor=None)
        gone = create_user(username="gone", password=COMPOSED, role=Role.QUALITY, actor=None)
        change_user(user_id=gone.pk, actor=None, changes={"is_active": False})
        set_password(user_id=weber.pk, password="another-horse-4711", actor=None)

        costs = {}
        for name in ("weber", "provided", "gone", "nobody"):
            before = hashes()
            assert self.log_in(f"x{typed}", name) == 401
            costs[name] = hashes() - before

        assert set(costs.values()) == {len(forms_of(typed))}

    def test_is_measured_as_it_is_hashed(self, weber):
        longest = "ö" * MAX_PASSWORD_LENGTH
        set_password(user_id=weber.pk, password=unicodedata.normalize("NFD", longest), actor=None)

        assert self.log_in(unicodedata.normalize("NFD", longest)) == 200
        with pytest.raises(ValidationError, match="too short"):
            validate_password(unicodedata.normalize("NFD", "öäüßöäü"))
