"""Which suppliers a search means."""

from __future__ import annotations

import re

from django.db.models import Q

from qhse.searching import unquoted
from suppliers.models import called

NUMBER = re.compile(
    r"(?:sup(?:plier)?)?[ #:.-]*(?:n[or]\.? ?)?#?0*([0-9]{1,18})", re.ASCII | re.IGNORECASE
)  # SUP-00017, supplier 17, no. 17, 17


def number_in(term: str) -> int | None:
    """Return the id that a search names, if it is a supplier's number and nothing else."""
    found = NUMBER.fullmatch(unquoted(term))
    return int(found[1]) if found else None


def meant_by(term: str) -> Q:
    """Return which suppliers a search means: by number, by words of the name, or by a part of the reference."""
    meant, number, reference = called(term), number_in(term), unquoted(term)
    if number is not None:
        meant |= Q(pk=number)
    return meant | Q(external_ref__icontains=reference) if reference else meant
