"""What auditors see of the proof in the admin, and what they can do there: verify the end, and take entries away."""

from __future__ import annotations

import io
import json
import subprocess
import sys
import zipfile
from datetime import timedelta

import pytest
from django.core.management import call_command
from django.db import connection
from django.test import Client

from audit.admin import banner
from audit.models import AuditEntry, AuditSeal, SealedEntry
from audit.proof import export
from audit.proof.sealing import seal_new_entries
from audit.tests.test_commands import falsify
from qhse.uuid7 import uuid7

LIST = "/admin/audit/auditentry/"


@pytest.fixture
def auditor(users) -> Client:
    client = Client()
    client.force_login(users["auditor"])
    return client


def tiles(client) -> list[tuple[str, str, str]]:
    """Return the first three: what is sealed, what is not, what was verified."""
    return all_tiles(client)[:3]


def all_tiles(client) -> list[tuple[str, str, str]]:
    return [(tile.figure, tile.text, tile.kind) for tile in client.get(LIST).context_data["trail"]["tiles"]]


def messages_of(response) -> list[str]:
    return [str(message) for message in response.context["messages"]]


def test_a_new_trail_is_neither_sealed_nor_verified(auditor):
    sealed, unsealed, verified = tiles(auditor)

    assert sealed == ("–", "nothing is sealed yet", "warn")
    assert unsealed == ("4", "entries not sealed yet", "")
    assert verified == ("–", "never verified as a whole", "warn")


def test_the_banner_tells_the_last_seal_and_what_waits_for_the_next(auditor, trail):
    sealed, unsealed, _ = tiles(auditor)

    head = AuditSeal.objects.order_by("-number")[0]
    assert sealed == (
        f"{head.sealed_at:%Y-%m-%d}",
        f"sealed up to {head.sealed_at:%H:%M} UTC; the last seal is number {head.number}", "",
    )  # fmt: skip
    assert unsealed == ("2", "entries not sealed yet", "")


def test_entries_that_wait_for_long_ask_for_a_worker(auditor, trail, monkeypatch):
    monkeypatch.setattr(banner, "held_up_after", lambda: -timedelta(days=1))

    assert tiles(auditor)[1] == ("2", "entries not sealed yet; does a worker run?", "warn")


def test_the_button_verifies_the_newest_seals_and_records_it(auditor, trail):
    response = auditor.post(f"{LIST}verify/", follow=True)

    head = AuditSeal.objects.order_by("-number")[0]
    (message,) = messages_of(response)
    entries = SealedEntry.objects.count()
    assert message == f"{entries} entries in {head.number} seals and 2 unsealed entries: all as they were written."
    entry = AuditEntry.objects.get(action="AUDIT_TRAIL_PARTLY_VERIFIED")
    assert (entry.actor, entry.entity_id, entry.source) == ("auditor", str(head.number), "admin")
    assert entry.changes == {
        "findings": [None, 0], "first_seal": [None, 1], "seals": [None, head.number], "unsealed": [None, 2],
        "accepted": [None, 0],
    }  # fmt: skip
    figure, text, kind = tiles(auditor)[2]
    assert (figure, kind) == ("–", "warn")
    assert text.startswith(f"never verified as a whole; seals 1–{head.number}, by auditor on ")


def test_the_button_names_what_is_wrong(auditor, trail, monkeypatch):
    pk = falsify(reason="as agreed")

    response = auditor.post(f"{LIST}verify/", follow=True)

    assert messages_of(response)[1:] == [f"entry {pk}: is not what seal 1 sealed"]
    assert tiles(auditor)[2][0::2] == ("1 finding", "bad")


def test_the_button_does_not_list_a_thousand_findings(auditor, trail, monkeypatch):
    monkeypatch.setattr(banner, "SHOWN", 1)
    entries = AuditEntry.objects.order_by("pk")
    first, others = entries[0].pk, entries.count() - 1
    monkeypatch.setattr("audit.proof.verification.has_its_name", lambda entry: False)

    messages = messages_of(auditor.post(f"{LIST}verify/", follow=True))

    assert messages[1:] == [f"entry {first}: does not bear its actor's name", f"… and {others:,} more"]


def test_the_work_of_the_button_is_bounded(auditor, trail, monkeypatch):
    monkeypatch.setattr(banner, "NEWEST", 2)
    falsify(reason="as agreed")

    (message,) = messages_of(auditor.post(f"{LIST}verify/", follow=True))

    assert " in 2 seals and 2 unsealed entries: all as they were written." in message


@pytest.mark.parametrize("role", ["quality", "procurement"])
def test_others_do_not_verify(users, role, trail):
    client = Client()
    client.force_login(users[role])

    assert client.post(f"{LIST}verify/").status_code == 403
    assert not AuditEntry.objects.filter(entity_type="audit_trail").exists()


def test_the_button_is_protected_against_other_sites(users, trail):
    client = Client(enforce_csrf_checks=True)
    client.force_login(users["auditor"])

    assert client.post(f"{LIST}verify/").status_code == 403


def test_the_command_records_a_complete_verification(auditor, trail):
    call_command("verify_audit_trail", "--record", stdout=io.StringIO())

    figure, text, kind = tiles(auditor)[2]
    assert (figure, kind) == (f"up to seal {AuditSeal.objects.count()}", "good")
    assert text.startswith("verified: all of it, by system on ")


def test_the_button_does_not_turn_a_finding_of_the_whole_green(auditor, trail, monkeypatch):
    monkeypatch.setattr(banner, "NEWEST", 2)
    falsify(reason="as agreed")
    with pytest.raises(SystemExit):
        call_command("verify_audit_trail", "--record", stdout=io.StringIO())

    auditor.post(f"{LIST}verify/")
    last = AuditSeal.objects.latest("number").sealed_at.isoformat()
    call_command("verify_audit_trail", "--since", last, "--record", stdout=io.StringIO())

    figure, text, kind = tiles(auditor)[2]
    assert (figure, kind) == ("1 finding", "bad")
    assert text.startswith("when verified: all of it, by system on ")


def test_a_finding_of_a_part_stays_until_the_whole_is_verified(auditor, trail, monkeypatch):
    call_command("verify_audit_trail", "--record", stdout=io.StringIO())
    monkeypatch.setattr("audit.proof.verification.has_its_name", lambda entry: False)
    auditor.post(f"{LIST}verify/")
    monkeypatch.undo()
    auditor.post(f"{LIST}verify/")
    assert tiles(auditor)[2][2] == "bad"

    call_command("verify_audit_trail", "--record", stdout=io.StringIO())
    auditor.post(f"{LIST}verify/")

    figure, text, kind = tiles(auditor)[2]
    assert (figure, kind) == (f"up to seal {AuditSeal.objects.count()}", "good")
    assert f"; seals 1–{AuditSeal.objects.count()}, by auditor on " in text


def test_who_can_only_insert_paints_nothing_green(auditor, trail):
    falsify(reason="as agreed")
    with pytest.raises(SystemExit):
        call_command("verify_audit_trail", "--record", stdout=io.StringIO())
    forged = AuditEntry.objects.get(action="AUDIT_TRAIL_VERIFIED")
    forged.pk, forged.uid, forged._state.adding = None, uuid7(), True
    forged.changes["findings"] = [None, 0]
    forged.save()

    assert tiles(auditor)[2][2] == "bad"


def test_a_forged_last_seal_breaks_no_page(auditor, trail):
    head = AuditSeal.objects.latest("number")
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO audit_auditseal (number, previous_hash, merkle_root, entry_count, total, horizon, sealed_at, "
            "hash, mark) VALUES (%s, '', '', 1, 1, 'infinity', 'infinity', '', '')", [head.number + 1],
        )  # fmt: skip

    assert tiles(auditor)[0][1].endswith(f"seal is number {head.number}")
    named = messages_of(auditor.post(f"{LIST}verify/", follow=True))
    assert any(line.startswith(f"seal {head.number + 1}: ") for line in named)


# --- The export action ------------------------------------------------------------------------------------------


def exported(response, directory) -> list[dict[str, object]]:
    """Unpack the download, let its verifier check it, and return the entries."""
    assert response["Content-Type"] == "application/zip"
    with zipfile.ZipFile(io.BytesIO(b"".join(response.streaming_content))) as archive:
        archive.extractall(directory)
    unpacked = directory / "audit-export"
    done = subprocess.run(
        [sys.executable, "-I", "-S", str(unpacked / "verify_export.py")], capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return [json.loads(line)["entry"] for line in (unpacked / "entries.jsonl").read_text().splitlines()]


def choose(client, ids, query="", **more):
    return client.post(f"{LIST}{query}", {"action": "export_selected", "_selected_action": ids} | more)


def test_selected_entries_are_taken_away_with_their_proofs(auditor, trail, tmp_path):
    ids = list(AuditEntry.objects.order_by("pk").values_list("pk", flat=True)[2:7])

    response = choose(auditor, ids)

    assert [entry["id"] for entry in exported(response, tmp_path)] == ids
    recorded = AuditEntry.objects.get(action="AUDIT_TRAIL_EXPORTED")
    assert (recorded.actor, recorded.changes["filter"], recorded.changes["entries"]) == (
        "auditor", [None, {"ids": ids}], [None, 5],
    )  # fmt: skip
    assert recorded.entity_id[:12] in response["Content-Disposition"]


def test_the_filter_on_the_screen_is_taken_away(auditor, trail, tmp_path):
    query = "?actor=quality"
    some = AuditEntry.objects.filter(actor="quality").first().pk

    response = choose(auditor, [some], query, select_across="1")

    assert {entry["actor_role"] for entry in exported(response, tmp_path)} == {"quality"}
    recorded = AuditEntry.objects.get(action="AUDIT_TRAIL_EXPORTED")
    assert recorded.changes["filter"] == [None, {"actor": "quality"}]


def test_too_many_entries_are_left_to_the_command(auditor, trail, monkeypatch):
    monkeypatch.setattr(export, "MOST_IN_ZIP", 3)
    ids = list(AuditEntry.objects.values_list("pk", flat=True)[:4])

    response = auditor.post(LIST, {"action": "export_selected", "_selected_action": ids}, follow=True)

    assert "manage.py export_audit_trail" in messages_of(response)[0]
    assert not AuditEntry.objects.filter(action="AUDIT_TRAIL_EXPORTED").exists()


def test_a_chain_that_is_too_long_for_a_page_is_left_to_the_command(auditor, trail, tmp_path, monkeypatch):
    monkeypatch.setattr(export, "MOST_SEALS_IN_ZIP", 3)
    first, last = (SealedEntry.objects.order_by(order)[0].entry_id for order in ("seal_id", "-seal_id"))

    response = auditor.post(LIST, {"action": "export_selected", "_selected_action": [first]}, follow=True)

    assert "More than 3 seals" in messages_of(response)[0]
    assert "manage.py export_audit_trail" in messages_of(response)[0]
    assert len(exported(choose(auditor, [last]), tmp_path)) == 1


def test_a_search_that_the_list_ignores_exports_nothing(auditor, trail):
    query = "?q=%00"

    response = choose(auditor, [AuditEntry.objects.first().pk], query, select_across="1")

    assert response.status_code == 302
    assert not AuditEntry.objects.filter(action="AUDIT_TRAIL_EXPORTED").exists()


def test_entries_that_are_not_sealed_have_no_proof_yet(auditor, trail):
    ids = list(AuditEntry.objects.unsealed().values_list("pk", flat=True))

    response = auditor.post(LIST, {"action": "export_selected", "_selected_action": ids}, follow=True)

    assert "try again in a minute" in messages_of(response)[0]


@pytest.mark.parametrize("ids", [["x"], ["1 OR 1=1"], ["9" * 40]])
def test_a_selection_of_rubbish_is_refused(auditor, trail, ids):
    response = auditor.post(LIST, {"action": "export_selected", "_selected_action": ids}, follow=True)

    assert response.status_code == 200
    assert not AuditEntry.objects.filter(action="AUDIT_TRAIL_EXPORTED").exists()


def test_the_pages_of_entries_stay_without_anything_to_change(auditor, trail):
    page = auditor.get(f"{LIST}{AuditEntry.objects.first().pk}/change/")

    assert page.status_code == 200
    assert b'name="_save"' not in page.content


def test_sealing_goes_on_after_all_that(auditor, trail):
    auditor.post(f"{LIST}verify/")
    seal_new_entries()

    assert tiles(auditor)[1][0] == "0"
