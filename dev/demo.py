"""`make demo`: the product's main story, told by HTTP against real processes. Every step is checked."""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import uuid
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from dev.demo_client import DemoClient, DemoFailed, chapter
from dev.demo_supplier import tell_of_a_supplier
from dev.stack import Stack, StackFailed, free_port, interrupt_on_signals, run_manage
from qhse.terminal import run_program

USERS = ("quality", "procurement", "auditor", "admin")
NC_ACTIONS = ["NC_CREATED", "SUPPLIER_RISK_CHANGED"]


def main(arguments: list[str] | None = None) -> int:
    """Return 0 when everything was as promised, else 1."""
    parser = argparse.ArgumentParser(prog="python -m dev.demo", description=__doc__)
    parser.add_argument(
        "--url",
        help="a running server with the demo users (manage.py seed_demo) that nobody else uses meanwhile; "
        "without it, one is started on a free port, on a temporary database or that of DATABASE_URL",
    )
    url = parser.parse_args(arguments).url
    interrupt_on_signals()
    try:
        passed = tell(url) if url else _tell_on_own_server()
    except (DemoFailed, StackFailed) as error:
        print(f"\ndemo: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\ndemo: interrupted", file=sys.stderr)
        return 130
    print(f"\ndemo: {passed} expectations held")
    return 0


def _tell_on_own_server() -> int:
    with tempfile.TemporaryDirectory(prefix="qhse-demo-") as directory:
        env = dict(os.environ)
        env.setdefault("QHSE_ENV", "dev")
        if not env.get("DATABASE_URL"):
            env["DATABASE_URL"] = f"sqlite:///{directory}/demo.sqlite3"
        env["PROMETHEUS_MULTIPROC_DIR"] = str(Path(directory) / "metrics")
        print("demo: preparing the database", flush=True)
        run_manage("migrate", "--verbosity", "0", env=env)
        run_manage("seed_demo", "--if-empty", "--suppliers", "8", "--ncs", "12", env=env)
        with Stack(port=free_port(), env=env, show=False) as stack:
            try:
                stack.start()
                return tell(stack.url)
            except (DemoFailed, StackFailed):
                for service in stack.services:
                    print(f"\nlast lines of {service.name}:", *service.last_lines, sep="\n  ", file=sys.stderr)
                raise


def tell(url: str) -> int:
    """Tell the whole story and return how many expectations held. Raises DemoFailed at the first that did not."""
    client = DemoClient(url)
    chapter("Is it ready?")
    client.call("GET", "/readyz")
    chapter("Four people log in")
    for username in USERS:
        client.log_in(username)
    client.wait_for("the worker has handled all events so far", lambda: _kpi(client)["outbox_pending"] == 0)
    before = _kpi(client, show=True)
    supplier = _supplier_is_created(client)
    request_id = f"demo-{uuid.uuid4().hex[:12]}"
    nc = _nonconformity_is_opened(client, supplier, request_id, before)
    _case_is_worked_on(client, nc)
    _nonconformity_is_closed(client, supplier, nc, before)
    _auditor_looks(client, request_id)
    tell_of_a_supplier(client)
    _refusals(client, nc)
    return client.passed


def _supplier_is_created(client: DemoClient) -> dict[str, Any]:
    chapter("Procurement records a supplier whose certificate is valid")
    expiry = (datetime.now(UTC).date() + timedelta(days=400)).isoformat()
    body = {"name": f"Nordstahl Forge {uuid.uuid4().hex[:8]} GmbH", "certification_expiry": expiry}
    created = client.call("POST", "/suppliers", who="procurement", body=body, expected=201).body
    client.expect("the supplier is at risk", created["is_at_risk"], False)
    client.wait_for("the worker has assessed the supplier", lambda: _supplier(client, created)["risk_assessed_at"])
    return _supplier(client, created)


def _noted_level(client: DemoClient, supplier: dict[str, Any]) -> str | None:
    """Return the level that the trail was told last."""
    query = f"?entity_type=supplier&entity_id={supplier['id']}&action=SUPPLIER_RISK_CHANGED&limit=20"
    noted = client.call("GET", f"/audit-log{query}", who="auditor").body["results"]
    return next((entry["changes"]["risk_level"][1] for entry in noted if "risk_level" in entry["changes"]), None)


def _nonconformity_is_opened(
    client: DemoClient, supplier: dict[str, Any], request_id: str, before: dict[str, Any]
) -> dict[str, Any]:
    chapter("Quality opens a non-conformity of severity high")
    body = {
        "supplier_id": supplier["id"],
        "severity": "high",
        "description": "Lot 4711: bore diameter 12.08 mm, tolerance 12.00 ± 0.02 mm",
    }
    opened = client.call("POST", "/ncs", who="quality", body=body, expected=201, request_id=request_id)
    client.expect("the request id in the answer", opened.headers.get("X-Request-ID"), request_id)
    client.expect("the status of the NC", opened.body["status"], "OPEN")

    chapter("The supplier's risk has changed; the worker handles the event, and notes that in the trail")
    level = supplier["risk_level"]
    client.wait_for(
        "the worker has noted another risk level", lambda: _noted_level(client, supplier) not in (None, level)
    )
    seen = client.call("GET", f"/suppliers/{supplier['id']}", who="quality").body
    client.expect("the supplier is at risk", seen["is_at_risk"], True)
    client.expect("its open NCs of severity high", seen["nc_open_high"], 1)
    query = f"?event_type=NC_CREATED&aggregate_id={opened.body['id']}"
    events = client.call("GET", f"/outbox/events{query}", who="admin").body["results"]
    client.expect("the event's status", [event["status"] for event in events], ["DONE"])
    _expect_kpi(client, before, {"nc_open": 1, "nc_open_high": 1, "nc_closed": 0, "suppliers_at_risk": 1})
    nc: dict[str, Any] = opened.body
    return nc


def _case_is_worked_on(client: DemoClient, nc: dict[str, Any]) -> None:
    chapter("Quality works on the case: containment, disposition, cause, an action")
    path, quality = f"/ncs/{nc['id']}", "quality"
    contained = client.call("PATCH", f"{path}/contain", who=quality, body={"containment": "Lot 4711 blocked"}).body
    client.expect("the phase of the case", contained["phase"], "contained")
    body = {"disposition": "use_as_is", "disposition_qty": 40, "reason": "The assembly tolerates it"}
    client.call("PATCH", f"{path}/dispose", who=quality, body=body)
    cause = {"cause_code": "machine", "root_cause": "The reamer was worn. Why? No interval is set."}
    client.call("PATCH", f"{path}/analyse", who=quality, body=cause)
    plan = {"kind": "corrective", "title": "Set an interval for the tool change"}
    action = client.call("POST", f"{path}/actions", who=quality, body=plan, expected=201).body
    step = f"/actions/{action['id']}"
    client.call("PATCH", f"{step}/start", who=quality, body={})
    client.call("PATCH", f"{step}/complete", who=quality, body={"note": "It stands in the maintenance plan"})

    chapter("Two pairs of eyes: what quality did, somebody else verifies and concedes")
    verdict = {"effective": True, "note": "No finding in the next three lots"}
    client.call("PATCH", f"{step}/verify", who=quality, body=verdict, expected=403)
    client.call("PATCH", f"{path}/close", who=quality, body={}, expected=409)
    client.call("PATCH", f"{step}/verify", who="admin", body=verdict)
    concession = {"reason": "Drawing note 7 allows it"}
    client.call("PATCH", f"{path}/close", who=quality, body={}, expected=409)
    client.call("PATCH", f"{path}/concede", who=quality, body=concession, expected=403)
    ready = client.call("PATCH", f"{path}/concede", who="admin", body=concession).body
    client.expect("what the case still lacks", (ready["phase"], ready["missing"]), ("ready", []))


def _nonconformity_is_closed(
    client: DemoClient, supplier: dict[str, Any], nc: dict[str, Any], before: dict[str, Any]
) -> None:
    chapter("Quality closes it, and the risk goes back")
    body = {"reason": "Lot sorted and returned, new gauge at the supplier"}
    closed = client.call("PATCH", f"/ncs/{nc['id']}/close", who="quality", body=body).body
    client.expect("the status of the NC", closed["status"], "CLOSED")
    level = supplier["risk_level"]
    client.wait_for("the worker has noted the old risk level", lambda: _noted_level(client, supplier) == level)
    client.expect("the supplier's risk level", _supplier(client, supplier)["risk_level"], level)
    client.expect("the supplier is at risk", _supplier(client, supplier)["is_at_risk"], False)
    again = client.call("PATCH", f"/ncs/{nc['id']}/close", who="quality", body=body).body
    client.expect("closing it again changed something", again != closed, False)
    _expect_kpi(client, before, {"nc_open": 0, "nc_open_high": 0, "nc_closed": 1, "suppliers_at_risk": 0})


def _auditor_looks(client: DemoClient, request_id: str) -> None:
    chapter("The auditor asks what that one request caused")
    entries = client.call("GET", f"/audit-log?request_id={request_id}", who="auditor").body["results"]
    client.expect("the actions in the trail", sorted(entry["action"] for entry in entries), NC_ACTIONS)
    actors = {entry["action"]: entry["actor"] for entry in entries}
    client.expect("who acted", [actors[action] for action in NC_ACTIONS], ["quality", "system"])


def _refusals(client: DemoClient, nc: dict[str, Any]) -> None:
    chapter("What is not allowed is refused")
    supplier = {"name": "Not allowed GmbH"}
    client.call("POST", "/suppliers", who="quality", body=supplier, expected=403)
    client.call("GET", "/kpi", who="procurement", expected=403)
    client.call("GET", "/audit-log", who="procurement", expected=403)
    client.call("PATCH", f"/ncs/{nc['id']}/close", who="auditor", body={}, expected=403)
    client.call("GET", "/suppliers", expected=401)
    wrong = {"username": "quality", "password": "a guess"}
    client.call("POST", "/auth/login", body=wrong, expected=401)
    unknown = {"supplier_id": 2_000_000_000, "severity": "urgent", "description": "x", "status": "CLOSED"}
    client.call("POST", "/ncs", who="quality", body=unknown, expected=400)


def _supplier(client: DemoClient, supplier: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = client.call("GET", f"/suppliers/{supplier['id']}", who="quality", quiet=True).body
    return found


def _kpi(client: DemoClient, *, show: bool = False) -> dict[str, Any]:
    figures: dict[str, Any] = client.call("GET", "/kpi", who="auditor", quiet=not show).body
    return figures


def _expect_kpi(client: DemoClient, before: dict[str, Any], changes: dict[str, int]) -> None:
    after = _kpi(client, show=True)
    client.expect("the key figures changed by", {name: after[name] - before[name] for name in changes}, changes)


if __name__ == "__main__":
    run_program(main)
