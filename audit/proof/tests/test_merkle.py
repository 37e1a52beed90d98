"""Merkle trees are those of the RFC, and each leaf is led to the root and to nothing else."""

from __future__ import annotations

import hashlib

import pytest

from audit.proof.merkle import inclusion_proofs, merkle_root
from audit.proof.verify_export import leaf, root_by_proof


@pytest.mark.parametrize("count", range(1, 18))
def test_each_leaf_of_a_tree_of_any_size_is_led_to_its_root_and_to_no_other_place(count):
    leaves = [leaf({"number": number}) for number in range(count)]
    root = merkle_root(leaves).hex()

    for position, (digest, proof) in enumerate(zip(leaves, inclusion_proofs(leaves), strict=True)):
        assert root_by_proof(digest, position, count, proof) == root
        for wrong in set(range(count + 2)) - {position}:
            assert root_by_proof(digest, wrong, count, proof) != root
        assert root_by_proof(digest, position, count, [*proof, "00" * 32]) == ""


def test_the_tree_is_that_of_rfc_6962():
    """The test vectors of RFC 6962's reference implementation, over leaves of raw bytes."""
    raw = ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"]
    leaves = [hashlib.sha256(b"\x00" + bytes.fromhex(text)).digest() for text in raw]

    assert merkle_root(leaves[:1]).hex() == "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"
    assert merkle_root(leaves[:3]).hex() == "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77"
    assert merkle_root(leaves).hex() == "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328"
