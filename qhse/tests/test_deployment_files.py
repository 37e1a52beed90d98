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
OURS = ("migrate", "api", "worker", "relay", "api2", "worker2")
PLAIN = {name: service for name, service in SERVICES.items() if "profiles" not in service}
IMAGE = re.compile(r"[a-z-]+(?:/[a-z-]+)?:(?!latest$)[\w.-]+")  # no registry's host, and a tag
ENV_EXAMPLE = (ROOT / ".env.example").read_text()

SECRET_NAME = re.compile(r"SECRET|KEY|PASSWORD|TOKEN")
OFFERED = dict(re.findall(r"^#?([A-Z0-9_]+)=(.*)$", ENV_EXAMPLE, re.MULTILINE))
SET_BY_COMPOSE = {name for service in SERVICES.values() for name in service.get("environment", {})}

OUTSIDE = {
    "DATABASE_URL": {5432, 6432},
    "REPLICA_DATABASE_URL": {5432, 6432},
    "ATTACHMENTS_S3_BUCKET": {443},
    "ATTACHMENTS_S3_ENDPOINT": {443, 9000},
    "OTEL_EXPORTER_OTLP_ENDPOINT": {443, 4318},
    "OIDC_JWKS_URL": {443},
    "BROKER_URL": {4222, 5671, 5672},
    "WEBHOOK_ALLOWED_NETWORKS": {443},
}
"""Settings that name somebody outside, and the ports of those whom docs/operations.md gives as examples."""
CALLED_BY = {"BROKER_URL": {"relay"}, "WEBHOOK_ALLOWED_NETWORKS": {"relay"}, "OIDC_JWKS_URL": {"api"}}
"""Components that call there, where not each that is told of it does."""


def calls(component: str) -> set[str]:
    return {name for name in OUTSIDE if component in CALLED_BY.get(name, {component})}


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
        inherits_the_images = name in ("api", "api2")

        assert inherits_the_images or "healthcheck" in SERVICES[name]

    def test_is_of_an_image_with_a_tag(self, name):
        assert IMAGE.fullmatch(SERVICES[name]["image"])

    def test_mounts_files_of_ours_to_read_alone(self, name):
        mounts = [volume.split(":") for volume in SERVICES[name].get("volumes", [])]

        for source, _, *how in mounts:
            if source.startswith("."):
                assert (ROOT / source).exists()
                assert how == ["ro"]
            else:
                assert source in COMPOSE["volumes"]

    def test_is_in_networks_that_exist(self, name):
        assert set(SERVICES[name]["networks"]) <= set(COMPOSE["networks"])

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

    @pytest.mark.parametrize("name", ["api", "worker", "relay", "api2", "worker2"])
    def test_nothing_runs_before_the_migrations_are_done(self, name):
        assert SERVICES[name]["depends_on"]["migrate"] == {"condition": "service_completed_successfully"}
        assert SERVICES[name]["depends_on"]["postgres"] == {"condition": "service_healthy"}
        assert SERVICES["migrate"]["restart"] == "no"

    def test_a_stop_leaves_requests_their_time(self):
        server = runpy.run_path(str(ROOT / "gunicorn.conf.py"))

        assert seconds(SERVICES["api"]["stop_grace_period"]) > server["graceful_timeout"]
        assert SERVICES["api2"]["stop_grace_period"] == SERVICES["api"]["stop_grace_period"]
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


class TestTheWayOut:
    """As it was found: workers were told of a bucket and a collector, in a network that leads nowhere."""

    def test_every_setting_that_names_an_address_is_listed(self):
        named = {name for name in OFFERED if re.search(r"(_URL|_ENDPOINT|_BUCKET|_NETWORKS)$", name)}

        assert named - {"TEST_DATABASE_URL"} == set(OUTSIDE)

    @pytest.mark.parametrize("name", OURS)
    def test_each_container_that_is_told_of_an_address_has_one(self, name):
        told = calls(name.rstrip("2")) & set(SERVICES[name]["environment"])
        leads_out = {network for network, how in COMPOSE["networks"].items() if not (how or {}).get("internal")}

        assert "DATABASE_URL" in told
        assert set(SERVICES[name]["networks"]) & leads_out, told

    @pytest.mark.parametrize("component", ["migrate", "api", "worker", "relay", "daily"])
    def test_each_pod_has_one_to_each_port(self, component):
        text = (ROOT / "ops" / "kubernetes" / "network.yaml").read_text()
        let_out: set[int] = set()
        for policy in yaml.safe_load_all(text):
            chosen = policy["spec"]["podSelector"].get("matchLabels", {}).get("app.kubernetes.io/component", component)
            rules = policy["spec"].get("egress", []) if chosen == component else []
            let_out |= {port["port"] for rule in rules for port in rule["ports"]}

        assert {name: OUTSIDE[name] - let_out for name in calls(component) if OUTSIDE[name] - let_out} == {}


class TestProfiles:
    def test_without_one_it_is_the_small_installation(self):
        assert list(PLAIN) == ["postgres", "migrate", "api", "worker"]
        assert {name for name in OURS if name not in PLAIN} == {"relay", "api2", "worker2"}

    def test_nothing_of_the_small_installation_waits_for_what_a_profile_adds(self):
        assert all(set(service.get("depends_on", {})) <= set(PLAIN) for service in PLAIN.values())

    def test_the_relay_waits_for_no_broker_of_ours(self):
        # `--profile relay` has none: then the broker is elsewhere.
        assert SERVICES["relay"]["profiles"] == ["relay", "scale"]
        assert set(SERVICES["relay"]["depends_on"]) <= set(PLAIN)

    def test_the_broker_reaches_no_database(self):
        assert SERVICES["rabbitmq"]["networks"] == ["brokers"]
        assert set(SERVICES["relay"]["networks"]) == {"database", "brokers"}
        assert not (COMPOSE["networks"]["brokers"] or {}).get("internal")

    def test_the_pooler_keeps_sessions(self):
        assert SERVICES["pgbouncer"]["environment"]["POOL_MODE"] == "session"
        behind = {name for name in OURS if "@pgbouncer:" in SERVICES[name]["environment"]["DATABASE_URL"]}
        assert behind == {"api2", "worker2"}
        assert all(SERVICES[name]["depends_on"]["pgbouncer"] == {"condition": "service_healthy"} for name in behind)

    def test_the_second_of_each_differs_in_its_way_to_the_database_alone(self):
        for first, second in (("api", "api2"), ("worker", "worker2")):
            differ = {
                key
                for key in SERVICES[first]["environment"] | SERVICES[second]["environment"]
                if SERVICES[first]["environment"].get(key) != SERVICES[second]["environment"].get(key)
            }
            assert differ <= {"DATABASE_URL", "OUTBOX_METRICS_BIND"}

    @pytest.mark.parametrize("name", ["rabbitmq", "grafana"])
    def test_what_has_a_known_password_does_not_start_with_it(self, name):
        guard = SERVICES[name]["entrypoint"][2]
        (secret,) = [key for key in SERVICES[name]["environment"] if SECRET_NAME.search(key) or key.endswith("_PASS")]

        assert guard.startswith(f'test -n "$${secret}" || {{ echo')
        assert "exit 1" in guard

    def test_prometheus_asks_services_and_ports_that_exist(self):
        config = yaml.safe_load((ROOT / "ops" / "prometheus" / "prometheus.yml").read_text())
        asked = set()
        for job in config["scrape_configs"]:
            for target in job.get("static_configs", []):
                asked |= {name.split(":")[0] for name in target["targets"]}
            for lookup in job.get("dns_sd_configs", []):
                asked |= set(lookup["names"])
                assert str(lookup["port"]) in SERVICES["relay"]["environment"]["OUTBOX_METRICS_BIND"]

        assert asked == {"api", "api2", "worker", "worker2", "relay", "rabbitmq"}
        reached = set(SERVICES["prometheus"]["networks"])
        assert all(reached & set(SERVICES[name]["networks"]) for name in asked)

    def test_grafana_finds_its_dashboards_and_prometheus(self):
        provisioning = ROOT / "ops" / "grafana" / "provisioning"
        (source,) = yaml.safe_load((provisioning / "datasources" / "prometheus.yml").read_text())["datasources"]
        (provider,) = yaml.safe_load((provisioning / "dashboards" / "qhse.yml").read_text())["providers"]
        mounted = {volume.split(":")[1] for volume in SERVICES["grafana"]["volumes"]}

        assert source["url"] == "http://prometheus:9090"
        assert {provider["options"]["path"], "/etc/grafana/provisioning"} <= mounted


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


def test_security_check_covers_every_app():
    assert set(RUNTIME_CODE) == own_apps()
