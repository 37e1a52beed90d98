"""The second half of `make demo`: how a supplier earns its status, what its risk adds up from, tables in and out."""

from __future__ import annotations

import csv
import io
import uuid
from datetime import UTC, date, datetime, timedelta
from typing import Any

from dev.demo_client import DemoClient, chapter

BUYER, QUALITY, ADMIN = "procurement", "quality", "admin"
PDF = b"%PDF-1.4\n1 0 obj\n<< /Type /Catalog >>\nendobj\ntrailer\n<< /Root 1 0 R >>\n%%EOF\n"
STANDARDS = {"iso_9001": "2015", "iso_45001": "2018"}
DELIVERED = ((21_400, 6), (18_900, 31), (20_700, 84))
"""Pieces received and defective in the last three full months, oldest first."""


def tell_of_a_supplier(client: DemoClient) -> None:
    """Tell the story. Raises DemoFailed at the first expectation that did not hold."""
    run = uuid.uuid4().hex[:8]
    supplier = _recorded(client, run)
    certificates = [_handed_in(client, supplier, standard, edition) for standard, edition in STANDARDS.items()]
    _verified(client, certificates)
    _approved(client, supplier)
    _delivered(client, supplier)
    _at_risk(client, supplier)
    _overridden(client, supplier)
    _imported(client, run)
    _exported(client, run)
    _figures(client, supplier)


def _recorded(client: DemoClient, run: str) -> str:
    chapter("Procurement records a supplier of which two standards are required")
    body = {
        "name": f"Isar Castings {run} GmbH", "country": "DE", "category": "component", "criticality": "A",
        "required_standards": list(STANDARDS),
    }  # fmt: skip
    created = client.call("POST", "/suppliers", who=BUYER, body=body, expected=201).body
    client.expect("the status of a new supplier", created["status"], "pending")
    path = f"/suppliers/{created['id']}"

    chapter("Nobody can approve it yet: the refusal names what is missing")
    decision = {"status": "approved", "reason": "First samples are good"}
    client.call("POST", f"{path}/status", who=BUYER, body=decision, expected=403)
    refused = client.call("POST", f"{path}/status", who=QUALITY, body=decision, expected=409).body
    client.expect("the refusal", refused["code"], "status_not_earned")
    for name in ("ISO 9001", "ISO 45001"):
        client.expect(f"it names {name}", name in refused["detail"], True)
    return path


def _handed_in(client: DemoClient, supplier: str, standard: str, edition: str) -> str:
    chapter(f"Procurement hands in a certificate of {standard} with its PDF")
    today = _today()
    body = {
        "supplier_id": _id(supplier), "standard": standard, "edition": edition, "number": f"12 100 {_id(supplier)}",
        "issuer": "DQS", "valid_from": (today - timedelta(days=200)).isoformat(),
        "valid_to": (today + timedelta(days=800)).isoformat(),
    }  # fmt: skip
    certificate = client.call("POST", "/certificates", who=BUYER, body=body, expected=201).body
    client.expect("the status of the certificate", certificate["status"], "submitted")
    fields = {"entity_type": "certificate", "entity_id": str(certificate["id"]), "description": "As handed in"}
    client.upload("/attachments", who=BUYER, fields=fields, name=f"{standard}.pdf", content=PDF)
    return f"/certificates/{certificate['id']}"


def _verified(client: DemoClient, certificates: list[str]) -> None:
    chapter("Four eyes: neither who handed it in verifies a certificate, nor who corrected it")
    how = {"method": "register", "ref": "IAF CertSearch"}
    first = certificates[0]
    client.call("PATCH", f"{first}/verify", who=BUYER, body=how, expected=403)
    correction = {"scope": "Castings of aluminium, 0.2 to 8 kg", "reason": "As the document says"}
    client.call("PATCH", first, who=ADMIN, body=correction)
    refused = client.call("PATCH", f"{first}/verify", who=ADMIN, body=how, expected=403).body
    client.expect("the refusal", refused["code"], "another_person_must")
    for certificate in certificates:
        verified = client.call("PATCH", f"{certificate}/verify", who=QUALITY, body=how).body
        client.expect("the status of the certificate", verified["status"], "verified")


def _approved(client: DemoClient, supplier: str) -> None:
    chapter("Now quality approves the supplier")
    decision = {"status": "approved", "reason": "Both certificates are verified, first samples are good"}
    approved = client.call("POST", f"{supplier}/status", who=QUALITY, body=decision).body
    client.expect("the status of the supplier", approved["status"], "approved")


def _delivered(client: DemoClient, supplier: str) -> None:
    chapter("What it delivered in three months, and its PPM with the counts behind it")
    for (received, defective), month in zip(DELIVERED, _last_months(3), strict=True):
        body = {"received_qty": received, "defective_qty": defective, "received_lots": 12}
        client.call("PUT", f"{supplier}/volumes/{month}", who=BUYER, body=body, expected=201)
    impossible = {"received_qty": 10, "defective_qty": 11}
    client.call("PUT", f"{supplier}/volumes/{_last_months(1)[0]}", who=BUYER, body=impossible, expected=400)
    figures = client.call("GET", f"/kpi/quality?supplier_id={_id(supplier)}", who=QUALITY, quiet=True).body
    ppm = {name: figures["ppm"]["last_3_months"][name] for name in ("received", "defective", "ppm")}
    client.expect("PPM of the last three months", ppm, {"received": 61_000, "defective": 121, "ppm": 1_983.6})


def _at_risk(client: DemoClient, supplier: str) -> None:
    chapter("Cases raise its score, and the lines of the score add up to it")
    client.wait_for("the worker has assessed the supplier", lambda: _risk(client, supplier)["is_current"])
    before = _risk(client, supplier)
    for severity, text in (("medium", "Lot 311: pores at the sealing face"), ("low", "Lot 312: labels without lot")):
        body = {"supplier_id": _id(supplier), "severity": severity, "category": "surface", "description": text}
        client.call("POST", "/ncs", who=QUALITY, body=body, expected=201)
    client.wait_for("the worker has looked at both cases", lambda: _has_cases(_risk(client, supplier)))
    risk = client.call("GET", f"{supplier}/risk", who=BUYER).body
    client.expect("the score is higher than before", risk["score"] > before["score"], True)
    client.expect("its lines", {line["code"]: line["points"] for line in risk["lines"]},
                  {"open_ncs": 7, "repeats": 5, "ppm": 2})  # fmt: skip
    client.expect("they add up to the score", sum(line["points"] for line in risk["lines"]), risk["score"])


def _has_cases(risk: dict[str, Any]) -> bool:
    return bool(risk["is_current"]) and any(line["code"] == "repeats" for line in risk["lines"])


def _overridden(client: DemoClient, supplier: str) -> None:
    chapter("Quality overrides the level: with a reason, and for 90 days at most")
    body = {"level": "high", "reason": "Only source of the housing, and its furnace is being rebuilt"}
    path = f"{supplier}/risk/override"
    last = _today() + timedelta(days=90)
    client.call("POST", path, who=BUYER, body=body | {"until": last.isoformat()}, expected=403)
    too_late = (last + timedelta(days=1)).isoformat()
    client.call("POST", path, who=QUALITY, body=body | {"until": too_late}, expected=400)
    risk = client.call("POST", path, who=QUALITY, body=body | {"until": last.isoformat()}).body
    client.expect("the level that is shown", risk["level"], "high")
    client.expect("computed is still", (risk["computed_level"], risk["score"]), ("low", 14))


def _imported(client: DemoClient, run: str) -> None:
    chapter("Procurement imports a table. One row is bad, and the preview says why")
    table = (
        "Name;Country;Criticality\r\n"
        f"Iller Springs {run} GmbH;DE;B\r\n"
        f"Lech Gaskets {run} GmbH;Atlantis;C\r\n"
        f"Inn Fasteners {run} GmbH;AT;B\r\n"
    )
    fields = {"kind": "suppliers", "mode": "good_rows"}
    job = client.upload("/imports", who=BUYER, fields=fields, name="suppliers.csv", content=table.encode()).body
    client.expect("rows that are good and bad", (job["foreseen_new"], job["foreseen_bad"]), (2, 1))
    client.expect("the bad one", [(each["row"], each["field"]) for each in job["problems"]], [(3, "country")])
    path = f"/imports/{job['id']}"
    client.call("POST", f"{path}/start", who=BUYER, body={})

    def ended() -> bool:
        status: str = client.call("GET", path, who=BUYER, quiet=True).body["status"]
        return status != "running"

    client.wait_for("the worker has imported it", ended)
    done = client.call("GET", path, who=BUYER, quiet=True).body
    kept = (done["status"], done["rows_new"], done["rows_refused"])
    client.expect("the good rows are kept", kept, ("done", 2, 1))


def _exported(client: DemoClient, run: str) -> None:
    chapter("The list as it is filtered, as CSV")
    text = client.download(f"/suppliers?search={run}&status=pending", who=BUYER, accept="text/csv")
    names = sorted(row["name"] for row in csv.DictReader(io.StringIO(text)))
    client.expect("its suppliers", names, [f"Iller Springs {run} GmbH", f"Inn Fasteners {run} GmbH"])


def _figures(client: DemoClient, supplier: str) -> None:
    chapter("Figures of the quarter, and what was known of it yesterday")
    today = _today()
    quarter = date(today.year, 3 * ((today.month - 1) // 3) + 1, 1)
    asked = f"/kpi/quality?supplier_id={_id(supplier)}&from={quarter}"
    client.call("GET", "/kpi/quality", who=BUYER, expected=403)
    now = client.call("GET", asked, who=QUALITY).body
    client.expect("open cases", (now["open"]["n"], now["repeats"]["repeats"]), (2, 1))
    yesterday = today - timedelta(days=1)
    asked = f"/kpi/quality?supplier_id={_id(supplier)}&as_of={yesterday}"
    then = client.call("GET", asked, who=QUALITY, quiet=True).body
    client.expect("open cases, as known yesterday", then["open"]["n"], 0)
    client.call("GET", f"/kpi/quality?as_of={today + timedelta(days=1)}", who=QUALITY, expected=400)


def _risk(client: DemoClient, supplier: str) -> dict[str, Any]:
    found: dict[str, Any] = client.call("GET", f"{supplier}/risk", who=BUYER, quiet=True).body
    return found


def _id(path: str) -> int:
    return int(path.rpartition("/")[2])


def _today() -> date:
    return datetime.now(UTC).date()


def _last_months(number: int) -> list[str]:
    """Return the last full months, the oldest first."""
    month = _today().year * 12 + _today().month - 1
    return [f"{each // 12}-{each % 12 + 1:02}" for each in range(month - number, month)]
