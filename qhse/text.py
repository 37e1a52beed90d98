"""What people write: whether there is anything to read in it, and how it is stored. Pure text rules."""

from __future__ import annotations

import re
import unicodedata

# Control, format (zero-width, bidirectional marks, tags), surrogate, private use, unassigned, and the separators.
_UNSEEN_CATEGORIES = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
# Shown as nothing too, and in none of those categories: joiners, Hangul and Khmer fillers, variation selectors. It is
# the rest of Default_Ignorable_Code_Point in Unicode 16 (DerivedCoreProperties.txt).
_IGNORABLE = (
    (0x034F, 0x034F), (0x115F, 0x1160), (0x17B4, 0x17B5), (0x180B, 0x180F), (0x3164, 0x3164), (0xFE00, 0xFE0F),
    (0xFFA0, 0xFFA0), (0xE0100, 0xE01EF),
)  # fmt: skip
# Characters whose picture is empty: the Braille pattern without dots, the musical null notehead, the Khitan filler, the
# Egyptian blanks.
_BLANK = ((0x2800, 0x2800), (0x1D159, 0x1D159), (0x16FE4, 0x16FE4), (0x13441, 0x13442))
_INVISIBLE = frozenset(chr(code) for first, last in (*_IGNORABLE, *_BLANK) for code in range(first, last + 1))
# Every way to end a line: of Windows, of old Macintoshes, Unicode's next line and separators.
_LINE_BREAK = re.compile("\r\n|[\r\x85\u2028\u2029]")


def is_invisible(character: str) -> bool:
    """Answer whether this character is shown as nothing. White space is another matter."""
    return character in _INVISIBLE or unicodedata.category(character) in _UNSEEN_CATEGORIES


def can_be_read(text: str) -> bool:
    """Answer whether there is anything to read in a text. There is nothing in spaces and invisible characters."""
    return any(not (character.isspace() or is_invisible(character)) for character in text)


def plain(text: str) -> str:
    """
    Return a text as it is stored: lines end with LF, white space around it is gone, unreadable text is empty.

    Browsers send lines that end with CR LF. They would count twice, and look different in the trail than by the API.
    """
    text = _LINE_BREAK.sub("\n", text).strip()
    return text if can_be_read(text) else ""


class LineRefused(ValueError):
    """The text cannot be stored as a single line. The message says why."""


def one_line(text: str, *, called: str = "text") -> str:
    """
    Return a single line as it is stored: NFC, trimmed, inner white space as single spaces.

    Raises LineRefused, in words that say what it is `called`, when there are invisible characters in it, and nothing
    else too: taken as empty, they would erase what stood there. Tabs and line breaks are such characters, and no white
    space to be folded.
    """
    text = unicodedata.normalize("NFC", text).strip()
    for character in text:
        if is_invisible(character):
            raise LineRefused(f"The {called} contains the invisible character U+{ord(character):04X}.")
    return " ".join(text.split())


def caseless(text: str) -> str:
    """
    Return the form in which texts are the same regardless of case, Unicode form and white space.

    It is NFKC and case folding, twice, because each can undo the other's result: "canonical caseless matching" of the
    Unicode Standard, section 3.13 and Annex 15. Look-alikes of other alphabets stay different.
    """
    key = text
    for _ in range(2):
        key = unicodedata.normalize("NFKC", key).casefold()
    return " ".join(unicodedata.normalize("NFKC", key).split())


SPELT = {
    "ß": "ss", "ı": "i", "ς": "σ", "ł": "l", "ø": "o", "đ": "d", "ħ": "h", "æ": "ae", "œ": "oe", "þ": "th", "ð": "d",
}  # fmt: skip
_SPELT = str.maketrans(SPELT)
_ACCENTS = re.compile("[\u0300-\u036f]")


def base_letters(text: str) -> str:
    """
    Return what is left for a search: small letters without accents, İ and ı as i, ß as ss, the final sigma as σ.

    People type capitals, leave accents out, or have a keyboard without them. `qhse.searches` has the same in SQL.
    """
    return _ACCENTS.sub("", unicodedata.normalize("NFKD", text).lower()).translate(_SPELT)
