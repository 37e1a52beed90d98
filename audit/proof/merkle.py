"""Merkle trees and their proofs, by RFC 6962, section 2.1."""

from __future__ import annotations

from collections.abc import Sequence

from audit.proof.verify_export import node

Proof = list[str]
"""The neighbours of a leaf on its way to the root, in hexadecimal."""


def merkle_root(leaves: Sequence[bytes]) -> bytes:
    """Return the root over digests of leaves; there must be one."""
    return _levels(leaves)[-1][0]


def inclusion_proofs(leaves: Sequence[bytes]) -> list[Proof]:
    """Return the proof of each leaf (section 2.1.1)."""
    proofs: list[Proof] = [[] for _ in leaves]
    for height, level in enumerate(_levels(leaves)[:-1]):
        for number, proof in enumerate(proofs):
            neighbour = (number >> height) ^ 1
            if neighbour < len(level):
                proof.append(level[neighbour].hex())
    return proofs


def _levels(leaves: Sequence[bytes]) -> list[list[bytes]]:
    # A node without a neighbour is carried up as it is. That is the tree of the RFC, built from below.
    levels = [list(leaves)]
    while len(levels[-1]) > 1:
        below = levels[-1]
        pairs = [node(below[at], below[at + 1]) for at in range(0, len(below) - 1, 2)]
        levels.append(pairs + below[len(pairs) * 2 :])
    return levels
