"""The tree of RFC 6962, beside the RFC's own recursive definition and known hashes."""

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from medimic.audit import tree

pytestmark = pytest.mark.once

# Of certificate-transparency's reference tests: leaves and the root over the first so many of them.
LEAVES = ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"]
ROOTS = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]


def node(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\x01" + left + right).digest()


def by_the_rfc(leaves: list[bytes]) -> bytes:
    if len(leaves) == 1:
        return leaves[0]
    half = 1 << (len(leaves) - 1).bit_length() - 1
    return node(by_the_rfc(leaves[:half]), by_the_rfc(leaves[half:]))


@pytest.mark.parametrize("size", range(1, 9))
def test_known_roots(size):
    leaves = [tree.leaf(bytes.fromhex(text)) for text in LEAVES[:size]]
    assert tree.root(leaves).hex() == ROOTS[size - 1]


@given(st.integers(1, 300))
def test_is_the_rfcs_tree(size):
    leaves = [tree.leaf(bytes([number % 256, number // 256])) for number in range(size)]
    assert tree.root(leaves) == by_the_rfc(leaves)


@given(st.integers(1, 200), st.data())
def test_a_path_leads_from_its_leaf_alone_to_the_root(size, data):
    leaves = [tree.leaf(bytes([number])) for number in range(size)]
    levels = tree.levels(leaves)
    index = data.draw(st.integers(0, size - 1))
    proof = tree.path(levels, index)
    assert tree.root_by(leaves[index], index, size, proof) == tree.root(leaves)
    for other in range(size):
        if other != index:
            assert tree.root_by(leaves[other], index, size, proof) != tree.root(leaves)
            assert tree.root_by(leaves[index], other, size, proof) != tree.root(leaves)
    assert tree.root_by(leaves[index], index, size, [*proof, leaves[0]]) is None
    if proof:
        assert tree.root_by(leaves[index], index, size, proof[:-1]) is None
