"""A program of one file tells whether an export is the trail's, with nothing but Python."""

from __future__ import annotations

import hashlib
import json
import random
import sys
from pathlib import Path

import pytest
from django.core.management import call_command

from audit.models import AuditEntry, AuditSeal, SealedEntry
from audit.proof import verify_export
from audit.proof.checkpoints import checkpoint_of
from audit.proof.sealing import seal_new_entries
from audit.proof.tests.exports import check, lines_of
from audit.proof.verify_export import canonical, leaf, seal_hash
from qhse.accounts.services.users import change_user, pseudonymise_user

pytestmark = pytest.mark.once

MANIPULATIONS = 60


def checkpoints_of_all(path: Path) -> Path:
    seals = AuditSeal.objects.order_by("number")
    path.write_text("".join(f"{json.dumps(checkpoint_of(seal))}\n" for seal in seals))
    return path


def test_an_untouched_export_is_accepted(export, trail):
    directory = export()

    assert check(directory) == (0, "\n".join([
        "proven: each entry is what its seal covers, and the seals are one chain",
        "NOT proven: that the chain is the trail's, and not invented as a whole; give --checkpoint",
        "NOT proven: that nothing was left out, and what was chosen (the manifest's filter); give --sha256",
        f"everything agrees: {SealedEntry.objects.count()} entries\n",
    ]))  # fmt: skip
    assert sorted(path.name for path in directory.iterdir()) == [
        "entries.jsonl", "manifest.json", "seals.jsonl", "verify_export.py",
    ]  # fmt: skip


def test_the_chain_is_checked_against_checkpoints_kept_elsewhere(export, trail, tmp_path):
    directory = export()
    file = tmp_path / "checkpoints"
    file.write_text(json.dumps(trail[0]))
    code, output = check(directory, "--checkpoint", str(file))
    assert code == 0
    assert "proven: the chain is the one of 1 checkpoints\n" in output

    file.write_text(json.dumps(trail[0] | {"hash": "0" * 64}))

    code, output = check(directory, "--checkpoint", str(file))
    assert code == 1
    assert f"seal {trail[0]['number']} is not the one of the checkpoint" in output


def test_earlier_and_later_checkpoints_in_the_file_are_as_usual(export, write, tmp_path):
    third = SealedEntry.objects.filter(seal_id=3).values_list("entry_id", flat=True)[0]
    directory = export("--since", AuditEntry.objects.get(pk=third).created_at.isoformat())
    seal_new_entries()
    write(3)
    seal_new_entries()

    code, output = check(directory, "--checkpoint", str(checkpoints_of_all(tmp_path / "checkpoints")))

    first, last = (lines_of(directory / "seals.jsonl")[at]["number"] for at in (0, -1))
    older, later = first - 1, AuditSeal.objects.count() - last
    assert (code, older > 0, later) == (0, True, 2), output
    others = f" ({older} older and 2 later ones are of other seals)"
    assert f"proven: the chain is the one of {last - first + 1} checkpoints{others}\n" in output


@pytest.mark.parametrize("number", [1, 99])
def test_checkpoints_of_other_seals_prove_nothing(export, tmp_path, number):
    last = SealedEntry.objects.order_by("-seal_id")[0].entry_id
    directory = export("--since", AuditEntry.objects.get(pk=last).created_at.isoformat())
    file = tmp_path / "checkpoints"
    file.write_text(json.dumps({"number": number, "hash": "0" * 64}))

    code, output = check(directory, "--checkpoint", str(file))

    assert (code, "no checkpoint is of a seal in this export" in output) == (1, True)


def test_entries_behind_the_last_checkpoint_are_said_not_to_be_proven(export, tmp_path):
    file = checkpoints_of_all(tmp_path / "checkpoints")
    file.write_text("".join(file.read_text().splitlines(keepends=True)[:2]))

    code, output = check(export(), "--checkpoint", str(file))

    behind = SealedEntry.objects.filter(seal_id__gt=2).count()
    assert (code, f"NOT proven: that {behind} entries behind the last" in output) == (0, True)


def test_an_invented_export_with_a_first_seal_beyond_all_checkpoints_is_rejected(export, tmp_path):
    directory = export()
    file = checkpoints_of_all(tmp_path / "checkpoints")
    forger = Forger(directory, random.Random(1))
    invent(forger)
    forger.manifest["first_seal"] = 1_000
    forger.save()

    assert check(directory)[0] == 1
    forger.manifest["first_seal"] = 1
    forger.save()
    assert check(directory)[0] == 0  # which it says
    assert check(directory, "--checkpoint", str(file))[0] == 1


def invent(forger):
    """Make one seal over one entry, from nothing."""
    line = next(line for line in forger.entries if line["entry"]["actor_id"] is None)
    line["entry"]["reason"] = "invented"
    seal = forger.seals[0] | {"entry_count": 1, "total": 1, "merkle_root": leaf(line["entry"]).hex()}
    seal["hash"] = seal_hash(seal)
    forger.entries = [line | {"seal": 1, "position": 0, "proof": []}]
    forger.seals = [seal]
    forger.manifest |= {"head": seal["hash"]}


def test_a_pseudonym_with_the_right_id_is_told(export):
    """Without its salt a name proves nothing; the trail's entry about it does."""
    directory = export("--actor", "quality")
    forger = Forger(directory, random.Random(1))
    for line in forger.entries:
        line |= {"actor": f"person-{line['entry']['actor_id']}", "actor_salt": ""}
    forger.save()

    code, output = check(directory)
    assert (code, f"NOT proven: {len(forger.entries)} names are pseudonyms" in output) == (0, True)

    forger.entries[0] |= lines_of(export_again(directory, "--actor", "quality") / "entries.jsonl")[0]
    forger.save()
    code, output = check(directory)
    assert (code, "bears a name in some entries and a pseudonym in others" in output) == (1, True)


def export_again(directory: Path, *options: str) -> Path:
    other = directory.with_name("again")
    call_command("export_audit_trail", "--output", str(other), *options, verbosity=0)
    return other


def test_the_pseudonym_of_a_person_who_was_forgotten_is_explained_by_the_export(users, trail, export):
    change_user(user_id=users["quality"].pk, actor=users["admin"], changes={"is_active": False})
    pseudonymise_user(username="quality", actor=None, reason="asked for it")
    seal_new_entries()

    code, output = check(export())

    assert (code, "pseudonyms" in output) == (0, False)


def test_a_directory_without_an_export_is_said_to_be_none(export, tmp_path):
    directory = export()

    code, output = check(directory, str(tmp_path / "elsewhere"))

    assert (code, "no export that could be checked" in output) == (2, True)


def test_the_verifier_needs_only_what_comes_with_python():
    source = Path(verify_export.__file__).read_text()

    imported = {line.split()[1].split(".")[0] for line in source.splitlines() if line.startswith(("import ", "from "))}
    assert imported <= set(sys.stdlib_module_names)


# --- Manipulations ----------------------------------------------------------------------------------------------


class Forger:
    """Changes an export, and rewrites the manifest so that it agrees wherever that is possible."""

    def __init__(self, directory: Path, chance: random.Random) -> None:
        self.directory, self.chance = directory, chance
        self.entries = lines_of(directory / "entries.jsonl")
        self.seals = lines_of(directory / "seals.jsonl")
        self.manifest = json.loads((directory / "manifest.json").read_text())

    def save(self) -> None:
        for name, lines in (("entries", self.entries), ("seals", self.seals)):
            raw = b"".join(canonical(line) + b"\n" for line in lines)
            (self.directory / f"{name}.jsonl").write_bytes(raw)
            self.manifest |= {name: len(lines), f"{name}_sha256": hashlib.sha256(raw).hexdigest()}
        (self.directory / "manifest.json").write_text(json.dumps(self.manifest))


def change_an_entry(forger):
    line = forger.chance.choice(forger.entries)
    name = forger.chance.choice(sorted(line["entry"]))
    line["entry"][name] = 4711 if line["entry"][name] != 4711 else None


def rename_an_actor(forger):
    forger.chance.choice(forger.entries)["actor"] = "mallory"


def rename_an_actor_as_if_forgotten(forger):
    line = forger.chance.choice(forger.entries)
    line |= {"actor": "person-99", "actor_salt": ""}


def rename_one_of_several_as_if_forgotten(forger):
    lines = [line for line in forger.entries if line["actor"] == "quality"]
    forger.chance.choice(lines)["actor_salt"] = ""
    next(line for line in lines if not line["actor_salt"])["actor"] = f"person-{lines[0]['entry']['actor_id']}"


def add_an_outer_field(forger):
    document = forger.chance.choice([forger.manifest, forger.chance.choice(forger.entries)])
    document["approved_by"] = "the auditor"


def say_something_twice(forger):
    forger.save()
    path = forger.directory / forger.chance.choice(["entries.jsonl", "seals.jsonl", "manifest.json"])
    text = path.read_text().replace("{", '{"version":1,"reason":"first","number":1,"version":1,', 1)
    path.write_text(text)
    forger.save = lambda: None


def say_another_first_seal(forger):
    forger.manifest["first_seal"] += 1


def change_the_filter(forger):
    """Only what the trail recorded of the export tells."""
    forger.manifest["filter"] = {"actor": "quality"}


def change_a_proof(forger):
    line = forger.chance.choice([line for line in forger.entries if line["proof"]])
    line["proof"][0] = "00" * 32


def shorten_a_proof(forger):
    forger.chance.choice([line for line in forger.entries if line["proof"]])["proof"].pop()


def move_an_entry(forger):
    forger.chance.choice(forger.entries)["position"] += 1


def repeat_an_entry(forger):
    place = forger.chance.randrange(len(forger.entries))
    forger.entries.insert(place, forger.entries[place])


def exchange_two_entries(forger):
    first = forger.chance.randrange(len(forger.entries) - 1)
    forger.entries[first : first + 2] = reversed(forger.entries[first : first + 2])


def change_a_seal(forger):
    seal = forger.chance.choice(forger.seals)
    name = forger.chance.choice(sorted(seal))
    seal[name] = 4711 if isinstance(seal[name], int) else "ab" * 32


def change_a_seal_and_its_hash(forger):
    seal = forger.chance.choice(forger.seals)
    seal["sealed_at"] = "2026-01-01T00:00:00.000000Z"
    seal["hash"] = seal_hash(seal)


def take_a_seal_out(forger):
    forger.seals.pop(forger.chance.randrange(len(forger.seals)))


def leave_an_entry_out_and_the_manifest_as_it_is(forger):
    manifest = dict(forger.manifest)
    forger.entries.pop(forger.chance.randrange(len(forger.entries)))
    forger.save()
    (forger.directory / "manifest.json").write_text(json.dumps(manifest))
    forger.save = lambda: None


def leave_an_entry_out_and_change_the_manifest(forger):
    """Only what the trail recorded of the export tells."""
    forger.entries.pop(forger.chance.randrange(len(forger.entries)))


def cut_a_file(forger):
    path = forger.directory / forger.chance.choice(["entries.jsonl", "seals.jsonl", "manifest.json"])
    raw = path.read_bytes()
    path.write_bytes(raw[: len(raw) // 2])
    forger.save = lambda: None


def put_rubbish_in(forger):
    path = forger.directory / forger.chance.choice(["entries.jsonl", "seals.jsonl", "manifest.json"])
    path.write_bytes(forger.chance.choice([b"", b"[]\n", b"null\n", b"\xff\xfe\n", b"{}\n", b"[" * 10_000]))
    forger.save = lambda: None


FORGERIES = [
    change_an_entry, rename_an_actor, rename_an_actor_as_if_forgotten, change_a_proof, shorten_a_proof, move_an_entry,
    repeat_an_entry, exchange_two_entries, change_a_seal, change_a_seal_and_its_hash, take_a_seal_out,
    leave_an_entry_out_and_the_manifest_as_it_is, leave_an_entry_out_and_change_the_manifest, cut_a_file,
    put_rubbish_in, rename_one_of_several_as_if_forgotten, add_an_outer_field, say_something_twice,
    say_another_first_seal, change_the_filter,
]  # fmt: skip


UNREADABLE = (cut_a_file, put_rubbish_in)  # if what is left is no JSON, there is nothing to find anything in


@pytest.mark.parametrize("number", range(MANIPULATIONS))
def test_a_manipulated_export_is_rejected(export, trail, tmp_path, number):
    directory = export()
    recorded = AuditEntry.objects.get(action="AUDIT_TRAIL_EXPORTED").entity_id
    forgery = FORGERIES[number % len(FORGERIES)]
    forger = Forger(directory, random.Random(number))

    forgery(forger)
    forger.save()

    by_itself = forgery not in (leave_an_entry_out_and_change_the_manifest, change_the_filter)
    code, output = check(directory, *(() if by_itself else ("--sha256", recorded)))
    assert code == 1 or (code == 2 and forgery in UNREADABLE), (forgery.__name__, output)
    assert "Traceback" not in output and "everything agrees" not in output
    assert ("something is wrong with this export" in output) == (code == 1)


# --- Files from elsewhere ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_a_file_of_checkpoints_that_windows_has_saved_is_read(export, trail, tmp_path, encoding):
    file = tmp_path / "checkpoints.txt"
    file.write_bytes(f"{json.dumps(trail[0])}\r\n".encode(encoding))

    assert check(export(), "--checkpoint", str(file))[0] == 0


@pytest.mark.parametrize(
    "raw", [b"", b"\xef\xbb\xbf", b"rubbish", b"\xff\xfe\x00", b'{"head": 1}', b"[]", b"\xe4", b"7"]
)
def test_a_file_that_is_none_of_checkpoints_says_nothing_against_the_export(export, tmp_path, raw):
    file = tmp_path / "checkpoints.txt"
    file.write_bytes(raw)

    code, output = check(export(), "--checkpoint", str(file))

    assert (code, "is no file of checkpoints" in output, "wrong" in output) == (2, True, False)


def test_a_sha256_that_is_none_says_nothing_against_the_export(export):
    code, output = check(export(), "--sha256", "e3b0c442")

    assert (code, "64 hexadecimal digits" in output) == (2, True)


def test_salt_and_name_cannot_be_divided_elsewhere(users, write, small_blocks, tmp_path):
    """A provider may call a user `mallory:admin`."""
    users["quality"].username = "mallory:admin"
    (entry,) = write(actor=users["quality"])
    seal_new_entries()
    assert (entry.actor, len(entry.actor_salt)) == ("mallory:admin", 32)
    call_command("export_audit_trail", "--output", str(tmp_path / "export"), verbosity=0)
    assert check(tmp_path / "export")[0] == 0
    path = tmp_path / "export" / "entries.jsonl"
    path.write_text(path.read_text().replace('"actor":"mallory:admin"', '"actor":"admin"').replace(
        f'"actor_salt":"{entry.actor_salt}"', f'"actor_salt":"{entry.actor_salt}:mallory"'
    ))  # fmt: skip

    code, output = check(tmp_path / "export")

    assert (code, f"entry {entry.pk} does not bear its actor's name" in output) == (1, True)
