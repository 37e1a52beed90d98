"""Names of files, as they are stored and given back. Pure text rules."""

from __future__ import annotations

import re
import unicodedata

from qhse.text import can_be_read, is_invisible

MAX_NAME = 150  # characters
_MAX_EXTENSION = 10
_SEPARATORS = re.compile(r"[/\\]")


def file_name(text: str) -> str:
    """
    Return the name without its path: NFC, one line, no invisible characters, at most MAX_NAME characters.

    A long one loses the end of its stem and keeps its extension. Empty means that nothing of a name is left.
    """
    last = _SEPARATORS.split(unicodedata.normalize("NFC", text))[-1]
    seen = "".join(each for each in last if each.isspace() or not is_invisible(each))
    # Dots at the ends would hide the file from people, or its extension from Windows.
    name = unicodedata.normalize("NFC", " ".join(seen.split())).strip(" .")
    stem, extension = _parted(name)
    end = f".{extension}" if extension else ""
    name = stem[: MAX_NAME - len(end)].rstrip(" .") + end
    return name if can_be_read(stem) else ""


def extension_of(name: str) -> str:
    """Return what stands behind the last dot, in small letters."""
    return _parted(name)[1].lower()


def _parted(name: str) -> tuple[str, str]:
    stem, dot, extension = name.rpartition(".")
    if not dot or not 1 <= len(extension) <= _MAX_EXTENSION or not stem:
        return name, ""
    return stem.rstrip(" ."), extension
