"""Requests that schemathesis makes up from the OpenAPI document, by each kind of user."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from qhse.fuzz.installation import Installation

# Of a valid body the document cannot say that its supplier exists, its name is new or its token ours; whether those are
# accepted is tested by hand beside each route.
EXCLUDED = "positive_data_acceptance"


@dataclass(slots=True)
class Run:
    """What one principal's requests found: answers by status, and failed checks as lines."""

    principal: str
    cases: int = 0
    statuses: Counter[int] = field(default_factory=Counter)
    failures: list[str] = field(default_factory=list)

    @property
    def server_errors(self) -> int:
        # 503 is an answer that the document names; there must be none here, where the database is at home.
        return sum(count for status, count in self.statuses.items() if status >= 500)


def run(installation: Installation, principal: str, *, examples: int, seed: int) -> Run:
    """Send up to so many cases to each operation, and stateful sequences of them, and have every answer checked."""
    found = Run(principal)
    token = installation.token_of(principal)
    with tempfile.TemporaryDirectory(prefix="qhse-fuzz-") as directory:
        report = Path(directory) / "events.ndjson"
        command = [
            str(Path(sys.executable).parent / "schemathesis"), "run", f"{installation.url}/openapi.json",
            "--checks", "all", "--exclude-checks", EXCLUDED, "--max-examples", str(examples), "--seed", str(seed),
            "--continue-on-failure", "--no-shrink", "--suppress-health-check", "all", "--warnings", "off",
            "--report", "ndjson", "--report-ndjson-path", str(report), "--generation-database", "none",
        ]  # fmt: skip
        if token:
            command += ["--header", f"Authorization: Bearer {token}"]
        done = subprocess.run(command, capture_output=True, text=True, cwd=directory)
        _read(report, found)
    if done.returncode not in (0, 1) or not found.cases:
        found.failures.append(f"schemathesis ended with {done.returncode}: {done.stdout[-2000:]}{done.stderr[-500:]}")
    elif done.returncode and not found.failures:
        found.failures.append(done.stdout[-4000:])
    return found


def _read(report: Path, found: Run) -> None:
    for line in report.read_text(encoding="utf-8").splitlines() if report.exists() else ():
        _note(json.loads(line), found)


def _note(event: dict[str, Any], found: Run) -> None:
    recorder = event.get("ScenarioFinished", {}).get("recorder", {})
    for name, interaction in recorder.get("interactions", {}).items():
        found.cases += 1
        status = (interaction.get("response") or {}).get("status_code", 599)  # 599: no answer at all
        found.statuses[status] += 1
        broken = [check["name"] for check in recorder["checks"].get(name, ()) if check["status"] == "failure"]
        if broken:
            request = interaction["request"]
            found.failures.append(f"{request['method']} {request['uri'][:200]} → {status}: {', '.join(broken)}")
