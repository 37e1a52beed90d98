"""What a report is made of. Page and PDF show the same parts, so neither knows what a case is."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass

FORM = 1
"""Counts the forms that reports have had. Another form of the same content is another document."""


@dataclass(frozen=True)
class Line:
    """One statement. A digest is shown in letters of one width, and in one piece."""

    label: str
    text: str
    is_digest: bool = False


@dataclass(frozen=True)
class Table:
    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class Section:
    """One step of the 8D, D1 to D8."""

    heading: str
    lines: tuple[Line, ...] = ()
    tables: tuple[Table, ...] = ()


@dataclass(frozen=True)
class File:
    """A file on the case, or on an action of it. `stored_as` is where its content lies."""

    name: str
    media_type: str
    about: str
    attached: str
    size: int  # bytes
    sha256: str
    stored_as: str


@dataclass(frozen=True)
class Report:
    """The whole content, but for the pictures' bytes. `state_at` is when the case last changed, as ISO 8601."""

    number: str
    title: str
    state_at: str
    facts: tuple[Line, ...]
    sections: tuple[Section, ...]
    signatures: Table
    files: tuple[File, ...]
    proof: tuple[Line, ...]
    how_to_check: str

    def digest(self) -> str:
        """Return what is the same for two reports exactly if they say the same."""
        document = json.dumps([FORM, asdict(self)], sort_keys=True)
        return hashlib.sha256(document.encode(errors="backslashreplace")).hexdigest()


@dataclass(frozen=True)
class Picture:
    """A picture that is shown. Its bytes are those that were attached."""

    name: str
    caption: str
    media_type: str
    content: bytes


@dataclass(frozen=True)
class Pictures:
    """The pictures of a report, and a sentence for each that is not shown. `is_whole` unless a storage was away."""

    shown: tuple[Picture, ...] = ()
    notes: tuple[str, ...] = ()
    is_whole: bool = True
