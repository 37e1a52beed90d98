"""docker-compose.yml and .env.example: hardened, without secrets, and true to the code. The image: test_image.py."""

from __future__ import annotations

import re
import runpy
from ipaddress import ip_address, ip_network
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import yaml
from django.conf import settings
from django.core.management import get_commands

from dev.check import RUNTIME_CODE

ROOT = Path(__file__).resolve().parents[2]
COMPOSE_TEXT = (ROOT / "docker-compose.yml").read_text()
COMPOSE: dict[str, Any] = yaml.safe_load(COMPOSE_TEXT)
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OURS = ("migrate", "api", "worker")
ENV_EXAMPLE = (ROOT / ".env.example").read_text()
RESERVED = {"REPLICA_DATABASE_URL", "BROKER_URL", "OTEL_EXPORTER_OTLP_ENDPOINT"}

SECRET_NAME = re.compile(r"SECRET|KEY|PASSWORD|TOKEN")
OFFERED = dict(re.findall(r"^#?([A-Z0-9_]+)=(.*)$", ENV_EXAMPLE, re.MULTILINE))
SET_BY_COMPOSE = {name for service in SERVICES.values() for name in service.get("environment", {})}


def seconds(duration: str) -> int:
    """Read `30s`."""
    return int(duration.removesuffix("s"))


def own_apps() -> set[str]:
    """Return our top-level packages, as the settings list them."""
    tops = {app.partition(".")[0] for app in settings.INSTALLED_APPS}
    return {top for top in tops if (ROOT / top).is_dir()}


@pytest.mark.parametrize("name", SERVICES)
class TestEveryService:
    def test_holds_no_literal_secret(self, name):
        values = SERVICES[name].get("environment", {})

        literal = {
            key: value for key, value in values.items() if SECRET_NAME.search(key) and not value.startswith("${")
        }

        assert literal == {}

    def test_is_hardened(self, name):
        service = SERVICES[name]

        assert service["read_only"] is True
        assert service["cap_drop"] == ["ALL"]
        assert service["security_opt"] == ["no-new-privileges:true"]
        assert "/tmp" in service["tmpfs"]
        assert not service.get("privileged")

    def test_publishes_on_this_machine_alone(self, name):
        assert all(str(port).startswith("127.0.0.1:") for port in SERVICES[name].get("ports", []))

    def test_has_a_health_check_or_says_that_it_has_none(self, name):
        inherits_the_images = name == "api"

        assert inherits_the_images or "healthcheck" in SERVICES[name]

    def test_calls_commands_that_exist(self, name):
        command = SERVICES[name].get("command", [])

        assert isinstance(command, list)
        if "manage.py" in command:
            assert command[command.index("manage.py") + 1] in get_commands()


class TestCompose:
    def test_secrets_have_no_default(self):
        defaults = re.findall(r"\$\{([A-Z0-9_]+):?-([^}]+)\}", COMPOSE_TEXT)

        assert [name for name, _ in defaults if SECRET_NAME.search(name)] == []

    def test_every_secret_of_the_application_is_required(self):
        required = set(re.findall(r"\$\{([A-Z0-9_]+):\?", COMPOSE_TEXT))

        assert required == {"SECRET_KEY", "JWT_SIGNING_KEY", "POSTGRES_PASSWORD", "ALLOWED_HOSTS"}

    def test_every_variable_stands_in_the_example(self):
        assert set(re.findall(r"\$\{([A-Z0-9_]+)", COMPOSE_TEXT)) <= set(OFFERED)

    def test_what_the_example_offers_reaches_the_containers(self):
        uncommented = set(re.findall(r"^([A-Z0-9_]+)=", ENV_EXAMPLE, re.MULTILINE))

        assert uncommented - SET_BY_COMPOSE == {"PORT"}  # which is the published one

    @pytest.mark.parametrize("name", ["api", "worker"])
    def test_nothing_runs_before_the_migrations_are_done(self, name):
        assert SERVICES[name]["depends_on"]["migrate"] == {"condition": "service_completed_successfully"}
        assert SERVICES[name]["depends_on"]["postgres"] == {"condition": "service_healthy"}
        assert SERVICES["migrate"]["restart"] == "no"

    def test_a_stop_leaves_requests_their_time(self):
        server = runpy.run_path(str(ROOT / "gunicorn.conf.py"))

        assert seconds(SERVICES["api"]["stop_grace_period"]) > server["graceful_timeout"]
        assert all(SERVICES[name]["init"] for name in OURS)

    def test_believes_the_one_address_from_which_the_proxy_of_this_machine_comes(self):
        (published,) = COMPOSE["networks"]["published"]["ipam"]["config"]
        believed = re.findall(r"\$\{TRUSTED_PROXIES:-([^}]*)\}", COMPOSE_TEXT)

        assert believed == [published["gateway"]]
        assert ip_address(published["gateway"]) in ip_network(published["subnet"])

    def test_the_database_is_reached_by_our_services_alone(self):
        assert SERVICES["postgres"]["networks"] == ["database"]
        assert COMPOSE["networks"]["database"] == {"internal": True}
        assert "ports" not in SERVICES["postgres"]


class TestEnvExample:
    def test_offers_every_variable_that_the_settings_read(self):
        source = (ROOT / "qhse" / "settings.py").read_text()
        read = set(re.findall(r'env\.(?!refuse_unknown)\w+\(\s*"([A-Z0-9_]+)"', source))

        assert read <= set(OFFERED)
        assert len(read) > 10

    def test_gives_each_variable_a_line_of_meaning(self):
        lines = ENV_EXAMPLE.splitlines()

        bare = [
            line for above, line in pairwise(lines) if re.match(r"#?[A-Z0-9_]+=", line) and not re.match(r"# \w", above)
        ]

        assert bare == []

    def test_holds_no_secret(self):
        assert {name: value for name, value in OFFERED.items() if SECRET_NAME.search(name) and value} == {}

    def test_says_which_are_reserved(self):
        reserved = set(re.findall(r"^# reserved: .*\n#([A-Z_]+)=$", ENV_EXAMPLE, re.MULTILINE))

        assert reserved == RESERVED


def test_security_check_covers_every_app():
    assert set(RUNTIME_CODE) == own_apps()
