"""The form of every setting is checked at the start. What would fail at its first use is refused with a sentence."""

from __future__ import annotations

import os
import runpy
from functools import cache
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured
from prometheus_client import values

from dev.processes import ROOT

GOOD = {
    "QHSE_ENV": "production", "SECRET_KEY": "s" * 60, "JWT_SIGNING_KEY": "j" * 60,
    "ALLOWED_HOSTS": "qhse.example.com", "DATABASE_URL": "postgres://qhse:secret-of-4711@db.example.com/qhse",
    "PATH": os.environ.get("PATH", ""),
}  # fmt: skip

NUMBERS = ("ten", "10s", "1,5", "-1", "9" * 400, "1e3", "nan", "inf", "0x10", "１０", "1_0", "")
WHOLE = (*NUMBERS[:-1], "1.5")
URLS = ("login.example.com", "ftp://login.example.com", "https://", "https://login.example.com:99999", "https://a b/c",
        "https://[::1", "https://login.example.com/#keys")  # fmt: skip
POSTGRES = (
    "plant", "mysql://h/n", "postgresql+psycopg://u:secret@h/n", "postgres://u:secret@h", "postgres://u:secret@h:x/n",
    "postgres://u:secret@h:0/n", "postgres://u:sec/ret@h/n", "postgres://u:se?secret@h/n", "postgres://u:secret@h/n?sslmod=require",
    "postgres://u:secret@h/n?sslmode=on", "postgres://u:secret@h/n?connect_timeout=5s",
    "postgres://u:secret@h/n?target_session_attrs=writable", "postgres://u:secret@h/n?sslrootcert=/nowhere/root.pem",
    "postgres://u:secret@h1,h2/n?port=1,2,3", "postgres://u:secret@h/n?options=-d", "sqlite://", "sqlite://var/a.db",
    "sqlite:///var/a.db?timeout=5", "sqlite:////", "sqlite:////dev/null/a.db",
)  # fmt: skip

# Of each setting what must not start. What no value may hold is tried with all of them below.
BAD: dict[str, tuple[str, ...]] = {
    "QHSE_ENV": ("prod", "Production", "dev,test"),
    "SECRET_KEY": ("",),
    "JWT_SIGNING_KEY": ("", "ssh-ed25519 AAAA", "ecdsa-sha2-nistp256 AAAA"),
    "ALLOWED_HOSTS": (
        "https://qhse.example.com", "qhse.example.com:8443", "qhse.example.com/", "a.example.com b.example.com", "::1",
        "[::1", "*.example.com", "qhse_api", "qhse.example.com.", "müller.example", ",", "300.0.0.1",
    ),
    "CSRF_TRUSTED_ORIGINS": (
        "qhse.example.com", "https://qhse.example.com/", "https://qhse.example.com/admin", "ftp://qhse.example.com",
        "https://qhse.example.com:443", "http://qhse.example.com:80", "https://", "https://a https://b", "*",
        "https://qhse.example.com:99999", ",",
    ),
    "TRUSTED_PROXIES": (
        "10.0.0.300", "10.0.0.1/8", "nginx", "*", "10.0.0.1:80", "10.0.0.1 10.0.0.2", "10.0.0.0/33", ",",
    ),
    "WEBHOOK_ALLOWED_NETWORKS": ("10.0.0.300", "10.0.0.1/8", "inner", "*", "10.0.0.1:80", "10.0.0.0/33", ","),
    "DATABASE_URL": POSTGRES,
    "TEST_DATABASE_URL": POSTGRES,
    "REPLICA_DATABASE_URL": (*POSTGRES, "sqlite:///var/copy.sqlite3"),
    "REPLICA_MAX_LAG": (*NUMBERS[:-1], "0.4", "3601", "5s"),
    "OIDC_ISSUER": URLS,
    "OIDC_JWKS_URL": URLS,
    "OIDC_ROLES": ("admin", "=admin", "a=", "a=quality,a=admin", ","),
    "OIDC_ROLE_CLAIM": (".", "realm_access.", ".roles", "realm..roles", "the roles"),
    "OIDC_USERNAME_CLAIM": ("preferred username",),
    "OIDC_ALGORITHMS": ("HS256", "RS256;ES256", "rs256", "none", ","),
    "LOGIN_FAILURES_PER_ACCOUNT": (*WHOLE, "0", "1001"),
    "LOGIN_FAILURES_PER_ADDRESS": (*WHOLE, "0", "10001"),
    "LOGIN_WINDOW": (*NUMBERS[:-1], "0", "86401", "15m"),
    "TOKEN_LEEWAY": (*NUMBERS[:-1], "301", "30s"),
    "DEBUG": ("True", "1", "yes", "*"),
    "OUTBOX_POLL_INTERVAL": (*NUMBERS[:-1], "0", "3601", "500ms"),
    "EXPORTS_AT_ONCE": (*WHOLE, "0", "1001"),
    "OUTBOX_BATCH_SIZE": (*WHOLE, "0", "10001"),
    "OUTBOX_MAX_ATTEMPTS": (*WHOLE, "0", "1001"),
    "OUTBOX_BACKOFF_BASE": (*NUMBERS[:-1], "3601"),
    "OUTBOX_BACKOFF_CAP": (*NUMBERS[:-1], "86401"),
    "OUTBOX_HANDLER_TIMEOUT": (*NUMBERS[:-1], "0", "601"),
    "BROKER_URL": (
        "broker.example.com", "http://broker.example.com", "amqp://", "amqp://host:0/", "amqp://h h/", "redis://h",
        "amqps://u@secret.example.com/", "amqps://u:secret@h/?ssl_options={'ca_certs':'/nope'}", "amqps://u:secret@h/?ssl_options={'password':secret}",
        "tls://u:secret@h/?cafile=/nowhere/secret.pem", "amqps://u:sec/ret@h/", "amqps://u:1?secret@h/", "nats://u:secret@h/vhost",
    ),
    "BROKER_SOURCE": ("two words", "x" * 101),
    "OUTBOX_METRICS_BIND": (
        "9100", ":9100", "127.0.0.1", "127.0.0.1:0", "127.0.0.1:65536", "http://127.0.0.1:9100", "*:9100", "::1:9100",
        "127.0.0.300:9100", "127.0.0.1:9100/metrics",
    ),
    "ATTACHMENTS_DIR": ("var", "var/static", "var/static/files", "/", "qhse/adminsite/root", "var/x/../static"),
    "IMPORT_MAX_BYTES": (*WHOLE, "1023", "104857601"),
    "IMPORT_MAX_ROWS": (*WHOLE, "0", "1000001"),
    "ATTACHMENT_MAX_BYTES": (*WHOLE, "1023", "1073741825", "10MiB"),
    "ATTACHMENT_MAX_PER_RECORD": (*WHOLE, "0", "10001"),
    "ATTACHMENTS_S3_BUCKET": ("Files", "qhse_files", "a", "s3://qhse-files", "-files", "x" * 64),
    "ATTACHMENTS_S3_ENDPOINT": URLS,
    "ATTACHMENTS_S3_REGION": ("eu central", "EU"),
    "NC_DUE_DAYS": ("30", "30,60", "30,60,90,120", "0,60,90", "30;60;90", "30,60,soon", "30,60,3651", "30,60,-1", ","),
    "NC_CONTAINMENT_HOURS": ("24", "24,72", "0,72,120", "24h,72h,120h", "24,72,8761", ","),
    "NC_REPEAT_DAYS": (*WHOLE, "0", "3651"),
    "NC_CLOSE_GATE": ("off", "Enforce", "true"),
    "RISK_PPM_TARGET": (*WHOLE, "0", "1000001"),
    "AUDIT_KEY_FALLBACKS": (",", " , "),
    "AUDIT_SEAL_INTERVAL": (*NUMBERS[:-1], "3601"),
    "OTEL_EXPORTER_OTLP_ENDPOINT": (*URLS, "http://user:secret@collector:4318", "http://collector:4318?key=secret"),
    "OTEL_EXPORTER_OTLP_HEADERS": ("Bearer secret", "=secret", "a=1,secret", "a b=secret", ","),
    "OTEL_TRACES_SAMPLER_ARG": (*NUMBERS[:-1], "1.01", "5%"),
    "LOG_LEVEL": ("info", "TRACE", "10"),
    "LOG_FORMAT": ("JSON", "plain"),
    "METRICS_TOKEN": ("two words of a token", "müller-und-söhne-4711"),
    "PROMETHEUS_MULTIPROC_DIR": ("/dev/null/metrics",),
    "PORT": (*WHOLE, "0", "65536", "tcp://10.0.0.1:8000"),
    "GUNICORN_WORKERS": (*WHOLE, "0", "1001"),
    "WEB_CONCURRENCY": (*WHOLE, "0", "1001"),
    "GUNICORN_THREADS": (*WHOLE, "0", "1001"),
    "GUNICORN_KEEPALIVE": (*WHOLE, "3601", "75s"),
    "GUNICORN_HEADER_BYTES": (*WHOLE, "1023", "32k", "1048577"),
    "GUNICORN_LOG_LEVEL": ("info", "NOTSET"),
}  # fmt: skip
WITHOUT_A_FORM = {
    "OIDC_AUDIENCE": "whatever the provider writes into `aud`",
}
OF_GUNICORN = {"GUNICORN_CMD_ARGS", "GUNICORN_PID", "GUNICORN_FD", "GUNICORN_DIRTY_SOCKET"}
SECRET = {"SECRET_KEY", "JWT_SIGNING_KEY", "DATABASE_URL", "TEST_DATABASE_URL", "REPLICA_DATABASE_URL",
          "AUDIT_KEY_FALLBACKS", "METRICS_TOKEN", "OIDC_ISSUER", "OIDC_JWKS_URL", "BROKER_URL",
          "OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_HEADERS"}  # fmt: skip

# Of each setting with a form what must go on starting.
FINE = {
    "ALLOWED_HOSTS": ("qhse.example.com,.example.org", "192.0.2.7, [2001:db8::7]", "QHSE.Example.com", "localhost"),
    "CSRF_TRUSTED_ORIGINS": ("https://qhse.example.com,https://qhse.example.com:8443", "https://*.example.com",
                             "http://127.0.0.1:8000", "https://[2001:db8::7]:8443"),
    "WEBHOOK_ALLOWED_NETWORKS": ("10.0.0.7,10.1.0.0/16", "fd00::/8"),
    "TRUSTED_PROXIES": ("10.0.0.7,10.1.0.0/16", "unix", "unix,2001:db8::/48", "::ffff:10.0.0.7", "fe80::1%eth0"),
    "DATABASE_URL": (
        "postgres://u@h1:5599,h2:5590/db?target_session_attrs=read-write", "postgres://u:p%40ss%2F@[2001:db8::7]:5599/db",
        "postgres://%2Frun%2Fpostgresql/db", "postgres:///db?host=/run/postgresql&port=5433", "postgresql://u@h/?dbname=db",
        "postgres://u@h/db?sslmode=verify-full&sslrootcert=system", "postgres://u@h/db?assume_role=qhse_app",
        "postgres://u@h1,h2/db?load_balance_hosts=random&connect_timeout=3",
    ),
    "REPLICA_DATABASE_URL": ("postgres://u@h1,h2/db?target_session_attrs=prefer-standby",),
    "REPLICA_MAX_LAG": ("0.5", "60"),
    "OIDC_ISSUER": ("https://login.example.com/realms/quality", "https://login.example.com:8443/", "http://adfs/adfs/services/trust"),
    "OIDC_ROLE_CLAIM": ("role", "realm_access.roles", "https://qhse.example.com/roles"),
    "OIDC_ROLES": ("a=quality, b=admin",),
    "OIDC_ALGORITHMS": ("ES256", "RS256, ES256"),
    "BROKER_URL": ("amqps://qhse:p%40ss@broker.example.com:5671/qhse", "amqp://guest:guest@[::1]/%2F", "nats://broker:4222"),
    "OUTBOX_METRICS_BIND": ("127.0.0.1:9100", "[::1]:9100", "0.0.0.0:9100", "Localhost:9100"),
    "ATTACHMENTS_DIR": ("/srv/qhse-files", "var/evidence", "../files"),
    "AUDIT_KEY_FALLBACKS": ("one,two",),
    "LOGIN_WINDOW": ("900", "1.5", "+3"),
    "METRICS_TOKEN": ("x" * 40,),
    "OTEL_EXPORTER_OTLP_ENDPOINT": ("http://127.0.0.1:4318", "https://traces.example.com/otlp/"),
    "OTEL_EXPORTER_OTLP_HEADERS": ("Authorization=Bearer%20a=b==", "x-team=qhse,x-key=a%2Cb"),
    "OTEL_TRACES_SAMPLER_ARG": ("0", "1", "0.001"),
    "GUNICORN_WORKERS": ("4", "4.0"),
    "GUNICORN_KEEPALIVE": ("0", "620"),
}  # fmt: skip


def read(monkeypatch: pytest.MonkeyPatch, **changes: str) -> dict[str, Any]:
    """Read all settings, those of the HTTP server too, from an environment with these changes."""
    monkeypatch.setattr(os, "environ", GOOD | changes)
    for name in ("ValueClass", "MmapedDict"):  # which a directory for counters replaces, for the whole process
        monkeypatch.setattr(values, name, getattr(values, name))
    try:
        server = runpy.run_path(str(ROOT / "gunicorn.conf.py"))
    except SystemExit as refusal:
        raise ImproperlyConfigured(str(refusal)) from None
    return server | runpy.run_path(str(ROOT / "qhse" / "settings.py")) | {"names": server["env"].names}


def complaint(monkeypatch: pytest.MonkeyPatch, **changes: str) -> str:
    try:
        read(monkeypatch, **changes)
    except ImproperlyConfigured as refusal:
        return str(refusal)
    return ""


def in_its_place(name: str, value: str) -> dict[str, str]:
    return {name: value} | ({"QHSE_ENV": "test"} if name == "TEST_DATABASE_URL" else {})


@cache
def all_names() -> frozenset[str]:
    with pytest.MonkeyPatch.context() as monkeypatch:
        names = read(monkeypatch)["names"] | read(monkeypatch)["env"].names
        return frozenset(names | read(monkeypatch, QHSE_ENV="test")["env"].names)


def test_every_setting_has_values_that_are_refused_or_a_reason():
    assert all_names() - OF_GUNICORN == set(BAD) | set(WITHOUT_A_FORM)


@pytest.mark.parametrize(("name", "value"), [(name, value) for name, values in BAD.items() for value in values])
def test_a_bad_value_stops_the_start_with_a_sentence(monkeypatch, name, value):
    said = complaint(monkeypatch, **in_its_place(name, value))

    assert f" {name}: " in said
    if name in SECRET:
        assert "secret" not in said.replace("SECRET", "")


@pytest.mark.parametrize(
    "value", ['"x"', "'qhse.example.com'", "one\ntwo", "a\x1bb", "a\x7fb", "broken\udcff"], ids=ascii
)
@pytest.mark.parametrize("name", sorted((set(BAD) | set(WITHOUT_A_FORM)) - {"TEST_DATABASE_URL"}))
def test_quotes_controls_and_broken_text_are_refused_everywhere(monkeypatch, name, value):
    if name == "AUDIT_KEY_FALLBACKS" and value[0] in "'\"":
        return  # a former key may have had them

    said = complaint(monkeypatch, **{name: value})

    assert f" {name}: " in said
    assert value not in said


@pytest.mark.parametrize(("name", "value"), [(name, value) for name, values in FINE.items() for value in values])
def test_a_good_value_starts_also_with_white_space_around_it(monkeypatch, name, value):
    plain = read(monkeypatch, **{name: value})

    assert {key: read(monkeypatch, **{name: f" {value}\n"})[key] for key in plain if key == name} == (
        {name: plain[name]} if name in plain else {}
    )


def test_secrets_from_files_lose_their_line_break(monkeypatch):
    settings = read(monkeypatch, SECRET_KEY="s" * 60 + "\r\n", DATABASE_URL=GOOD["DATABASE_URL"] + "\n")

    assert (settings["SECRET_KEY"], settings["DATABASES"]["default"]["NAME"]) == ("s" * 60, "qhse")


@pytest.mark.parametrize(
    "service", ["qhse", "outbox", "outbox-worker", "audit", "login", "oidc", "gunicorn", "database", "redis"]
)
def test_what_an_orchestrator_injects_for_its_services_stops_no_start(monkeypatch, service):
    name, url = service.upper().replace("-", "_"), "tcp://10.0.0.1:8000"
    links = {
        f"{name}_SERVICE_HOST": "10.0.0.1", f"{name}_SERVICE_PORT": "8000", f"{name}_SERVICE_PORT_HTTP": "8000",
        f"{name}_PORT": url, f"{name}_PORT_8000_TCP": url, f"{name}_PORT_8000_TCP_PROTO": "tcp",
        f"{name}_PORT_8000_TCP_PORT": "8000", f"{name}_PORT_8000_TCP_ADDR": "10.0.0.1",
        f"{name}_PORT_53_UDP": "udp://10.0.0.1:53", f"{name}_NAME": "/web/qhse", f"{name}_ENV_PATH": "/bin",
    }  # fmt: skip

    assert complaint(monkeypatch, **links) == ""
    assert read(monkeypatch, **links)["MISSPELT_SETTINGS"] == []


@pytest.mark.parametrize(
    "name",
    ["OUTBOX_POLL_INTERVALL", "OUTBOX_PORT", "OUTBOX_METRICS_PORT", "AUDIT_SEAL", "LOGIN_WINDOWS", "OIDC_ROLE",
     "QHSE_ENVIRONMENT", "GUNICORN_WORKER", "GUNICORN_BIND", "ATTACHMENT_DIR", "ATTACHMENTS_MAX_BYTES"],
)  # fmt: skip
def test_a_misspelt_setting_of_ours_is_named(monkeypatch, name):
    assert f"{name}: is not a setting; known are" in complaint(monkeypatch, **{name: "9100"})


def test_what_only_looks_like_a_setting_is_named_and_stops_nothing(monkeypatch):
    settings = read(
        monkeypatch, ALLOWED_HOST="x", TRUSTED_PROXY="10.0.0.7", SECRET_KEYS="y", PORTS="1", HOSTNAME="api-0"
    )

    assert settings["MISSPELT_SETTINGS"] == [("TRUSTED_PROXY", "TRUSTED_PROXIES")]


@pytest.mark.parametrize("place", ["{}", "{},{other}", "{other}, {}", "{other},{},{other}"])
@pytest.mark.parametrize(
    "key",
    ["k" * 60, "k,e" * 30, "k, e" * 30, "," + "k" * 60, "k" * 60 + ",", "k,,e" * 30, f"{'k' * 60},{'e' * 60}",
     '"' + "k" * 60, "k" * 60 + "'", "key of several words " * 4 + ", and more"],
)  # fmt: skip
def test_each_key_that_starts_can_become_a_former_one_as_it_is(monkeypatch, key, place):
    used = read(monkeypatch, SECRET_KEY=key)["SECRET_KEY"]

    former = read(monkeypatch, AUDIT_KEY_FALLBACKS=place.format(key, other="o" * 60))["AUDIT_KEY_FALLBACKS"]

    assert used in former


def test_a_piece_of_a_former_key_is_believed_in_no_production(monkeypatch):
    pieces = {"AUDIT_KEY_FALLBACKS": "o" * 60 + ",short," + "k" * 60}

    assert "short" not in read(monkeypatch, **pieces)["AUDIT_KEY_FALLBACKS"]
    assert "short" in read(monkeypatch, QHSE_ENV="dev", **pieces)["AUDIT_KEY_FALLBACKS"]


def test_gunicorn_itself_believes_nobody_not_even_at_a_unix_socket(monkeypatch):
    server = read(monkeypatch)

    believed = [server[name] for name in ("forwarded_allow_ips", "secure_scheme_headers", "forwarder_headers")]
    assert believed == ["", {}, ""]


def test_the_server_keeps_idle_connections_longer_than_most_balancers(monkeypatch):
    assert read(monkeypatch)["keepalive"] > 60


class TestTheReplica:
    URL = "postgres://reader:secret-of-4711@copy.example.com/qhse?options=-c%20default_transaction_read_only%3Doff"

    def test_is_another_line_which_takes_no_writes_and_asks_for_none(self, monkeypatch):
        settings = read(
            monkeypatch,
            DATABASE_URL="postgres://u@db1,db2/qhse?target_session_attrs=read-write",
            REPLICA_DATABASE_URL=self.URL,
        )

        replica = settings["DATABASES"]["replica"]
        assert (replica["HOST"], replica["USER"]) == ("copy.example.com", "reader")
        assert replica["SESSION"]["default_transaction_read_only"] == "on"
        assert "target_session_attrs" not in replica["OPTIONS"]
        assert replica["OPTIONS"]["connect_timeout"] < settings["DATABASES"]["default"]["OPTIONS"]["connect_timeout"]

    def test_is_asked_for_nothing_that_a_model_decides(self, monkeypatch):
        settings = read(monkeypatch, REPLICA_DATABASE_URL=self.URL)

        assert settings["DATABASE_ROUTERS"] == ["qhse.replica.router.PrimaryRouter"]
        assert read(monkeypatch)["DATABASE_ROUTERS"] == []

    def test_is_none_of_sqlite_and_of_no_test_run(self, monkeypatch):
        assert "REPLICA_DATABASE_URL: needs PostgreSQL" in complaint(
            monkeypatch, QHSE_ENV="dev", DATABASE_URL="sqlite:///:memory:", REPLICA_DATABASE_URL=self.URL
        )
        test_run = {"QHSE_ENV": "test", "TEST_DATABASE_URL": GOOD["DATABASE_URL"]}
        assert "replica" not in read(monkeypatch, **test_run, REPLICA_DATABASE_URL=self.URL)["DATABASES"]
