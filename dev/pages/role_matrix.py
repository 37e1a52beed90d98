"""Writes the page of roles from the role tables: `python -m dev.pages.role_matrix`."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path

PAGE = Path(__file__).resolve().parents[2] / "docs" / "roles.md"
COMMAND = "python -m dev.pages.role_matrix"
BEGIN, END = "<!-- role matrix: begin -->", "<!-- role matrix: end -->"


def role_matrix() -> str:
    """Return the matrix as a Markdown table, a line for each method of each API route."""
    from qhse.accounts.roles import Role
    from qhse.api.openapi.routes import api_routes  # needs the apps, which main() loads

    lines = [_line("Call", "no token", *Role.values), _line("---", *(":-:",) * (len(Role) + 1))]
    for route in api_routes():
        call = f"`{route.method} {_readable(route.path)}`"
        if route.table is None:
            answers = [True] * (len(Role) + 1)
        else:
            allowed = route.table.get(route.action, frozenset())
            answers = [False, *(role in allowed for role in Role)]
        lines.append(_line(call, *("✓" if answer else "–" for answer in answers)))
    return "\n".join(lines)


def with_matrix(text: str) -> str:
    """Return the document with the matrix between BEGIN and END."""
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise ValueError(f"the document has no {BEGIN} … {END}")
    return f"{before}{BEGIN}\n{role_matrix()}\n{END}{after}"


def _line(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"


def _readable(path: str) -> str:
    return re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", path)


def main() -> int:
    import django

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "qhse.settings")
    django.setup()
    present = PAGE.read_text(encoding="utf-8")
    wanted = with_matrix(present)
    PAGE.write_text(wanted, encoding="utf-8")
    print("docs/roles.md was up to date" if wanted == present else "docs/roles.md has the present matrix now")
    return 0


if __name__ == "__main__":
    sys.exit(main())
