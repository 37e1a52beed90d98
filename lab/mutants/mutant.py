"""One mutant."""

from __future__ import annotations

from typing import NamedTuple


class Mutant(NamedTuple):
    """
    One guarantee taken out of `file`, and who must notice.

    `caught_by` is a scenario, or test modules with a -k expression. Noticing is an assertion that fails, or a promise
    found broken; see `__main__`.
    """

    name: str
    file: str
    old: str
    new: str
    caught_by: str

    @property
    def is_in_the_schema(self) -> bool:
        """Migrations are this file, or call it: it shows only where it has migrated the database itself."""
        return "/migrations/" in self.file or "/movements/" in self.file
