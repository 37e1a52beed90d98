"""What may be a supplier's name, and when two names are the same: pure text rules."""

from __future__ import annotations

import unicodedata

from qhse.text import caseless, is_invisible

MAX_LENGTH = 200
MAX_KEY_LENGTH = 800  # of the column; single characters unfold to as many as eighteen


class NameRefused(ValueError):
    """The text cannot be a supplier's name. The message says why."""


def normalise_name(text: str) -> str:
    """
    Return the name as it is stored: NFC, trimmed, inner white space as single spaces.

    Raises NameRefused when it is empty, too long, or has invisible characters. Tabs and line breaks are such
    characters, and no white space to be folded.
    """
    text = unicodedata.normalize("NFC", text)
    for character in text:
        if is_invisible(character):
            raise NameRefused(f"The name contains the invisible character U+{ord(character):04X}.")
    name = " ".join(text.split())
    if not name:
        raise NameRefused("The name is empty.")
    if len(name) > MAX_LENGTH:
        raise NameRefused(f"The name has {len(name)} characters; at most {MAX_LENGTH} are allowed.")
    if len(name_key(name)) > MAX_KEY_LENGTH:
        raise NameRefused("The name has too many characters that stand for whole words.")
    return name


def name_key(name: str) -> str:
    """Return the form under which names are unique. Look-alikes of other alphabets stay different."""
    return caseless(name)
