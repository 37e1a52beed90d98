"""What a supplier's name may be and when two names are the same: pure text rules."""

from __future__ import annotations

import unicodedata

MAX_LENGTH = 200

# Control, format (zero-width, bidirectional overrides), surrogate, private use, unassigned; line and paragraph
# separators. They make two names look alike or a log line look like two.
_REFUSED_CATEGORIES = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})


class NameRefused(ValueError):
    """The text cannot be a supplier's name; the message says why."""


def normalise_name(text: str) -> str:
    """
    Return the name as it is stored: NFC, trimmed, inner white space as single spaces.

    Raises NameRefused when it is empty, longer than MAX_LENGTH characters, or has invisible characters.
    """
    name = " ".join(unicodedata.normalize("NFC", text).split())
    if not name:
        raise NameRefused("The name is empty.")
    if len(name) > MAX_LENGTH:
        raise NameRefused(f"The name has {len(name)} characters; at most {MAX_LENGTH} are allowed.")
    for character in name:
        if unicodedata.category(character) in _REFUSED_CATEGORIES:
            raise NameRefused(f"The name contains the invisible character U+{ord(character):04X}.")
    return name


def name_key(name: str) -> str:
    """
    Return the form under which names are unique.

    NFKC and case folding, applied twice because each can undo the other's result (Unicode Standard Annex 15 and
    section 3.13, "canonical caseless matching"). Look-alikes of other alphabets stay different.
    """
    key = name
    for _ in range(2):
        key = unicodedata.normalize("NFKC", key).casefold()
    return " ".join(unicodedata.normalize("NFKC", key).split())
