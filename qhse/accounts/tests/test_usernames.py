"""One notion of a person's name: which texts are names, which are the same, and that every entry agrees."""

from __future__ import annotations

import unicodedata

import pytest
from django.core.management import CommandError, call_command
from django.db import IntegrityError, transaction
from django.test import Client
from hypothesis import given
from hypothesis import strategies as st

from audit.models import AuditEntry
from audit.services import SYSTEM_NAME
from qhse.accounts.errors import UsernameIsInvalid, UsernameIsTaken
from qhse.accounts.models import LoginCounter, User
from qhse.accounts.roles import Role
from qhse.accounts.services.login import _Stranger
from qhse.accounts.services.users import change_user, create_user, pseudonymise_user
from qhse.accounts.usernames import (
    MAX_KEY_LENGTH,
    MAX_LENGTH,
    RESERVED,
    Named,
    UsernameRefused,
    describe,
    normalise_username,
    replacement,
    resembling,
    troubles,
    username_key,
)

PASSWORD = "correct-horse-4711"
SAME = [
    ("jörg", unicodedata.normalize("NFD", "jörg")),
    ("anna", "Anna"),
    ("anna", "  ANNA "),
    ("anna", "ａｎｎａ"),
    ("strauß", "STRAUSS"),
    ("ilker", "İLKER"),
    ("ılgın", "ILGIN"),
    ("ilgin", "ILGIN"),
    ("οδυσσεύς", "ΟΔΥΣΣΕΎΣ"),
    ("łukasz", "ŁUKASZ"),
    ("иван", "ИВАН"),
    ("řehoř", "ŘEHOŘ"),
    ("åse.ødegård", "ÅSE.ØDEGÅRD"),
    ("françois", "FRANÇOIS"),
]
TYPED_AND_STORED = [
    ("So\u0308ren", "Sören"),
    ("अमित", "अमित"),
    ("  Anna  Maria ", "Anna Maria"),
    ("ไทยดี", "ไทยดี"),
    ("ｌｅｅ", "lee"),
    ("o\u0308" * MAX_LENGTH, "ö" * MAX_LENGTH),
]
NOT_NAMES = [
    "", "   ", "a:b", "a\tb", "a\nb", "a\u200bb", "\u202eanna", "a\x00b", "\u3164", "a\u115fb", "a/b", "a~b",
    "a\ufe0fb", "\u0301a", "x" * (MAX_LENGTH + 1), "\ufdfa" * 20,
]  # fmt: skip
OTHERS = [
    "system",
    "System",
    "SYSTEM",
    "ｓｙｓｔｅｍ",
    "sYſtem",
    "anonymous",
    "Anonymous",
    "person-7",
    "PERSON-12",
    "person-７",
]


def make(username: str, **given) -> User:
    return create_user(**{"username": username, "password": PASSWORD, "role": Role.QUALITY, "actor": None} | given)


class TestTheRules:
    @pytest.mark.parametrize(("one", "other"), SAME)
    def test_two_spellings_of_one_name_have_one_key(self, one, other):
        assert username_key(one) == username_key(other)

    def test_other_letters_are_another_name(self):
        assert len({username_key(name) for name in ("jorg", "jörg", "jоrg", "joerg")}) == 4

    @pytest.mark.parametrize("text", NOT_NAMES)
    def test_what_cannot_be_a_name_is_refused(self, text):
        with pytest.raises(UsernameRefused):
            normalise_username(text)

    @pytest.mark.parametrize("text", OTHERS)
    def test_nobody_is_called_as_the_trail_calls_others(self, text):
        with pytest.raises(UsernameRefused, match="means somebody else"):
            normalise_username(text)

    def test_the_trails_own_names_are_reserved(self):
        assert {SYSTEM_NAME, _Stranger().username} == RESERVED

    @given(st.text())
    def test_every_text_has_a_key_that_stays_and_what_is_accepted_stays(self, text):
        key = username_key(text)
        assert username_key(key) == key
        try:
            name = normalise_username(text)
        except UsernameRefused:
            return
        assert normalise_username(name) == name
        assert username_key(name) == username_key(text)
        assert len(username_key(name)) <= MAX_KEY_LENGTH

    @given(st.text(), st.integers(5, 120))
    def test_a_resembling_name_is_short_enough_and_a_name(self, claimed, longest):
        name, is_changed = resembling(claimed, longest=longest)

        assert len(name) <= longest
        if name and not is_changed:
            assert username_key(name) == username_key(claimed)
        if name:
            normalise_username(f"x{name}")


@pytest.mark.django_db
class TestEveryEntry:
    @pytest.mark.parametrize(("one", "other"), SAME)
    def test_a_name_in_another_form_is_taken(self, one, other):
        make(one)

        with pytest.raises(UsernameIsTaken, match=f"named '{one}'"):
            make(other)

    @pytest.mark.parametrize("name", [*NOT_NAMES[:-2], *OTHERS])
    def test_what_is_no_name_is_refused_by_the_service_and_leaves_nothing(self, name):
        with pytest.raises(UsernameIsInvalid):
            make(name)

        assert not AuditEntry.objects.exists()

    def test_the_database_has_the_last_word(self, users):
        with pytest.raises(IntegrityError), transaction.atomic():
            User.objects.bulk_create([User(username="QUALITY", role="admin")])

    def test_a_key_cannot_be_forgotten_by_whoever_writes(self, users):
        user = users["quality"]
        user.username = "Qualität"
        user.save()

        assert User.objects.get(username_key="qualität") == user

    @pytest.mark.parametrize(("one", "other"), SAME)
    def test_people_log_in_by_any_form_of_their_name(self, anonymous, one, other):
        make(one, is_staff=True)

        assert anonymous.post("/auth/login", {"username": other, "password": PASSWORD}).status_code == 200
        page = Client().post("/admin/login/?next=/admin/", {"username": other, "password": PASSWORD})
        assert (page.status_code, page.get("Location")) == (302, "/admin/")

    def test_a_decomposed_name_as_long_as_a_name_can_be_logs_in(self, anonymous):
        make("ö" * MAX_LENGTH)

        body = {"username": "o\u0308" * MAX_LENGTH, "password": PASSWORD}
        assert anonymous.post("/auth/login", body).status_code == 200

    def test_all_forms_of_a_name_are_counted_as_one(self, anonymous, settings):
        settings.LOGIN_FAILURES_PER_ACCOUNT = 3
        make("jörg")

        tries = [
            anonymous.post("/auth/login", {"username": name, "password": "wrong"}).status_code
            for name in ("jörg", "JÖRG", "jo\u0308rg", "ｊörg")
        ]

        assert tries == [401, 401, 401, 429]
        assert LoginCounter.objects.filter(bucket__startswith="account:").count() == 1

    def test_commands_find_people_by_any_form(self, monkeypatch):
        user = make("jörg")
        answers = iter(["a-long-enough-secret-4711"] * 2)
        monkeypatch.setattr("getpass.getpass", lambda question: next(answers))

        call_command("changepassword", "JO\u0308RG", verbosity=0)
        change_user(user_id=user.pk, actor=None, changes={"is_active": False})
        pseudonym, _ = pseudonymise_user(username="Jo\u0308rg", actor=None, reason="has asked for it")

        assert User.objects.get(username_key=pseudonym) == user

    @pytest.mark.parametrize(("typed", "stored"), TYPED_AND_STORED, ids=ascii)
    def test_a_name_that_the_rules_allow_can_be_given_in_a_form_and_by_a_command(self, users, typed, stored):
        client = Client()
        client.force_login(users["admin"])

        page = client.post(
            "/admin/accounts/user/add/", {"username": typed, "role": "quality", "email": "", "password": PASSWORD}
        )
        assert page.status_code == 302
        assert User.objects.filter(username=stored).update(username="earlier", username_key="earlier") == 1
        call_command("createsuperuser", "--noinput", "--username", typed, verbosity=0)

        assert User.objects.filter(username=stored, role="admin").exists()

    @pytest.mark.parametrize("name", ["a:b", "a\u200bb", "a~b", "system", "x" * (MAX_LENGTH + 1)], ids=ascii)
    def test_each_entry_refuses_in_the_words_of_the_rules(self, users, name):
        client = Client()
        client.force_login(users["admin"])

        page = client.post("/admin/accounts/user/add/", {"username": name, "role": "quality", "password": PASSWORD})
        with pytest.raises(CommandError) as by_command:
            call_command("createsuperuser", "--noinput", "--username", name)
        with pytest.raises(UsernameRefused) as by_rule:
            normalise_username(name)

        assert page.context["adminform"].form.errors == {"username": [str(by_rule.value)]}
        assert str(by_command.value) == f"--username: {by_rule.value}"

    def test_a_password_is_compared_with_the_name_as_it_is_stored(self, users):
        client = Client()
        client.force_login(users["admin"])
        form = {"username": "bjo\u0308rn.so\u0308rensen", "role": "quality", "password": "bj\u00f6rn.s\u00f6rensen"}

        page = client.post("/admin/accounts/user/add/", form)

        assert "too similar to the username" in page.content.decode()

    @pytest.mark.parametrize("name", ["System", "Anna", "a:b", "person-7"])
    def test_createsuperuser_refuses_in_one_line(self, name):
        make("anna")

        with pytest.raises(CommandError):
            call_command("createsuperuser", "--noinput", "--username", name)
        assert User.objects.count() == 1

    @pytest.mark.parametrize(
        ("name", "says"),
        [
            ("Anna", "already a user named"),
            ("anna", "already a user named"),
            ("system", "means somebody else"),
            ("person-7", "means somebody else"),
        ],
    )
    def test_the_admins_form_says_what_is_wrong(self, users, name, says):
        make("anna")
        client = Client()
        client.force_login(users["admin"])

        page = client.post(
            "/admin/accounts/user/add/", {"username": name, "role": "quality", "email": "", "password": PASSWORD}
        )

        assert page.status_code == 200
        assert says in page.content.decode()


class TestThoseWhoAreThereAlready:
    def test_the_name_stays_with_who_logs_in_by_it(self):
        local, external, gone = (
            Named(3, "anna", True, None),
            Named(1, "Anna", True, "f" * 64),
            Named(2, "ANNA", False, None),
        )

        found = troubles([external, gone, local])

        assert [(trouble.user.pk, trouble.has_to_decide) for trouble in found] == [(1, False), (2, False)]
        assert replacement(external) == "Anna~ffffffffffff"
        assert replacement(gone) == "ANNA~2"

    def test_two_who_log_in_have_to_decide(self):
        (trouble,) = troubles([Named(1, "anna", True, None), Named(2, "Anna", True, None)])

        assert trouble.has_to_decide
        assert "'Anna' (user 2, active) has the same name as 'anna' and has to be decided" in describe(trouble)

    def test_nobody_keeps_the_systems_name(self):
        found = troubles(
            [Named(1, "system", True, None), Named(2, "person-2", False, None), Named(3, "Person-2", False, None)]
        )

        assert [(trouble.user.pk, trouble.has_to_decide) for trouble in found] == [(1, True), (3, False)]


@pytest.mark.django_db
class TestLists:
    NAMES = ("Zoe", "Ätna", "anna", "Øresund", "Olaf", "Bert")
    ORDERED = ("anna", "Ätna", "Bert", "Olaf", "Øresund", "Zoe")

    def test_are_ordered_as_in_a_dictionary(self, users):
        for name in self.NAMES:
            make(name)
        client = Client()
        client.force_login(users["admin"])

        page = client.get("/admin/accounts/user/")

        listed = [user.username for user in page.context["cl"].result_list]
        assert [name for name in listed if name in self.NAMES] == list(self.ORDERED)
        assert [name for name in User.objects.values_list("username", flat=True) if name in self.NAMES] == [
            *self.ORDERED
        ]

    def test_follow_a_name_that_was_replaced(self, users):
        change_user(user_id=users["quality"].pk, actor=None, changes={"is_active": False})
        pseudonym, _ = pseudonymise_user(username="quality", actor=None, reason="Left")

        assert User.objects.get(username=pseudonym).name_order == pseudonym
