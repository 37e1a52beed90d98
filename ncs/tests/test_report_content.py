"""The report says what the case, its actions, its files and the trail say: D1 to D8, signatures and proof."""

from __future__ import annotations

import hashlib

import pytest
from django.utils.timezone import now

from audit.models import AuditEntry, AuditSeal, SealedEntry
from audit.proof.documents import entry_document
from audit.proof.sealing import seal_new_entries
from audit.proof.verify_export import leaf
from ncs.errors import NonConformityNotFound
from ncs.report import content
from ncs.report.content import report_of
from ncs.services import contain_nonconformity, start_action
from ncs.tests.reports import png, put, worked_on
from suppliers.models import Supplier

pytestmark = pytest.mark.django_db


@pytest.fixture
def case(make_nc, users):
    details = {"part_no": "P 7", "lot_no": "4711", "po_ref": "PO 9", "qty_received": 200, "qty_defective": 40}
    return worked_on(make_nc(severity="high", description="Bore 12.08 mm", **details), users)


def said_in(report, number: int) -> dict[str, str]:
    return {line.label: line.text for line in report.sections[number - 1].lines}


class TestReportOf:
    def test_has_the_eight_steps_in_their_order(self, case):
        assert [each.heading[:2] for each in report_of(case.pk).sections] == [f"D{number}" for number in range(1, 9)]

    def test_says_whose_case_it_is_and_what_was_found(self, case):
        report = report_of(case.pk)

        assert said_in(report, 1) == {"Owner": "quality", "Team": "admin", "At the supplier": "Anna Weiss"}
        found = said_in(report, 2)
        assert (found["Description"], found["Part number"], found["Lot number"]) == ("Bore 12.08 mm", "P 7", "4711")
        assert (found["Order number"], found["Pieces received"], found["Pieces defective"]) == ("PO 9", "200", "40")

    def test_says_what_was_decided_and_who_conceded_it_and_why(self, case):
        said = said_in(report_of(case.pk), 3)

        assert (said["Containment"], said["Disposition"]) == ("Lot 4711 blocked", "Use as is, by concession, 40 pieces")
        assert said["Concession"].startswith("admin, 20")
        assert said["Reason of the concession"] == "Function is not affected"

    def test_puts_each_action_into_its_step(self, case):
        tables = {number: report_of(case.pk).sections[number - 1].tables for number in (3, 5, 6, 7)}

        actions = {number: [row[0] for row in table.rows] for number, (table,) in tables.items()}
        assert actions == {
            3: ["1. Sort the stock"],
            5: ["2. Set an interval"],
            6: ["2. Set an interval"],
            7: ["3. All tools"],
        }
        ((_, state, done, verified),) = tables[6][0].rows
        assert (state, done.partition("\n")[0]) == ("Effective", "Set an interval: done")
        assert verified.startswith("Three lots without a finding\nadmin, 20")

    def test_says_cause_and_closing(self, case):
        report = report_of(case.pk)

        assert said_in(report, 4)["Root cause"] == "Worn reamer.\nWhy? No interval."
        assert said_in(report, 8)["Reason"] == "Report accepted"

    def test_says_of_a_new_case_what_is_not_stated(self, make_nc):
        report = report_of(make_nc(severity="high").pk)

        assert said_in(report, 4) == {"Root cause": "Not stated"}
        assert said_in(report, 8)["Closed"] == "Not closed yet"
        assert "root cause" in said_in(report, 8)["Missing for closing"]

    def test_is_signed_by_name_and_time(self, case):
        rows = report_of(case.pk).signatures.rows

        assert [(step, name) for step, name, _ in rows] == [
            ("Recorded", "quality"), ("Contained", "quality"), ("Disposition decided", "quality"),
            ("Concession given", "admin"), ("Root cause analysed", "quality"),
            ("Action 1 completed", "quality"), ("Action 1 verified", "admin"),
            ("Action 2 completed", "quality"), ("Action 2 verified", "admin"),
            ("Action 3 completed", "quality"), ("Action 3 verified", "admin"),
            ("Closed", "quality"),
        ]  # fmt: skip
        assert {at[:2] for _, _, at in rows} == {"20"}

    def test_lists_files_with_their_digests(self, make_nc, users):
        nc = make_nc()
        put(nc, png(), users, description="The bore")

        (file,) = report_of(nc.pk).files

        assert (file.sha256, file.about) == (hashlib.sha256(png()).hexdigest(), "the case")
        assert file.attached.startswith("The bore · quality, ")

    def test_is_refused_for_a_case_that_is_not_there(self, users):
        with pytest.raises(NonConformityNotFound):
            report_of(4711)

    def test_asks_the_database_a_bounded_number_of_times(self, case, django_assert_max_num_queries):
        with django_assert_max_num_queries(12):
            report_of(case.pk)

    def test_is_gathered_anew_when_somebody_changed_the_case_meanwhile(self, make_nc, users, monkeypatch):
        nc = make_nc()
        gathered = []

        def slowly(nc_id):
            gathered.append(nc_id)
            found = before(nc_id)
            if len(gathered) == 1:
                contain_nonconformity(nc_id=nc.pk, containment="Lot blocked", actor=users["quality"])
            return found

        before = content._gathered
        monkeypatch.setattr(content, "_gathered", slowly)

        assert said_in(report_of(nc.pk), 3)["Containment"] == "Lot blocked"
        assert len(gathered) == 2


class TestTheProof:
    def proof_of(self, nc) -> dict[str, str]:
        return {line.label: line.text for line in report_of(nc.pk).proof}

    def test_names_the_newest_entry_about_the_case_or_an_action(self, make_nc, make_action, users):
        nc = make_nc()
        action = make_action(nc_id=nc.pk)
        start_action(action_id=action.pk, actor=users["quality"])
        newest = AuditEntry.objects.about("action", action.pk)[0]
        make_nc()

        assert self.proof_of(nc)["Newest entry"].startswith(f"Number {newest.pk}: Action begun, by quality, 20")

    def test_says_that_it_is_not_sealed_yet(self, make_nc):
        assert self.proof_of(make_nc())["Seal"].startswith("Not sealed yet.")

    def test_names_number_and_hash_of_the_seal_and_the_digest_that_it_covers(self, make_nc):
        nc = make_nc()
        seal_new_entries()
        seal = AuditSeal.objects.get()

        proof = self.proof_of(nc)

        assert proof["Seal"].startswith(f"Number {seal.number}, 20")
        assert proof["Hash of the seal"] == seal.hash
        assert "Warning" not in proof
        assert len(proof["Digest of the entry"]) == 64

    def test_warns_of_an_entry_that_the_application_did_not_write(self, make_nc):
        nc = make_nc()
        given = {"actor": "x", "actor_role": "admin", "actor_digest": "0" * 64, "source": "api"}
        foreign = AuditEntry(action="NC_CLOSED", entity_type="nonconformity", entity_id=str(nc.pk), **given)
        AuditEntry.objects.bulk_create([foreign])

        assert self.proof_of(nc)["Warning"] == "The entry is not as it was written. Have the audit trail verified."

    def test_believes_no_seal_that_the_application_did_not_make(self, make_nc):
        nc = make_nc()
        entry = AuditEntry.objects.about("nonconformity", nc.pk)[0]
        digest = leaf(entry_document(entry))
        hashes = {"previous_hash": "0" * 64, "merkle_root": "0" * 64, "hash": "f" * 64}
        AuditSeal.objects.bulk_create([AuditSeal(number=9, entry_count=1, total=1, sealed_at=now(), **hashes)])
        SealedEntry.objects.bulk_create([SealedEntry(entry_id=entry.pk, seal_id=9, position=0, digest=digest)])

        proof = self.proof_of(nc)

        assert proof["Warning"] == "The entry is not as it was sealed. Have the audit trail verified."
        assert "Hash of the seal" not in proof

    def test_says_how_to_check_it_without_a_network(self, make_nc):
        assert "without a network" in report_of(make_nc().pk).how_to_check


class TestTheDigest:
    def test_is_the_same_for_what_says_the_same(self, case):
        assert report_of(case.pk).digest() == report_of(case.pk).digest()

    def test_is_another_after_each_change_of_what_is_said(self, make_nc, users):
        nc = make_nc()
        digests = [report_of(nc.pk).digest()]
        contain_nonconformity(nc_id=nc.pk, containment="Lot blocked", actor=users["quality"])
        digests.append(report_of(nc.pk).digest())
        put(nc, png(), users)
        digests.append(report_of(nc.pk).digest())
        seal_new_entries()
        digests.append(report_of(nc.pk).digest())
        Supplier.objects.filter(pk=nc.supplier_id).update(name="Hansa Forge SE")
        digests.append(report_of(nc.pk).digest())

        assert len(set(digests)) == 5
