"""What may be a user's name, and when two names are the same person's: pure text rules."""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable
from typing import NamedTuple

from qhse.text import caseless, is_invisible

MAX_LENGTH = 150
MAX_KEY_LENGTH = 600  # of the column; single characters fold to as many as three
SIGNS = frozenset(".@+-_ ")  # beside letters and digits
RESERVED = frozenset({"system", "anonymous"})
"""Keys of names by which the trail means nobody of flesh and blood."""
PSEUDONYM = re.compile(r"person-\d+")


class UsernameRefused(ValueError):
    """The text cannot be a user's name. The message says why."""


def normalise_username(text: str) -> str:
    """
    Return the name as it is stored: NFKC, trimmed, inner white space as single spaces.

    Raises UsernameRefused when it is empty or too long, has other characters than letters, digits and SIGNS, or would
    be read as the system's name or as a pseudonym.
    """
    name = unicodedata.normalize("NFKC", text).strip(" ")
    if not name:
        raise UsernameRefused("The user name is empty.")
    if len(name) > MAX_LENGTH:
        raise UsernameRefused(f"The user name has {len(name)} characters; at most {MAX_LENGTH} are allowed.")
    for position, character in enumerate(name):
        if not _is_allowed(character, first=position == 0):
            shown = f"U+{ord(character):04X}" if is_invisible(character) else repr(character)
            raise UsernameRefused(f"A user name has letters, digits and . @ + - _ only, and not {shown}.")
    name = " ".join(name.split())
    if means_somebody_else(name):
        raise UsernameRefused(f"The audit trail means somebody else by {name!r}; choose another user name.")
    return name


def username_key(name: str) -> str:
    """
    Return the form under which names are unique, and by which people are found. Any text has one.

    Turkish dotted and dotless i are one letter in it: which of the two a capital I is depends on the keyboard.
    """
    return caseless(_one_i(caseless(_one_i(name))))


def means_somebody_else(name: str) -> bool:
    """Answer whether the trail means the system, a stranger or a forgotten person by this name."""
    key = username_key(name)
    return key in RESERVED or PSEUDONYM.fullmatch(key) is not None


def resembling(claimed: str, *, longest: int) -> tuple[str, bool]:
    """
    Return the nearest name that is allowed, of at most `longest` characters, and whether it had to be changed for that.

    What a reader cannot see is left out, other signs become `_`. The name may be empty.
    """
    whole = unicodedata.normalize("NFKC", claimed)
    seen = "".join(" " if c.isspace() else c for c in whole if c.isspace() or not is_invisible(c))
    tidy = " ".join(seen.split())
    name = "".join(c if _is_allowed(c, first=False) else "_" for c in tidy)[:longest].strip()
    name = name.lstrip("".join(c for c in name if unicodedata.category(c).startswith("M")))
    return name, name != " ".join(whole.split())


class Named(NamedTuple):
    """What is asked of a user who is there already, to see whether the name can stay."""

    pk: int
    username: str
    is_active: bool
    external_id: str | None


class Trouble(NamedTuple):
    """
    A name that is not its bearer's alone. `others` bear it too; without any it is reserved.

    Who `has_to_decide` logs in by that name, so no rule may take it away.
    """

    user: Named
    others: tuple[str, ...]
    has_to_decide: bool


def troubles(users: Iterable[Named]) -> list[Trouble]:
    """
    Return the users who cannot keep their names, by the order of their ids.

    Of several with one key the name stays with who logs in by it: active and local before the provider's, before
    deactivated ones, then the earliest. A second active local user has to decide.
    """
    groups: defaultdict[str, list[Named]] = defaultdict(list)
    for user in users:
        if user.username != f"person-{user.pk}":
            groups[username_key(user.username)].append(user)
    found = []
    for group in groups.values():
        ranked = sorted(group, key=lambda user: (not _logs_in(user), not user.is_active, user.pk))
        for user in ranked if means_somebody_else(ranked[0].username) else ranked[1:]:
            others = tuple(each.username for each in ranked if each is not user)
            found.append(Trouble(user, others, _logs_in(user)))
    return sorted(found, key=lambda trouble: trouble.user.pk)


def replacement(user: Named) -> str:
    """Return a name that nobody else bears or can be given, for one who cannot keep theirs."""
    suffix = f"~{user.external_id[:12]}" if user.external_id else f"~{user.pk}"
    return f"{user.username[: MAX_LENGTH - len(suffix)]}{suffix}"


def describe(trouble: Trouble) -> str:
    """Return whose name it is, what is wrong with it, and what to do or what will be done."""
    user = trouble.user
    kind = "of the identity provider" if user.external_id else "active" if user.is_active else "deactivated"
    if trouble.others:
        wrong = f"the same name as {', '.join(map(repr, trouble.others))}"
        remedy = "deactivate all but one of them in the version that runs, and give the others new accounts"
    else:
        wrong = "a name by which the audit trail means somebody else"
        remedy = "deactivate it in the version that runs, and give this person a new account"
    then = f"has to be decided: {remedy}" if trouble.has_to_decide else f"will be called {replacement(user)!r}"
    return f"{user.username!r} (user {user.pk}, {kind}) has {wrong} and {then}"


def _logs_in(user: Named) -> bool:
    return user.is_active and user.external_id is None


def _is_allowed(character: str, *, first: bool) -> bool:
    if character in SIGNS:
        return True
    if is_invisible(character):
        return False
    return character.isalnum() or (not first and unicodedata.category(character) in {"Mn", "Mc"})


def _one_i(text: str) -> str:
    return text.replace("İ", "i").replace("ı", "i").replace("i\u0307", "i")
