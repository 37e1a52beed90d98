"""
`make check`: everything about the code that needs no running product. It ends with the first thing that is wrong.

`--quick` runs the steps that take seconds. The commit hook of .pre-commit-config.yaml does.
"""

from __future__ import annotations

import argparse
import os
import secrets
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from dev import prose
from dev.processes import ROOT, kept_variables
from qhse.terminal import run_program

PROGRAMS = Path(sys.executable).parent

MANAGE = [sys.executable, "manage.py"]
RUNTIME_CODE = ["qhse", "suppliers", "ncs", "audit", "outbox", "kpi"]
NOT_RUNTIME = "*/tests/*,*/conftest.py,*/dev/*,*/lab/*,*/migrations/*"

QUICK = ("format", "lint", "import rules")

# What the line says → the command. Cheap ones first.
STEPS: dict[str, list[str]] = {
    "format": ["ruff", "format", "--check", "."],
    "lint": ["ruff", "check", "."],
    "import rules": ["lint-imports"],
    "types": ["mypy", "."],
    "migrations are complete": [*MANAGE, "makemigrations", "--check", "--dry-run"],
    "OpenAPI document": [*MANAGE, "spectacular", "--validate", "--fail-on-warn", "--file", os.devnull],
    "production settings": [*MANAGE, "check", "--deploy", "--fail-level", "WARNING"],
    # The other way round: good ones start a server, and each bad one is refused by its name.
    "production refusals": [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        "qhse/deployment/tests/test_settings_checks.py",
        "-k",
        "good_settings or bad_setting",
    ],
    "docker-compose.yml": ["check-jsonschema", "--builtin-schema", "vendor.compose-spec", "docker-compose.yml"],
    # The schemas come with the package. kustomization.yaml is no object of a cluster: test_kubernetes.py reads it.
    "Kubernetes manifests": [
        "kubernetes-validate",
        "--strict",
        "--quiet",
        "--kubernetes-version",
        "1.37",
        *sorted(str(file) for file in (ROOT / "ops" / "kubernetes").glob("[!k]*.yaml")),
    ],
    "Dockerfile": ["hadolint", "Dockerfile"],
    "security of the runtime code": ["bandit", "-q", "-ll", "-r", *RUNTIME_CODE, "-x", NOT_RUNTIME],
}


def main() -> int:
    """Return 0 when every step passed. Else print the output of the one that did not, and return 1."""
    parser = argparse.ArgumentParser(prog="python -m dev.check")
    parser.add_argument("--quick", action="store_true", help=f"only {', '.join(QUICK)}")
    quick = parser.parse_args().quick
    labels = QUICK if quick else tuple(STEPS)
    with ThreadPoolExecutor(os.cpu_count()) as pool:  # a core each: types take as long as all others together
        for label, (done, seconds) in zip(labels, pool.map(_run, labels), strict=True):
            verdict = "ok" if done.returncode == 0 else "FAILED"
            print(f"{label:30} {verdict:7} {seconds:5.1f} s", flush=True)
            if done.returncode != 0:
                pool.shutdown(cancel_futures=True)
                print(f"\n$ {' '.join(STEPS[label])}\n{done.stdout.rstrip()}", file=sys.stderr)
                return 1
    if not quick:
        print(prose.summary(prose.lengths_by_package()))  # a figure, no verdict
    return 0


def _run(label: str) -> tuple[subprocess.CompletedProcess[str], float]:
    started = time.monotonic()
    done = subprocess.run(
        _resolved(STEPS[label]),
        cwd=ROOT,
        env=_environment(production=label == "production settings"),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    return done, time.monotonic() - started


def _resolved(command: list[str]) -> list[str]:
    program = PROGRAMS / command[0]
    return [str(program), *command[1:]] if program.is_file() else command


def _environment(*, production: bool) -> dict[str, str]:
    """Return the caller's environment with our own settings in it: the shell must not decide what is checked."""
    kept = kept_variables()
    if not production:
        return kept | {"QHSE_ENV": "test"}
    return kept | {
        "QHSE_ENV": "production",
        "SECRET_KEY": secrets.token_urlsafe(64),
        "JWT_SIGNING_KEY": secrets.token_urlsafe(64),
        "DATABASE_URL": "postgres://qhse:unused@127.0.0.1:5432/qhse",
        "ALLOWED_HOSTS": "qhse.example.com",
        "CSRF_TRUSTED_ORIGINS": "https://qhse.example.com",
        "TRUSTED_PROXIES": "10.0.0.7",
    }


if __name__ == "__main__":
    run_program(main)
