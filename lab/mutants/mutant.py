"""One mutant."""

from __future__ import annotations

from typing import NamedTuple


class Mutant(NamedTuple):
    """
    One guarantee taken out of `file`, and who must notice: a scenario, or a test module with a -k expression.

    Noticing is an assertion that fails, or a broken promise; see `__main__`.
    """

    name: str
    file: str
    old: str
    new: str
    caught_by: str
