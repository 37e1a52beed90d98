"""Writes to users: what ends logins, what is refused, what the trail keeps."""

from __future__ import annotations

import pytest
from django.test import Client

from audit.models import AuditEntry
from qhse.accounts.errors import PasswordIsTooLong
from qhse.accounts.models import User
from qhse.accounts.roles import Role
from qhse.accounts.services.users import change_user, create_user, pseudonymise_user, set_password
from qhse.accounts.tests.test_api import log_in
from qhse.errors import InvalidInput, RecordHasChanged

pytestmark = pytest.mark.django_db


class TestADeactivation:
    def deactivate_and_back(self, users, name="quality"):
        for active in (False, True):
            change_user(user_id=users[name].pk, actor=users["admin"], changes={"is_active": active})

    def test_ends_every_login_for_good(self, users, anonymous):
        tokens = [log_in(anonymous).json()["access_token"] for _ in range(2)]

        self.deactivate_and_back(users)

        for token in tokens:
            assert anonymous.get("/auth/me", HTTP_AUTHORIZATION=f"Bearer {token}").status_code == 401
        assert log_in(anonymous).status_code == 200

    def test_ends_the_users_admin_sessions_and_nobody_elses(self, users):
        quality, auditor = Client(), Client()
        quality.force_login(users["quality"])
        auditor.force_login(users["auditor"])

        self.deactivate_and_back(users)

        assert (quality.get("/admin/").status_code, auditor.get("/admin/").status_code) == (302, 200)


class TestAnOverlongPassword:
    @pytest.mark.parametrize("write", ["create", "set"])
    def test_is_refused_by_the_services_because_no_login_would_look_at_it(self, users, write):
        with pytest.raises(PasswordIsTooLong):
            if write == "create":
                create_user(username="long", password="x" * 129, role=Role.QUALITY, actor=None)
            else:
                set_password(user_id=users["quality"].pk, password="x" * 129, actor=None)

    def test_of_exactly_the_limit_logs_in(self, users, anonymous):
        set_password(user_id=users["quality"].pk, password="x" * 128, actor=None)

        assert log_in(anonymous, password="x" * 128).status_code == 200


class TestANewPassword:
    def test_ends_every_login_of_that_user_and_of_nobody_else(self, users, anonymous):
        pairs = [log_in(anonymous).json() for _ in range(2)]
        other = log_in(anonymous, "auditor", "correct-horse-auditor").json()

        set_password(user_id=users["quality"].pk, password="a-better-horse-for-quality", actor=users["admin"])

        for pair in pairs:
            bearer = {"HTTP_AUTHORIZATION": f"Bearer {pair['access_token']}"}
            assert anonymous.get("/auth/me", **bearer).status_code == 401
            assert anonymous.post("/auth/refresh", {"refresh_token": pair["refresh_token"]}).status_code == 401
        assert anonymous.post("/auth/refresh", {"refresh_token": other["refresh_token"]}).status_code == 200


class TestTheVersion:
    def test_counts_each_change_that_the_trail_has_and_no_login(self, users, anonymous):
        person, admin = users["quality"], users["admin"]
        versions = [person.version]

        def note():
            person.refresh_from_db()
            versions.append(person.version)

        change_user(user_id=person.pk, actor=admin, changes={"email": "q@example.com", "role": "auditor"})
        note()
        change_user(user_id=person.pk, actor=admin, changes={"email": "q@example.com"})
        note()
        log_in(anonymous)
        Client().post("/admin/login/", {"username": "quality", "password": "correct-horse-quality"})
        note()
        set_password(user_id=person.pk, password="a-better-horse-for-quality", actor=admin)
        note()
        change_user(user_id=person.pk, actor=admin, changes={"is_active": False})
        note()
        pseudonymise_user(username="quality", actor=admin, reason="Left")
        note()

        assert versions == [1, 2, 2, 2, 3, 4, 5]

    def test_that_is_not_the_expected_one_is_refused_and_changes_nothing(self, users):
        person, admin = users["quality"], users["admin"]
        change_user(user_id=person.pk, actor=admin, changes={"is_active": False}, expected_versions={1})

        with pytest.raises(RecordHasChanged):
            change_user(user_id=person.pk, actor=admin, changes={"is_active": True}, expected_versions={1})

        person.refresh_from_db()
        assert (person.is_active, person.version) == (False, 2)


class TestThePersonsLines:
    HIDDEN = ("An\u200bna", "\u202eannA", "An\x85na", "An\u2028na", "An\nna", "An\x00na")

    @pytest.mark.parametrize("field", ["email", "first_name", "last_name"])
    @pytest.mark.parametrize("text", HIDDEN, ids=ascii)
    def test_with_something_unseen_are_refused_by_the_services_and_leave_nothing(self, users, field, text):
        value = f"q@{text}.example" if field == "email" else text
        before = AuditEntry.objects.count()

        with pytest.raises(InvalidInput, match="contains the invisible character") as refusal:
            change_user(user_id=users["quality"].pk, actor=users["admin"], changes={field: value})
        assert refusal.value.field == field
        with pytest.raises(InvalidInput, match="contains the invisible character"):
            create_user(username="anna", password=None, role=Role.QUALITY, actor=None, **{field: value})

        assert AuditEntry.objects.count() == before
        assert not User.objects.filter(username="anna").exists()

    @pytest.mark.parametrize(
        "changes", [{"email": "no address"}, {"email": f"{'x' * 250}@example.com"}, {"last_name": "x" * 151}]
    )
    def test_that_the_column_does_not_take_are_refused(self, users, changes):
        with pytest.raises(InvalidInput):
            change_user(user_id=users["quality"].pk, actor=users["admin"], changes=changes)

    def test_are_stored_and_audited_in_one_form(self, users):
        user = change_user(
            user_id=users["quality"].pk, actor=users["admin"], changes={"first_name": " Zoe\u0308  Ann\r\n"}
        )

        assert user.first_name == "Zoë Ann"
        assert AuditEntry.objects.latest("id").changes == {"first_name": ["", "Zoë Ann"]}

    @pytest.mark.parametrize(("field", "value"), [("email", "q@\u200bexample.com"), ("last_name", "Web\x85er")])
    def test_are_refused_beside_the_field_of_a_form(self, users, field, value):
        client = Client()
        client.force_login(users["admin"])
        form = {"role": "quality", "is_active": "on", "is_staff": "on", "email": "", "first_name": "", "last_name": ""}

        page = client.post(f"/admin/accounts/user/{users['quality'].pk}/change/", form | {field: value})

        assert list(page.context["adminform"].form.errors) == [field]
        assert User.objects.get(username="quality").version == 1
