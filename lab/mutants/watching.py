"""Mutants of what watches the product and of what runs it on many hosts: alerts, dashboards, compose, Kubernetes."""

from __future__ import annotations

from lab.mutants.mutant import Mutant

WATCHING = "qhse/observability/tests/test_watching.py"
KUBERNETES = "qhse/tests/test_kubernetes.py"
COMPOSE = "qhse/tests/test_deployment_files.py"
PROBES = "qhse/deployment/tests/test_probes.py"
API, WORKER = "ops/kubernetes/api.yaml", "ops/kubernetes/worker.yaml"

MUTANTS = (
    Mutant(
        "alert-on-a-figure-that-nobody-tells", "ops/prometheus/alerts.yml",
        "max(qhse_audit_unsealed_seconds)", "max(qhse_audit_unsealed_minutes)", f"{WATCHING} -k asked_for_exist",
    ),
    Mutant(
        "alert-by-a-label-that-nobody-sets", "ops/prometheus/alerts.yml",
        'qhse_relay_refused_total{why="declined"}', 'qhse_relay_refused_total{reason="declined"}',
        f"{WATCHING} -k asked_for_exist",
    ),
    Mutant(
        "alert-on-a-state-that-is-not-told", "ops/prometheus/alerts.yml",
        'qhse_outbox_events{state="dead"}', 'qhse_outbox_events{state="failed"}', f"{WATCHING} -k states",
    ),
    Mutant(
        "alert-without-a-page", "ops/prometheus/alerts.yml",
        "docs/operations.md#qhsenoworkerlives", "docs/operations.md#workers", f"{WATCHING} -k leads_to",
    ),
    Mutant(
        "runbook-without-an-alert", "docs/operations.md",
        "### QhseEventsAreUnknown\n", "### QhseEventsAreStrange\n", f"{WATCHING} -k heading_an_alert",
    ),
    Mutant(
        "alert-that-never-fires", "ops/prometheus/alerts.yml",
        "max(qhse_outbox_oldest_due_seconds) > 180", "max(qhse_outbox_oldest_due_seconds) > 1800",
        f"{WATCHING} -k sees_each_fire",
    ),
    Mutant(
        "figure-that-no-dashboard-shows", "ops/grafana/dashboards/qhse-relay.json",
        "sum(increase(qhse_relay_broker_away_total[$__rate_interval]))", "vector(0)", f"{WATCHING} -k all_shown",
    ),
    Mutant(
        "metrics-only-under-known-hosts", "qhse/api/requests/headers.py",
        'PROBES = frozenset({"/healthz", "/readyz", "/metrics"})', 'PROBES = frozenset({"/healthz", "/readyz"})',
        f"{PROBES} -k every_host",
    ),
    Mutant(
        "metrics-only-by-tls", "qhse/settings.py", '    r"^metrics$",\n', "", f"{PROBES} -k without_tls",
    ),
    Mutant(
        "pod-that-may-write-everywhere", API,
        "            readOnlyRootFilesystem: true\n", "            readOnlyRootFilesystem: false\n",
        f"{KUBERNETES} -k hardened",
    ),
    Mutant(
        "pod-of-root", WORKER, "        runAsNonRoot: true\n", "        runAsNonRoot: false\n",
        f"{KUBERNETES} -k hardened",
    ),
    Mutant(
        "pod-with-less-time-to-stop", API,
        "terminationGracePeriodSeconds: 30", "terminationGracePeriodSeconds: 20", f"{KUBERNETES} -k as_long_to_stop",
    ),
    Mutant(
        "worker-that-is-asked-for-another-file", WORKER,
        "run_outbox_worker, --liveness-file, /tmp/alive]", "run_outbox_worker, --liveness-file, /tmp/here]",
        f"{KUBERNETES} -k is_told_when",
    ),
    Mutant(
        "workers-by-the-number-of-events", "ops/kubernetes/autoscaling.yaml",
        "metric: {name: qhse_outbox_oldest_due_seconds}", "metric: {name: qhse_outbox_events}",
        f"{KUBERNETES} -k follow_the_age",
    ),
    Mutant(
        "setting-that-nobody-reads", "ops/kubernetes/config.yaml",
        "  TRUSTED_PROXIES: ", "  TRUSTED_PROXY: ", f"{KUBERNETES} -k known_and_no_secrets",
    ),
    Mutant(
        "secret-that-is-not-there", "ops/kubernetes/daily.yaml",
        '              command: [python, manage.py, prune_expired]\n              envFrom:\n'
        "                - configMapRef: {name: qhse-settings}\n                - secretRef: {name: qhse-secrets}\n",
        '              command: [python, manage.py, prune_expired]\n              envFrom:\n'
        "                - configMapRef: {name: qhse-settings}\n                - secretRef: {name: qhse-secret}\n",
        f"{KUBERNETES} -k from_what_exists",
    ),
    Mutant(
        "file-that-is-not-applied", "ops/kubernetes/kustomization.yaml",
        "  - disruption.yaml\n", "", f"{KUBERNETES} -k every_file_once",
    ),
    Mutant(
        "everybody-reaches-the-figures", "ops/kubernetes/network.yaml",
        "      ports: [{protocol: TCP, port: 8000}]",
        "      ports: [{protocol: TCP, port: 8000}, {protocol: TCP, port: 9100}]",
        f"{KUBERNETES} -k and_no_more",
    ),
    Mutant(
        "broker-with-a-known-password", "docker-compose.yml",
        "test -n \\\"$$RABBITMQ_DEFAULT_PASS\\\" || { echo set RABBITMQ_PASSWORD in .env; exit 1; }; exec docker",
        "exec docker", f"{COMPOSE} -k known_password",
    ),
    Mutant(
        "pooler-by-transaction", "docker-compose.yml", "POOL_MODE: session", "POOL_MODE: transaction",
        f"{COMPOSE} -k keeps_sessions",
    ),
    Mutant(
        "relay-that-everybody-starts", "docker-compose.yml", "    profiles: [relay, scale]\n", "",
        f"{COMPOSE} -k small_installation",
    ),
    Mutant(
        "requests-that-wait-for-ever", "qhse/wsgi.py", ", hangs_up=True)", ")",
        "qhse/deployment/tests/test_bounded_waits.py -k serves_the_next_request",
    ),
    Mutant(
        "line-used-again-after-a-wait-that-ended", "qhse/deployment/bounded_waits.py",
        "        waiting.pgconn.finish()  #", "        #",
        "qhse/deployment/tests/test_bounded_waits.py -k closes_the_line",
    ),
    Mutant(
        "listening-cut-short", "qhse/deployment/bounded_waits.py",
        'if options.get("timeout") is not None:', "if False:",
        "qhse/deployment/tests/test_bounded_waits.py -k time_of_its_own",
    ),
)  # fmt: skip
