"""Writes the page of roles from the role tables: `python -m dev.pages.role_matrix`."""

from __future__ import annotations

import re

from dev.pages.generated import DOCS, with_part, write
from qhse.terminal import run_program

COMMAND = "python -m dev.pages.role_matrix"


def role_matrix() -> str:
    """Return the matrix as a Markdown table, a line for each method of each API route."""
    from qhse.accounts.roles import Role
    from qhse.api.openapi.routes import api_routes  # needs the apps, which `write` loads

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
    """Return the page of roles with the matrix of today."""
    return with_part(text, "role matrix", role_matrix())


def _line(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"


def _readable(path: str) -> str:
    return re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", path)


if __name__ == "__main__":
    run_program(lambda: write(DOCS / "roles.md", with_matrix))
