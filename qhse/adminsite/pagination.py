"""Pages of long lists."""

from __future__ import annotations

from typing import Any

from django.core.paginator import Paginator
from django.utils.functional import cached_property

MOST_COUNTED = 10_000
"""Records that a search counts. Among a million NCs a word that all have would take 1.4 s to count."""


class FoundPaginator(Paginator):
    """Pages of what a search has found. More than MOST_COUNTED are not counted: a common word is in every text."""

    has_more = False

    @cached_property
    def count(self) -> int:
        found: Any = self.object_list
        number: int = found.order_by()[: MOST_COUNTED + 1].count()
        self.has_more = number > MOST_COUNTED
        return min(number, MOST_COUNTED)
