"""Requests that schemathesis makes up from the OpenAPI document, for each kind of user."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from lab.fuzz.installation import Installation

# Of a write the document cannot say that its supplier exists, its name is new and visible, its day plausible, its key
# not used for another body, its ETag the present one. So a write that fits the document may still be refused by one of
# these; a read that fits it must be answered, but for those of READS_BY_RULES, and so must a write by anything else.
ACCEPTANCE = "positive_data_acceptance"
WRITING = frozenset({"POST", "PUT", "PATCH"})
RULES_BEYOND_THE_DOCUMENT = frozenset({400, 412, 415, 422})  # 415: a file is not what its name says
# What reads may be refused by, beyond the document, and where.
READS_BY_RULES = (
    (re.compile(r"/attachments"), 400),  # of kinds that apps name, which the document does not list
    (re.compile(r"/attachments/\d+/(content|preview)"), 410),  # the file was declared void
    (re.compile(r"/(dossiers|ncs/sample|kpi/quality)"), 400),  # a span ends after it begins, in years that have figures
)

# What a sequence fills in can be what had been made wrong in a form. Such a request is right, and still called wrong.
REJECTION = "negative_data_rejection"
THERE = "ensure_resource_availability"
MADE_LATER = re.compile(r"/attachments/\d+/preview")  # by a worker, and of pictures only: 404 until then

# An address or headers that are too long: refused by the HTTP server, before there is an application with a document.
BY_THE_SERVER = frozenset({414, 431})

SAID = 300  # characters of what is said of a failed check
EXAMPLES_IN_A_ROUND = 25  # so that a round is over before its access token is


@dataclass(frozen=True, slots=True)
class Size:
    """How many cases for each operation and generating phase, and the phases of schemathesis."""

    examples: int
    phases: tuple[str, ...]


@dataclass(slots=True)
class Run:
    """What one principal's requests found: answers by status, and failed checks as lines."""

    principal: str
    cases: int = 0
    statuses: Counter[int] = field(default_factory=Counter)
    failures: list[str] = field(default_factory=list)
    excused: int = 0  # refusals by rules that the document cannot express, or by the server

    @property
    def server_errors(self) -> int:
        # 503 is an answer that the document names; there must be none here, where the database is at home.
        return sum(count for status, count in self.statuses.items() if status >= 500)


def run(installation: Installation, principal: str, *, size: Size, seed: int) -> Run:
    """
    Send up to so many cases to each operation, and sequences of them. Have every answer checked.

    Each round has a seed and an access token of its own. The token must still be good when the round is over.
    """
    found = Run(principal)
    for number in range(-(-size.examples // EXAMPLES_IN_A_ROUND)):
        left = min(EXAMPLES_IN_A_ROUND, size.examples - number * EXAMPLES_IN_A_ROUND)
        # What is covered does not depend on the seed: once is enough.
        phases = tuple(phase for phase in size.phases if not number or phase not in ("examples", "coverage"))
        _run_round(installation, found, Size(left, phases), seed=seed + number)
    return found


def _run_round(installation: Installation, found: Run, size: Size, *, seed: int) -> None:
    token = installation.token_of(found.principal)
    failed_before, excused_before, cases_before = len(found.failures), found.excused, found.cases
    with tempfile.TemporaryDirectory(prefix="qhse-fuzz-") as directory:
        report = Path(directory) / "events.ndjson"
        command = [
            str(Path(sys.executable).parent / "schemathesis"), "run", f"{installation.url}/openapi.json",
            "--checks", "all", "--max-examples", str(size.examples), "--phases", ",".join(size.phases), "--seed", str(seed),
            "--continue-on-failure", "--no-shrink", "--suppress-health-check", "all", "--warnings", "off",
            "--report", "ndjson", "--report-ndjson-path", str(report), "--generation-database", "none",
        ]  # fmt: skip
        if token:
            command += ["--header", f"Authorization: Bearer {token}"]
        done = subprocess.run(command, capture_output=True, text=True, cwd=directory)
        _read(report, found)
    explained = len(found.failures) + found.excused - failed_before - excused_before
    if done.returncode not in (0, 1) or found.cases == cases_before:
        found.failures.append(f"schemathesis ended with {done.returncode}: {done.stdout[-2000:]}{done.stderr[-500:]}")
    elif done.returncode and not explained:
        found.failures.append(done.stdout[-4000:])
    if token and not installation.accepts(token):
        found.failures.append("the access token had expired before the round was over: refusals hid what lies behind")


def _read(report: Path, found: Run) -> None:
    for line in report.read_text(encoding="utf-8").splitlines() if report.exists() else ():
        _note(json.loads(line), found)


def _note(event: dict[str, Any], found: Run) -> None:
    recorder = event.get("ScenarioFinished", {}).get("recorder", {})
    for name, interaction in recorder.get("interactions", {}).items():
        found.cases += 1
        status = (interaction.get("response") or {}).get("status_code", 599)  # 599: no answer at all
        found.statuses[status] += 1
        request = interaction["request"]
        method, path = request["method"], urlsplit(request["uri"]).path
        is_linked = recorder.get("cases", {}).get(name, {}).get("is_transition_applied", False)
        failed = [check for check in recorder["checks"].get(name, ()) if check["status"] == "failure"]
        broken = [check for check in failed if not _is_excused(check["name"], method, path, status, is_linked)]
        found.excused += len(failed) - len(broken)
        if broken:
            said = "; ".join(f"{check['name']}{_said(check)}" for check in broken)
            found.failures.append(f"{method} {request['uri'][:200]} → {status}: {said}")


def _is_excused(check: str, method: str, path: str, status: int, is_linked: bool) -> bool:
    """Answer whether a failed check says nothing against the product. `is_linked`: an earlier answer filled it in."""
    if status in BY_THE_SERVER:
        return True
    if check == ACCEPTANCE:
        return _goes_beyond(method, path, status)
    if check == THERE:
        return status == 404 and MADE_LATER.fullmatch(path) is not None
    return check == REJECTION and is_linked


def _said(check: dict[str, Any]) -> str:
    """Return what schemathesis says of a failed check, such as which part of the request it had made wrong."""
    message: str = check.get("failure_info", {}).get("failure", {}).get("message", "")
    return f" ({' '.join(message.split())[:SAID]})" if message else ""


def _goes_beyond(method: str, path: str, status: int) -> bool:
    """Return whether the document cannot say when this request is refused so."""
    if method in WRITING:
        return status in RULES_BEYOND_THE_DOCUMENT
    return any(status == refusal and pattern.fullmatch(path) for pattern, refusal in READS_BY_RULES)
