"""The commands that make users and set passwords: each leaves an audit entry, or one line that says why not."""

from __future__ import annotations

import io
import os
import subprocess
import sys

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command, get_commands

from audit.models import AuditEntry
from qhse.accounts.models import User

SECRET = "a-long-enough-secret-4711"


def run(name: str, *arguments: str) -> tuple[int, str]:
    """Run a command and return its exit code and what it printed."""
    out = io.StringIO()
    try:
        call_command(name, *arguments, stdout=out)
    except CommandError as error:
        return error.returncode, f"{out.getvalue()}{error}"
    return 0, out.getvalue()


@pytest.fixture
def terminal(monkeypatch):
    """A person at a terminal, who answers the questions in this order; "^C" breaks off."""

    def sit_down(*answers: str) -> None:
        left = iter(answers)

        def ask(question: str) -> str:
            answer = next(left)
            if answer == "^C":
                raise KeyboardInterrupt
            return answer

        monkeypatch.setattr("sys.stdin", type("Terminal", (), {"isatty": lambda self: True})())
        monkeypatch.setattr("builtins.input", ask)
        monkeypatch.setattr("getpass.getpass", ask)

    return sit_down


@pytest.mark.parametrize("name", ["createsuperuser", "changepassword"])
def test_ours_win_over_djangos(name):
    assert get_commands()[name] == "qhse.accounts"


class TestCreateSuperuser:
    def test_leaves_an_entry(self, db, monkeypatch):
        monkeypatch.setenv("DJANGO_SUPERUSER_PASSWORD", "a-long-enough-secret-4711")

        call_command("createsuperuser", "--no-input", "--username", "root", "--email", "root@EXAMPLE.com", verbosity=0)

        user = User.objects.get()
        assert (user.role, user.is_staff, user.email) == ("admin", True, "root@example.com")
        assert user.check_password("a-long-enough-secret-4711")
        assert (entry := AuditEntry.objects.get()).action == "USER_CREATED"
        assert (entry.entity_id, entry.actor) == (str(user.pk), "system")

    def test_takes_all_from_the_environment(self, db, monkeypatch):
        for name, value in {"USERNAME": "root", "EMAIL": "root@example.com", "PASSWORD": SECRET}.items():
            monkeypatch.setenv(f"DJANGO_SUPERUSER_{name}", value)

        assert run("createsuperuser", "--noinput") == (0, "'root' is created, with the role admin\n")

        assert User.objects.get(username="root", email="root@example.com").check_password(SECRET)

    def test_without_a_password_leaves_an_account_that_nobody_can_log_in_with(self, db, monkeypatch):
        monkeypatch.setenv("DJANGO_SUPERUSER_PASSWORD", "")

        assert run("createsuperuser", "--noinput", "--username", "root")[0] == 0

        assert not User.objects.get().has_usable_password()

    def test_asks_for_what_is_not_given(self, db, terminal, capsys):
        terminal("root", "", "short", "short", SECRET, SECRET)

        assert run("createsuperuser") == (0, "'root' is created, with the role admin\n")

        assert "too short" in capsys.readouterr().err
        assert User.objects.get(username="root", email="", role="admin").check_password(SECRET)

    def test_compares_the_password_with_the_name(self, db, terminal, capsys):
        terminal("", *["hansaforge-gmbh"] * 6)

        assert run("createsuperuser", "--username", "hansaforge-gmbh") == (1, "nothing was changed")

        assert "too similar to the username" in capsys.readouterr().err

    @pytest.mark.parametrize("answers", [("^C",), ("root", "^C"), ("root", "", "^C"), ("root", "", SECRET, "^C")])
    def test_that_is_broken_off_changes_nothing(self, db, terminal, answers):
        terminal(*answers)

        assert run("createsuperuser") == (1, "nothing was changed")
        assert not User.objects.exists()

    @pytest.mark.parametrize(
        ("arguments", "code", "text"),
        [
            (("--noinput",), 2, "no name was given: use --username"),
            ((), 2, "there is no terminal to ask at: use --noinput"),
            (("--noinput", "--username", "quality"), 1, "There is already a user named 'quality'."),
            (("--noinput", "--username", "a~b"), 1, "--username: A user name has letters, digits and"),
            (("--noinput", "--username", "x" * 151), 1, "--username: The user name has 151 characters; at most 150"),
            (("--noinput", "--username", "root", "--email", "root"), 1, "--email: Enter a valid email address."),
            (
                ("--noinput", "--username", "root", "--email", "root@ex\u202eample.com"),
                1,
                "--email: The email address contains the invisible character U+202E.",
            ),
        ],
    )
    def test_refuses_in_one_line(self, users, monkeypatch, arguments, code, text):
        for name in ("USERNAME", "EMAIL", "PASSWORD"):
            monkeypatch.delenv(f"DJANGO_SUPERUSER_{name}", raising=False)
        monkeypatch.setattr("sys.stdin", io.StringIO())

        exit_code, output = run("createsuperuser", *arguments)

        assert (exit_code, output.partition(text)[:2]) == (code, ("", text))
        assert "\n" not in output
        assert User.objects.count() == len(users)

    def test_refuses_a_password_that_no_login_would_look_at(self, db, monkeypatch):
        monkeypatch.setenv("DJANGO_SUPERUSER_PASSWORD", "x" * 129)

        assert run("createsuperuser", "--noinput", "--username", "root")[0] == 1
        assert not User.objects.exists()

    def test_does_not_know_an_option_that_djangos_has_and_this_one_does_not(self):
        done = subprocess.run(
            [sys.executable, "manage.py", "createsuperuser", "--database", "other"],
            cwd=settings.BASE_DIR,
            env=os.environ | {"DATABASE_URL": "sqlite:///:memory:"},
            capture_output=True,
            text=True,
        )

        assert done.returncode == 2
        assert "unrecognized arguments" in done.stderr and "Traceback" not in done.stderr


class TestChangePassword:
    def test_ends_tokens_and_leaves_an_entry(self, users, monkeypatch):
        answers = iter(["short", "short", "one-thing-4711x", "another-4711xx", *["a-long-enough-secret-4711"] * 2])
        monkeypatch.setattr("getpass.getpass", lambda prompt: next(answers))

        assert run("changepassword", "quality") == (0, "the password of 'quality' is set\n")

        assert User.objects.get(username="quality").check_password("a-long-enough-secret-4711")
        assert AuditEntry.objects.filter(action="USER_PASSWORD_SET", entity_id=users["quality"].pk).count() == 1

    def test_gives_up(self, users, monkeypatch):
        monkeypatch.setattr("getpass.getpass", lambda prompt: "short")

        assert run("changepassword", "quality") == (1, "nothing was changed")
        assert run("changepassword", "nobody") == (1, "there is no user 'nobody'")

    def test_that_is_broken_off_changes_nothing(self, users, terminal):
        terminal("^C")

        assert run("changepassword", "quality") == (1, "nothing was changed")
        assert User.objects.get(username="quality").check_password("correct-horse-quality")
