#!/usr/bin/env python3
"""
Checks an export of the audit trail, with nothing but Python: `python3 verify_export.py [DIRECTORY]`.

An export is three files. `entries.jsonl` has an entry with its proof on each line. `seals.jsonl` is the chain of seals,
beginning with the first that covers an entry and ending with the last of the trail. `manifest.json` is about both.

The digest of each entry is computed anew. Its proof leads it to the Merkle root of its seal (RFC 6962, section 2.1).
The hash of each seal is computed anew, and must stand in the next one. So neither can be changed unnoticed.

Anybody could invent a chain. A checkpoint kept elsewhere shows that it is the trail's: --checkpoint. The manifest's
SHA-256 shows whether entries were left out after the export, and what was chosen: --sha256. The trail has recorded it
as the id of its entry AUDIT_TRAIL_EXPORTED. What was proven and what was not is printed at the end.

What the files say counts, and not how: other programs may have saved them in UTF-16, with a byte order mark, with other
ends of lines, or with their fields in another order.

Exit code 0: everything agrees; 1: something does not, and is named; 2: a file is missing or cannot be read, such as one
that was cut off on its way, which says nothing against the export. 141: whoever read the output has left.
"""

from __future__ import annotations

import argparse
import hashlib
import io
import json
import os
import re
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from itertools import permutations
from pathlib import Path
from typing import Any

VERSION = 1
ENTRIES, SEALS, MANIFEST = "entries.jsonl", "seals.jsonl", "manifest.json"
NO_SEAL = "0" * 64  # what the first seal names as its predecessor
LINE = {"entry", "actor", "actor_salt", "seal", "position", "proof"}
DESCRIPTION = (  # in this order
    "version", "created_at", "filter", "entries", "entries_sha256", "left_out_because_not_sealed", "seals",
    "seals_sha256", "first_seal", "head",
)  # fmt: skip
MOST_ORDERS = 8  # fields of a filter, of which all orders are tried
FORGOTTEN = "USER_PSEUDONYMISED"
SALT = r"[0-9a-f]{32}"


class Unreadable(Exception):
    """A file that cannot be read as what it should be. That says nothing against what it once held."""


def canonical(document: Any) -> bytes:
    """Return the one encoding of a JSON document: keys sorted, no white space, ASCII."""
    return json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False).encode()


def leaf(document: Any) -> bytes:
    """Return the digest of an entry."""
    return hashlib.sha256(b"\x00" + canonical(document)).digest()


def node(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\x01" + left + right).digest()


def actor_digest(name: str, salt: str) -> str:
    """Return what stands in an entry's digest for the name of its actor. The salt's length is fixed (SALT)."""
    return hashlib.sha256(f"{salt}:{name}".encode()).hexdigest()


def pseudonym_of(actor_id: int | None) -> str:
    """Return the name that a person bears who was forgotten."""
    return f"person-{actor_id}"


def names_its_actor(name: str, salt: str, actor_id: int | None, digest: str) -> bool:
    """
    Answer whether this is the name that was written, or the pseudonym, which has no salt.

    A salt has one form. With one of any length, a part of a name that holds a colon could be passed off as salt.
    """
    if not salt:
        return actor_id is not None and name == pseudonym_of(actor_id)
    return re.fullmatch(SALT, salt) is not None and actor_digest(name, salt) == digest


def seal_hash(seal: dict[str, Any]) -> str:
    """Return the hash of a seal over everything else that it says."""
    return hashlib.sha256(canonical({name: value for name, value in seal.items() if name != "hash"})).hexdigest()


def root_by_proof(digest: bytes, position: int, count: int, proof: Sequence[str]) -> str:
    """Return the root to which the proof leads a digest at this place. Empty for a bad proof."""
    if not 0 <= position < count:
        return ""
    neighbours = [bytes.fromhex(neighbour) for neighbour in reversed(proof)]
    while count > 1:
        if position ^ 1 < count:  # else it has no neighbour, and is carried up as it is
            if not neighbours:
                return ""
            other = neighbours.pop()
            digest = node(other, digest) if position & 1 else node(digest, other)
        position, count = position // 2, (count + 1) // 2
    return "" if neighbours else digest.hex()


class Export:
    """One export, read as a stream. Memory does not grow with it."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        if directory.is_file():
            raise Unreadable(f"{directory} is a file: unpack it, and name the directory that holds {MANIFEST}")
        with _reading(MANIFEST):
            self._raw = (directory / MANIFEST).read_bytes()
        text = "".join(line for _, line in lines_of(io.BytesIO(self._raw), MANIFEST))
        self.manifest = _parsed(text, MANIFEST)
        if not isinstance(self.manifest, dict) or "version" not in self.manifest:
            raise Unreadable(f"{MANIFEST} does not describe an export")
        self._counted: dict[str, tuple[int, str]] = {}
        self._first = 0
        # Checkpoints of a seal in here, of an earlier one, of a later one; entries behind the last that matched.
        self.matched = self.older = self.later = self.behind = 0
        self.at = MANIFEST  # what was read last
        self.names = Names()

    def problems(self, *, sha256: str = "", checkpoints: Sequence[dict[str, Any]] = ()) -> Iterator[str]:
        """Yield everything that is wrong."""
        if self.manifest["version"] != VERSION:
            raise Unreadable(
                f"{MANIFEST} is of version {self.manifest['version']}, and this program knows {VERSION}: take the "
                "verify_export.py that came with the export"
            )
        if sha256 and not self._is_recorded_as(sha256):
            yield "the manifest is not the one that was recorded"
        yield from _unknown_fields(self.manifest, set(DESCRIPTION), MANIFEST)
        if lacking := [name for name in DESCRIPTION if name not in self.manifest]:
            yield f"{MANIFEST} lacks {', '.join(lacking)}"
            return
        expected: dict[int, set[str]] = {}
        for checkpoint in checkpoints:
            expected.setdefault(checkpoint["number"], set()).add(checkpoint["hash"])
        lines = self._lines(ENTRIES)
        line, place = next(lines, None), (0, -1)
        before: dict[str, Any] | None = None
        for seal in self._lines(SEALS):
            kept = expected.pop(seal["number"], None)
            matches = kept == {seal["hash"]}
            self.matched += matches
            self.behind = 0 if matches else self.behind
            self._first = self._first or seal["number"]
            yield from _problems_of_seal(seal, before, kept or {seal["hash"]})
            while line is not None and line["seal"] <= seal["number"]:
                yield from _problems_of_entry(line, seal)
                self.names.add(line)
                self.behind += not matches
                if (line["seal"], line["position"]) <= place:
                    yield f"entry {line['entry']['id']} is out of order, or there twice"
                place = (line["seal"], line["position"])
                line = next(lines, None)
            before = seal
        while line is not None:
            yield f"entry {line['entry']['id']}: its seal {line['seal']} is missing"
            line = next(lines, None)
        yield from self._problems_of_manifest(before)
        yield from self.names.problems()
        yield from self._problems_of_checkpoints(expected, before["number"] if before else 0, bool(checkpoints))

    def _is_recorded_as(self, sha256: str) -> bool:
        """Answer whether this is the manifest of this digest, or was, before another program saved it anew."""
        if hashlib.sha256(self._raw).hexdigest() == sha256:
            return True
        document = {name: self.manifest[name] for name in DESCRIPTION if name in self.manifest}
        chosen = document.get("filter")
        if not isinstance(chosen, dict) or len(chosen) > MOST_ORDERS or len(document) != len(self.manifest):
            return False
        for order in permutations(chosen):
            document["filter"] = {name: chosen[name] for name in order}
            if hashlib.sha256(manifest_bytes(document)).hexdigest() == sha256:
                return True
        return False

    def _lines(self, name: str) -> Iterator[dict[str, Any]]:
        count, digest = 0, hashlib.sha256()
        with _reading(name), (self._directory / name).open("rb") as file:
            for number, text in lines_of(file, name):
                self.at = f"{name}, line {number}"
                document = _parsed(text, self.at)
                count += 1
                digest.update(canonical(document) + b"\n")
                yield document
        if not count and self.manifest[Path(name).stem]:
            raise Unreadable(f"{name} is empty: it was cut off on its way, or not saved")
        self._counted[name] = (count, digest.hexdigest())

    def _problems_of_manifest(self, last: dict[str, Any] | None) -> Iterator[str]:
        for name, what in ((ENTRIES, "entries"), (SEALS, "seals")):
            count, digest = self._counted[name]
            if count != self.manifest[what]:
                yield f"there are {count} {what}, and not {self.manifest[what]}"
            elif digest != self.manifest[f"{what}_sha256"]:
                yield f"{name} is not the file that the manifest describes"
        if (last["hash"] if last else None) != self.manifest["head"]:
            yield "the last seal is not the one that the manifest names"
        if self._first != self.manifest["first_seal"]:
            yield f"the first seal is {self._first}, and not {self.manifest['first_seal']}"

    def _problems_of_checkpoints(self, left: dict[int, set[str]], last: int, any_given: bool) -> Iterator[str]:
        self.older = sum(number < self._first for number in left)
        self.later = sum(number > last for number in left)
        for number in left:
            if self._first <= number <= last:
                yield f"seal {number} is missing; a checkpoint names it"
        if any_given and not self.matched:
            yield (
                "no checkpoint is of a seal in this export: give those of this trail that are not older than it, "
                "else the chain may be invented"
            )

    def proven(self, *, sha256: str, checkpoints: Sequence[dict[str, Any]]) -> Iterator[str]:
        """Yield what an export without problems proves, and what it does not."""
        yield "proven: each entry is what its seal covers, and the seals are one chain"
        if checkpoints:
            others = f" ({self.older} older and {self.later} later ones are of other seals)"
            others = others if self.older + self.later else ""
            yield f"proven: the chain is the one of {self.matched} checkpoints{others}"
            if self.behind:
                yield f"NOT proven: that {self.behind} entries behind the last of these checkpoints are the trail's"
        else:
            yield "NOT proven: that the chain is the trail's, and not invented as a whole; give --checkpoint"
        if sha256:
            yield "proven: this is what the trail recorded as exported, under the filter in the manifest"
        else:
            yield "NOT proven: that nothing was left out, and what was chosen (the manifest's filter); give --sha256"
        if self.names.unexplained:
            yield (
                f"NOT proven: {self.names.unexplained} names are pseudonyms, and no entry in here says that these "
                "persons were forgotten; the trail tells"
            )


class Names:
    """The pseudonyms of an export: a name without its salt proves nothing."""

    def __init__(self) -> None:
        self._pseudonyms: dict[int, int] = {}  # account -> in so many entries
        self._named: set[int] = set()
        self._forgotten: set[str] = set()

    def add(self, line: dict[str, Any]) -> None:
        entry, name, actor_id = line["entry"], line["actor"], line["entry"]["actor_id"]
        if not line["actor_salt"]:
            self._pseudonyms[actor_id] = self._pseudonyms.get(actor_id, 0) + 1
        elif actor_id is not None and name != pseudonym_of(actor_id):
            self._named.add(actor_id)
        if entry["action"] == FORGOTTEN and entry["entity_type"] == "user":
            self._forgotten.add(entry["entity_id"])

    def problems(self) -> Iterator[str]:
        for actor_id in sorted(self._named & self._pseudonyms.keys()):
            yield f"{pseudonym_of(actor_id)} bears a name in some entries and a pseudonym in others"

    @property
    def unexplained(self) -> int:
        return sum(count for actor_id, count in self._pseudonyms.items() if str(actor_id) not in self._forgotten)


class SaidTwice(ValueError):
    """A field is there twice. Readers could differ, so it is refused."""


def read_json(text: str | bytes) -> Any:
    """Return a document. Raises SaidTwice, and ValueError or RecursionError for what is none."""
    return json.loads(text, object_pairs_hook=_without_repetition)


def _without_repetition(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    document = dict(pairs)
    if len(document) != len(pairs):
        raise SaidTwice("a field is there twice")
    return document


def _parsed(text: str, place: str) -> Any:
    try:
        return read_json(text)
    except SaidTwice:
        raise
    except (ValueError, RecursionError):
        if not text.strip():
            why = "nothing is there: the file was cut off on its way, or not saved"
        elif text.lstrip().startswith("<"):
            why = "that is a web page, such as the error of a server, and not what it should have sent"
        else:
            why = "that is no JSON document: the file was cut off on its way, or is another one"
        raise Unreadable(f"{place}: {why}") from None


_AROUND_A_LINE = "\ufeff\u200b\u00a0\u2028\u2029 \t\r\n\f\v"


def lines_of(file: io.BufferedReader | io.BytesIO, name: str) -> Iterator[tuple[int, str]]:
    """
    Yield the lines of a text that are not blank, with their numbers, whichever program saved it.

    Files that were put together have byte order marks inside, and what was pasted has spaces of mails around it.
    """
    raw = file if isinstance(file, io.BufferedReader) else io.BufferedReader(file)
    with io.TextIOWrapper(raw, encoding=_encoding_of(raw.peek(4), name)) as text:
        try:
            for number, line in enumerate(text, start=1):
                if line := line.strip(_AROUND_A_LINE):
                    yield number, line
        except UnicodeError:
            raise Unreadable(
                f"{name} is text neither in UTF-8 nor in UTF-16 with a byte order mark, or was cut off on its way"
            ) from None


@contextmanager
def _reading(name: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise Unreadable(f"{name}: {error.strerror}") from None


_COMPRESSED = {b"\x1f\x8b": "gzip", b"PK": "zip", b"BZh": "bzip2", b"\xfd7z": "xz"}


def _encoding_of(start: bytes, name: str) -> str:
    for mark, kind in _COMPRESSED.items():
        if start.startswith(mark):
            raise Unreadable(f"{name} is compressed ({kind}): unpack it first")
    return encoding_of(start)


def _unknown_fields(document: dict[str, Any], known: set[str], what: str) -> Iterator[str]:
    if unknown := sorted(document.keys() - known):
        yield f"{what} has fields that are not covered by any proof: {', '.join(unknown)}"


def _problems_of_seal(seal: dict[str, Any], before: dict[str, Any] | None, expected: set[str]) -> Iterator[str]:
    number = seal["number"]
    if seal["hash"] != seal_hash(seal):
        yield f"seal {number} was changed"
    if {seal["hash"]} != expected:
        yield f"seal {number} is not the one of the checkpoint"
    if number == 1 and seal["previous_hash"] != NO_SEAL:
        yield "seal 1 follows another one"
    if before is not None and seal["previous_hash"] != before["hash"]:
        yield f"seal {number} does not follow seal {before['number']}"
    # The hash is what tells that none is missing. Numbers that somebody had taken were passed over.
    if before is not None and number <= before["number"]:
        yield f"seal {number} is out of order"


def _problems_of_entry(line: dict[str, Any], seal: dict[str, Any]) -> Iterator[str]:
    entry = line["entry"]
    yield from _unknown_fields(line, LINE, f"entry {entry['id']}")
    root = root_by_proof(leaf(entry), line["position"], seal["entry_count"], line["proof"])
    if line["seal"] != seal["number"]:
        yield f"entry {entry['id']}: its seal {line['seal']} is missing"
    elif root != seal["merkle_root"]:
        yield f"entry {entry['id']} is not what seal {line['seal']} sealed"
    if not names_its_actor(line["actor"], line["actor_salt"], entry["actor_id"], entry["actor_digest"]):
        yield f"entry {entry['id']} does not bear its actor's name"


def read_checkpoints(raw: bytes) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """
    Return the checkpoints of a file, one a line, and those of its lines that a restore of the database has voided.

    Read are UTF-8, and UTF-16 with its mark, as Windows saves them. Raises Unreadable with what is wrong.
    """
    kept: list[dict[str, Any]] = []
    lost: list[dict[str, Any]] = []
    for number, line in lines_of(io.BytesIO(raw), "it"):
        try:
            document = read_json(line)
            kept.append(_checkpoint(document))
            lost += map(_checkpoint, document.get("lost", ()))
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            raise Unreadable(f"line {number} is no checkpoint") from None
        if "merkle_root" in document:
            raise Unreadable(f"line {number} is a seal out of an export, which proves nothing about an export")
    if not kept:
        raise Unreadable("it holds no checkpoint")
    return [one for one in kept if one not in lost], [one for one in kept if one in lost]


def _checkpoint(document: dict[str, Any]) -> dict[str, Any]:
    number, hash_ = document["number"], document["hash"]
    if type(number) is not int or not isinstance(hash_, str):
        raise TypeError
    return {"number": number, "hash": hash_}


def encoding_of(raw: bytes) -> str:
    """Return the encoding that the first bytes of a text name, else UTF-8."""
    if raw.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "utf-16"
    return "utf-8-sig"


def manifest_bytes(document: dict[str, Any]) -> bytes:
    """Return the manifest as it is written and recorded."""
    return json.dumps(document, indent=2, default=str).encode()


def _digest_argument(text: str) -> str:
    digest = text.strip().lower()
    if not re.fullmatch("[0-9a-f]{64}", digest):
        raise argparse.ArgumentTypeError("not a SHA-256, which has 64 hexadecimal digits")
    return digest


def main(arguments: Sequence[str] | None = None) -> int:
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    try:
        code = _check(arguments)
        if sys.stdout:
            sys.stdout.flush()
        return code
    except OSError as error:  # of what is read, it is caught where it is read
        with suppress(OSError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if isinstance(error, BrokenPipeError):
            return 141
        print(f"the result could not be written: {error.strerror}", file=sys.stderr)
        return 2


def _check(arguments: Sequence[str] | None) -> int:
    parser = argparse.ArgumentParser(description="Check an export of the audit trail.")
    parser.add_argument("directory", nargs="?", type=Path, default=Path(__file__).resolve().parent)
    parser.add_argument("--sha256", type=_digest_argument, help="of the manifest, as the trail recorded it")
    parser.add_argument("--checkpoint", type=Path, help="checkpoints that were kept elsewhere, one in a line")
    options = parser.parse_args(arguments)
    checkpoints: list[dict[str, Any]] = []
    lost: list[dict[str, Any]] = []
    if options.checkpoint:
        try:
            checkpoints, lost = read_checkpoints(options.checkpoint.read_bytes())
        except (OSError, Unreadable) as error:
            print(f"{options.checkpoint} is no file of checkpoints: {error}", file=sys.stderr)
            return 2
    wrong, export = 0, None
    try:
        export = Export(options.directory)
        for problem in export.problems(sha256=options.sha256 or "", checkpoints=checkpoints):
            wrong += 1
            print(problem)
    except Unreadable as error:
        print(f"no export that could be checked: {error}", file=sys.stderr)
        if not wrong:
            return 2
    except (ValueError, KeyError, TypeError, AttributeError, IndexError, RecursionError) as error:
        wrong += 1
        print(f"{export.at if export else MANIFEST} is not what an export holds ({type(error).__name__}: {error})")
    if wrong or export is None:
        print("something is wrong with this export")
        return 1
    for statement in export.proven(sha256=options.sha256 or "", checkpoints=checkpoints):
        print(statement)
    if lost:
        print(f"NOT compared: {len(lost)} checkpoints of what a restore of the database has lost, by the file itself")
    print(f"everything agrees: {export.manifest['entries']} entries")
    return 0


if __name__ == "__main__":
    sys.exit(main())
