"""Which certificates a search means."""

from __future__ import annotations

from django.db.models import Q

from qhse.searches import found_in
from qhse.searching import words_of
from suppliers.models import Supplier


def certificates_meant_by(term: str) -> Q:
    """
    Return which certificates a search means: those in whose number, issuer or supplier's name each word stands.

    Suppliers are looked up first, by the key that their names have.
    """
    meant = Q()
    for word in words_of(term):
        suppliers = list(Supplier.objects.called(word).values_list("pk", flat=True))
        meant &= found_in(word, columns=("number", "issuer")) | Q(supplier_id__in=suppliers)
    return meant
