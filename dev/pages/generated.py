"""The part of a page that is made from the code: between two comments, and written anew by a command."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import django

from qhse.env import choose_settings

DOCS = Path(__file__).resolve().parents[2] / "docs"


def with_part(text: str, name: str, part: str) -> str:
    """Return the page with this part between the comments that name it."""
    begin, end = f"<!-- {name}: begin -->", f"<!-- {name}: end -->"
    before, begun, rest = text.partition(begin)
    _, ended, after = rest.partition(end)
    if not (begun and ended):
        raise ValueError(f"the page has no {begin} … {end}")
    return f"{before}{begin}\n{part}\n{end}{after}"


def write(page: Path, renewed: Callable[[str], str]) -> int:
    """Renew a page on the disk, and say whether it had to be. Return the exit code."""
    choose_settings()
    django.setup()
    present = page.read_text(encoding="utf-8")
    wanted = renewed(present)
    page.write_text(wanted, encoding="utf-8")
    print(f"docs/{page.name} {'was up to date' if wanted == present else 'says what the code says now'}")
    return 0
