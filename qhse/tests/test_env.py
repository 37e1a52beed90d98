"""Environment variables: every bad one is reported by its name, all at once."""

from __future__ import annotations

from ipaddress import ip_network
from pathlib import Path
from urllib.parse import urlencode

import pytest
from django.core.exceptions import ImproperlyConfigured

from qhse.database_url import parse_database_url
from qhse.env import Env


def test_all_problems_are_reported_together_and_by_name():
    env = Env({"WINDOW": "soon", "LEVEL": "loud", "OUTBOX_SPEED": "9"})
    env.number("WINDOW", 900, minimum=1, maximum=86_400)
    env.choice("LEVEL", ("INFO", "ERROR"), "INFO")
    env.required("SECRET", default_outside_production="dev-only", production=True)
    env.refuse_unknown("OUTBOX_")

    with pytest.raises(ImproperlyConfigured) as refusal:
        env.finish()

    reported = str(refusal.value).removeprefix("bad environment: ").split("; ")
    assert [problem.partition(":")[0] for problem in reported[:3]] == ["WINDOW", "LEVEL", "SECRET"]
    assert "OUTBOX_SPEED: is not a setting" in str(refusal.value)


def test_without_problems_nothing_is_raised():
    env = Env({})
    env.text("NAME")

    env.finish()


@pytest.mark.parametrize(
    ("read", "value"),
    [
        (lambda env: env.text("X"), "12"),
        (lambda env: env.integer("X", 1, minimum=1, maximum=100), 12),
        (lambda env: env.number("X", 1, minimum=1, maximum=100), 12.0),
        (lambda env: env.words("X"), ["12"]),
        (lambda env: env.required("X", default_outside_production="y", production=True), "12"),
        (lambda env: env.text("Y", "default"), "default"),
        (lambda env: env.boolean("Y", True), True),
        (lambda env: env.pairs("Y"), {}),
        (lambda env: env.address("Y"), None),
        (lambda env: env.required("Y", default_outside_production="y", production=False), "y"),
    ],
)
def test_a_value_is_read_and_an_empty_one_is_the_default(read, value):
    env = Env({"X": " 12 ", "Y": " "})

    assert read(env) == value
    env.finish()


@pytest.mark.parametrize(
    ("raw", "read", "value"),
    [
        ("true", lambda env: env.boolean("X", False), True),
        ("a, b,,c ", lambda env: env.words("X"), ["a", "b", "c"]),
        ("a, b,c", lambda env: env.words("X", with_commas=True), ["a", "b", "c", "a, b", "a, b,c", "b,c"]),
        ("127.0.0.1:9100", lambda env: env.address("X"), ("127.0.0.1", 9100)),
        ("[::1]:9100", lambda env: env.address("X"), ("::1", 9100)),
        ("qhse-admins=admin, a=b=quality", lambda env: env.pairs("X"), {"qhse-admins": "admin", "a=b": "quality"}),
        ("10.0.0.0/8,192.0.2.1", lambda env: env.networks("X"), [ip_network("10.0.0.0/8"), ip_network("192.0.2.1")]),
    ],
)
def test_each_kind_is_read(raw, read, value):
    env = Env({"X": raw})

    assert read(env) == value
    env.finish()


@pytest.mark.parametrize(
    ("raw", "read"),
    [
        ("yes", lambda env: env.boolean("X", False)),
        ("1.5", lambda env: env.integer("X", 1, minimum=1, maximum=100)),
        ("0", lambda env: env.number("X", 1, minimum=1, maximum=100)),
        ("nan", lambda env: env.number("X", 1, minimum=1, maximum=100)),
        ("inf", lambda env: env.number("X", 1, minimum=1, maximum=100)),
        ("localhost", lambda env: env.address("X")),
        ("localhost:0", lambda env: env.address("X")),
        ("localhost:65536", lambda env: env.address("X")),
        ("admin", lambda env: env.pairs("X")),
        ("=admin", lambda env: env.pairs("X")),
        ("10.0.0.1/8", lambda env: env.networks("X")),
        ("mysql://x/y", lambda env: env.database("X", "sqlite:///:memory:")),
    ],
)
def test_each_bad_value_is_a_problem(raw, read):
    env = Env({"X": raw})
    read(env)

    with pytest.raises(ImproperlyConfigured, match="X: "):
        env.finish()


class TestDatabaseUrl:
    @pytest.mark.parametrize(
        ("url", "name"),
        [
            ("sqlite:///var/a.db", Path("var/a.db")),
            ("sqlite:////var/a.db", Path("/var/a.db")),
            ("sqlite:///:memory:", ":memory:"),
        ],
    )
    def test_of_sqlite_names_a_file(self, url, name):
        assert parse_database_url(url)["NAME"] == name

    def test_of_postgres_has_every_part(self):
        entry = parse_database_url("postgres://qhse:p%40ss@db.example.com:5433/plant?sslmode=require")

        assert (entry["HOST"], entry["PORT"], entry["NAME"]) == ("db.example.com", "5433", "plant")
        assert (entry["USER"], entry["PASSWORD"]) == ("qhse", "p@ss")
        assert entry["OPTIONS"] == {"sslmode": "require"}

    def test_may_name_a_directory_of_sockets(self):
        entry = parse_database_url("postgresql:///plant?host=/run/postgresql")

        assert (entry["HOST"], entry["OPTIONS"]) == ("/run/postgresql", {})

    def test_may_name_several_hosts_as_libpq_reads_them(self):
        entry = parse_database_url("postgres://u@h1:5599,h2:5590/db?target_session_attrs=read-write")

        assert (entry["HOST"], entry["PORT"], entry["NAME"]) == ("h1,h2", "5599,5590", "db")
        assert entry["OPTIONS"] == {"target_session_attrs": "read-write"}

    @pytest.mark.parametrize(
        ("hosts", "host", "port"),
        [
            ("h1,h2:5590", "h1,h2", ",5590"),
            ("[::1]:5599,[2001:db8::7]:5590", "::1,2001:db8::7", "5599,5590"),
            ("[::1]", "::1", ""),
        ],
    )
    def test_reads_hosts_in_any_form(self, hosts, host, port):
        entry = parse_database_url(f"postgresql://u@{hosts}/db")

        assert (entry["HOST"], entry["PORT"]) == (host, port)

    @pytest.mark.parametrize(
        ("options", "session"),
        [
            ("-c lock_timeout=5s", {"lock_timeout": "5s"}),
            ("-clock_timeout=5s --Work-Mem=7MB", {"lock_timeout": "5s", "work_mem": "7MB"}),
            (r"-c search_path=qhse,\ public -c a.b=c=d", {"search_path": "qhse, public", "a.b": "c=d"}),
            ("", {}),
        ],
    )
    def test_gives_settings_that_are_made_after_connecting(self, options, session):
        entry = parse_database_url(f"postgres://u@h/db?{urlencode({'options': options})}")

        assert (entry["SESSION"], entry["OPTIONS"]) == (session, {})

    @pytest.mark.parametrize(
        "options",
        ["-c", "-c lock_timeout", "lock_timeout=5s", "-d 5", "--=5", "-c a;b=c", "-c TimeZone=Asia/Tokyo",
         "--client-encoding=LATIN1"],
    )  # fmt: skip
    def test_with_other_options_says_what_to_change(self, options):
        with pytest.raises(ValueError, match="options must"):
            parse_database_url(f"postgres://u@h/db?{urlencode({'options': options})}")

    @pytest.mark.parametrize("login", ["u:se/cret", "u:se%zzcret", "u:se?cret", "u:se:cret@h:1x"])
    def test_that_cannot_be_read_is_not_quoted_because_of_its_password(self, login):
        with pytest.raises(ValueError, match="percent-encoded") as refusal:
            parse_database_url(f"postgres://{login}@h/db")

        assert "cret" not in str(refusal.value)

    @pytest.mark.parametrize(
        "url",
        [
            "",
            "sqlite://",
            "postgres://host",
            "postgres://u@h:65536/d",
            "postgres://u@h:x/d",
            "mysql://host/name",
            "plant",
        ],
    )
    def test_that_is_none_says_what_to_change(self, url):
        with pytest.raises(ValueError, match=r"must|needs"):
            parse_database_url(url)
