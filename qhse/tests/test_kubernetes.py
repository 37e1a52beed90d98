"""ops/kubernetes: hardened, complete, and true to the code, to compose and to each other."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from django.core.management import get_commands, load_command_class

from dev import check
from qhse.tests.pages import FENCE, text_of
from qhse.tests.test_deployment_files import OFFERED, ROOT, SECRET_NAME, SERVICES, seconds

DIRECTORY = ROOT / "ops" / "kubernetes"
FILES = {
    file.name: [each for each in yaml.safe_load_all(file.read_text(encoding="utf-8")) if each]
    for file in sorted(DIRECTORY.iterdir())
}
KUSTOMIZATION: dict[str, Any] = FILES.pop("kustomization.yaml")[0]
OBJECTS: list[dict[str, Any]] = [each for documents in FILES.values() for each in documents]
SECRETS = "qhse-secrets"
UID = 10001  # of the image
KNOWN = set(OFFERED)
LONG_RUNNING = {"qhse-api": "api", "qhse-worker": "worker", "qhse-relay": "relay"}


def of_kind(kind: str) -> dict[str, dict[str, Any]]:
    return {each["metadata"]["name"]: each for each in OBJECTS if each["kind"] == kind}


def templates() -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the name and the pod template of all that runs."""
    for kind in ("Deployment", "Job", "CronJob"):
        for name, each in of_kind(kind).items():
            spec = each["spec"]["jobTemplate"]["spec"] if kind == "CronJob" else each["spec"]
            yield name, spec["template"]


PODS = dict(templates())


def container_of(name: str) -> dict[str, Any]:
    (container,) = PODS[name]["spec"]["containers"]
    return container


def selects(selector: dict[str, Any], labels: dict[str, str]) -> bool:
    wanted = selector.get("matchLabels", {})
    return all(labels.get(key) == value for key, value in wanted.items()) and all(
        labels.get(each["key"]) in each["values"] for each in selector.get("matchExpressions", [])
    )


class TestKustomization:
    def test_lists_every_file_once(self):
        assert sorted(KUSTOMIZATION["resources"]) == sorted(FILES)

    def test_says_which_image_is_meant(self):
        (image,) = KUSTOMIZATION["images"]

        assert {container_of(name)["image"] for name in PODS} == {image["name"]}
        assert image["newTag"] != "latest"

    def test_its_namespace_is_made_and_refuses_pods_that_ask_for_more(self):
        (namespace,) = of_kind("Namespace").values()

        assert namespace["metadata"]["name"] == KUSTOMIZATION["namespace"]
        assert namespace["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"

    def test_names_are_given_once(self):
        named = [(each["kind"], each["metadata"]["name"]) for each in OBJECTS]

        assert len(set(named)) == len(named)

    def test_every_file_is_checked_against_the_schemas(self):
        command = check.STEPS["Kubernetes manifests"]

        assert {Path(part).name for part in command if part.endswith(".yaml")} == set(FILES)


@pytest.mark.parametrize("name", PODS)
class TestEveryPod:
    def test_is_hardened(self, name):
        pod, container = PODS[name]["spec"], container_of(name)

        assert pod["securityContext"].items() >= {"runAsNonRoot": True, "runAsUser": UID, "runAsGroup": UID}.items()
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        assert container["securityContext"] == {
            "readOnlyRootFilesystem": True,
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
        }

    def test_asks_nothing_of_the_cluster(self, name):
        pod = PODS[name]["spec"]

        assert pod["serviceAccountName"] in of_kind("ServiceAccount")
        assert pod["automountServiceAccountToken"] is False
        assert pod["enableServiceLinks"] is False

    def test_says_what_it_needs_and_may_take(self, name):
        resources = container_of(name)["resources"]

        assert set(resources["requests"]) == {"cpu", "memory"}
        assert set(resources["limits"]) == {"memory"}  # a bound of cpu time would slow a start, and save nothing

    def test_may_write_where_the_image_does_and_nowhere_else(self, name):
        pod, container = PODS[name]["spec"], container_of(name)
        claims = {volume["persistentVolumeClaim"]["claimName"] for volume in pod["volumes"] if "emptyDir" not in volume}

        assert {mount["mountPath"] for mount in container["volumeMounts"]} == {"/tmp", "/app/var/attachments"}
        assert {mount["name"] for mount in container["volumeMounts"]} == {volume["name"] for volume in pod["volumes"]}
        assert claims <= set(of_kind("PersistentVolumeClaim"))

    def test_takes_its_settings_from_what_exists(self, name):
        sources = container_of(name)["envFrom"]

        assert "env" not in container_of(name)
        assert {each["configMapRef"]["name"] for each in sources if "configMapRef" in each} == set(of_kind("ConfigMap"))
        assert {each["secretRef"]["name"] for each in sources if "secretRef" in each} == {SECRETS}

    def test_calls_commands_that_exist_with_options_that_they_take(self, name):
        command = container_of(name).get("command", [])
        if not command:
            assert name == "qhse-api"  # the image's own
            return
        assert command[:2] == ["python", "manage.py"]
        known = load_command_class(get_commands()[command[2]], command[2]).create_parser("manage.py", command[2])
        assert [part for part in command[3:] if part.startswith("--") and part not in known.format_help()] == []

    def test_carries_the_labels_by_which_others_find_it(self, name):
        labels = PODS[name]["metadata"]["labels"]

        assert labels["app.kubernetes.io/name"] == labels["app.kubernetes.io/part-of"] == "qhse"
        assert labels["app.kubernetes.io/component"]


@pytest.mark.parametrize(("name", "service"), LONG_RUNNING.items())
class TestEveryDeployment:
    def test_is_told_when_it_hangs_and_when_it_is_ready(self, name, service):
        container = container_of(name)
        probes = [container[kind] for kind in ("startupProbe", "livenessProbe", "readinessProbe")]

        if service == "api":
            assert [probe["httpGet"]["path"] for probe in probes] == ["/healthz", "/healthz", "/readyz"]
            assert {probe["httpGet"]["port"] for probe in probes} <= {port["name"] for port in container["ports"]}
        else:
            file = container["command"][container["command"].index("--liveness-file") + 1]
            asked = {tuple(probe["exec"]["command"]) for probe in probes}
            assert asked == {("python", "-m", "outbox.liveness", file)}

    def test_has_as_long_to_stop_as_with_compose(self, name, service):
        grace = PODS[name]["spec"]["terminationGracePeriodSeconds"]

        assert grace == seconds(SERVICES[service]["stop_grace_period"])

    def test_runs_what_compose_runs(self, name, service):
        assert container_of(name).get("command") == SERVICES[service].get("command")

    def test_is_found_by_its_selector_and_by_no_other(self, name, service):
        deployment = of_kind("Deployment")[name]

        found = [
            other for other, pod in PODS.items() if selects(deployment["spec"]["selector"], pod["metadata"]["labels"])
        ]

        assert found == [name]

    def test_stands_on_several_hosts_and_goes_one_by_one(self, name, service):
        (spread,) = PODS[name]["spec"]["topologySpreadConstraints"]
        budget = of_kind("PodDisruptionBudget")[name]["spec"]

        assert spread["topologyKey"] == "kubernetes.io/hostname"
        assert selects(spread["labelSelector"], PODS[name]["metadata"]["labels"])
        assert budget["maxUnavailable"] == 1
        assert selects(budget["selector"], PODS[name]["metadata"]["labels"])
        assert of_kind("Deployment")[name]["spec"]["strategy"]["rollingUpdate"]["maxUnavailable"] == 0

    def test_has_either_a_number_of_pods_or_an_autoscaler(self, name, service):
        scaled = {each["spec"]["scaleTargetRef"]["name"] for each in of_kind("HorizontalPodAutoscaler").values()}

        assert ("replicas" in of_kind("Deployment")[name]["spec"]) != (name in scaled)


def test_every_deployment_is_looked_at():
    assert set(of_kind("Deployment")) == set(LONG_RUNNING)
    assert set(of_kind("PodDisruptionBudget")) == set(LONG_RUNNING)


class TestSettings:
    settings = of_kind("ConfigMap")["qhse-settings"]["data"]

    def test_are_known_and_no_secrets(self):
        assert set(self.settings) - KNOWN == set()
        assert [name for name in self.settings if SECRET_NAME.search(name)] == []
        assert all(isinstance(value, str) for value in self.settings.values())

    def test_are_those_of_production(self):
        assert self.settings["QHSE_ENV"] == "production"

    def test_that_are_secret_are_known_and_explained(self):
        page = text_of("docs/operations.md")
        (example,) = [body for _, body in FENCE.findall(page) if f"create secret generic {SECRETS}" in body]
        named = set(re.findall(r"--from-literal=([A-Z_0-9]+)=", example))

        assert named - KNOWN == set()
        assert named >= {"SECRET_KEY", "JWT_SIGNING_KEY", "DATABASE_URL", "METRICS_TOKEN"}
        assert named & set(self.settings) == set()

    def test_a_request_has_time_to_end(self):
        pause = container_of("qhse-api")["lifecycle"]["preStop"]["sleep"]["seconds"]
        graceful = re.search(r"^graceful_timeout = (\d+)", text_of("gunicorn.conf.py"), re.MULTILINE)

        assert graceful
        assert pause + int(graceful[1]) < PODS["qhse-api"]["spec"]["terminationGracePeriodSeconds"]


class TestNetwork:
    policies = of_kind("NetworkPolicy")

    def allowed(self, name: str, direction: str) -> set[int]:
        ports: set[int] = set()
        for policy in self.policies.values():
            if selects(policy["spec"]["podSelector"], PODS[name]["metadata"]["labels"]):
                for rule in policy["spec"].get(direction, []):
                    assert direction == "egress" or rule["from"]
                    ports |= {port["port"] for port in rule["ports"]}
        return ports

    def test_nothing_is_allowed_that_no_rule_names(self):
        nothing = self.policies["qhse-nothing"]["spec"]

        assert nothing == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}

    @pytest.mark.parametrize("name", PODS)
    def test_lets_in_what_a_pod_listens_on_and_no_more(self, name):
        listens = {port["containerPort"] for port in container_of(name).get("ports", [])}

        assert self.allowed(name, "ingress") == listens

    @pytest.mark.parametrize("name", PODS)
    def test_lets_everybody_reach_what_settings_name_and_relays_a_broker(self, name):
        brokers = {5671, 5672, 4222} if name == "qhse-relay" else set()

        assert self.allowed(name, "egress") == {53, 443, 4318, 5432, 6432, 9000} | brokers

    def test_the_service_leads_to_a_port_of_the_api(self):
        service = of_kind("Service")["qhse-api"]["spec"]

        assert [
            name for name in PODS if selects({"matchLabels": service["selector"]}, PODS[name]["metadata"]["labels"])
        ] == ["qhse-api"]
        assert {port["targetPort"] for port in service["ports"]} <= {
            port["name"] for port in container_of("qhse-api")["ports"]
        }

    def test_prometheus_finds_each_port_that_tells_figures(self):
        config = yaml.safe_load(text_of("ops/prometheus/kubernetes.yml"))
        (job,) = config["scrape_configs"]
        kept = {
            rule["source_labels"][0]: rule["regex"] for rule in job["relabel_configs"] if rule.get("action") == "keep"
        }
        names = {port["name"] for name in PODS for port in container_of(name).get("ports", [])}

        assert job["kubernetes_sd_configs"][0]["namespaces"]["names"] == [KUSTOMIZATION["namespace"]]
        assert set(kept["__meta_kubernetes_pod_container_port_name"].split("|")) == names
        assert kept["__meta_kubernetes_pod_label_app_kubernetes_io_part_of"] == "qhse"

    def test_workers_listen_where_they_are_asked(self):
        _, _, port = TestSettings.settings["OUTBOX_METRICS_BIND"].rpartition(":")

        assert {
            each["containerPort"] for name in ("qhse-worker", "qhse-relay") for each in container_of(name)["ports"]
        } == {int(port)}


class TestScaling:
    def test_workers_follow_the_age_of_due_events_and_never_their_number(self):
        (metric,) = of_kind("HorizontalPodAutoscaler")["qhse-worker"]["spec"]["metrics"]

        assert metric["external"]["metric"]["name"] == "qhse_outbox_oldest_due_seconds"
        assert metric["external"]["target"]["type"] == "Value"

    def test_there_are_always_two(self):
        assert {each["spec"]["minReplicas"] for each in of_kind("HorizontalPodAutoscaler").values()} == {2}
        assert of_kind("Deployment")["qhse-relay"]["spec"]["replicas"] == 2


class TestJobs:
    def test_the_daily_ones_are_those_of_the_page_and_never_run_twice_at_once(self):
        jobs = of_kind("CronJob")
        page = text_of("docs/operations.md")

        for name, each in jobs.items():
            assert each["spec"]["concurrencyPolicy"] == "Forbid"
            assert f"| `{' '.join(container_of(name)['command'])}` |" in page
        assert len(jobs) == 5

    def test_migrations_are_tried_again(self):
        assert of_kind("Job")["qhse-migrate"]["spec"]["backoffLimit"] > 0
        assert PODS["qhse-migrate"]["spec"]["restartPolicy"] == "OnFailure"
