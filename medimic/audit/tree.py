"""The hash tree of RFC 6962, section 2.1, over SHA-256.

A level's nodes are joined by twos, and one that is left over moves up as it is: the same tree
as the RFC's, made from below.
"""

import hashlib
from collections.abc import Sequence

Level = Sequence[bytes]


def leaf(data: bytes) -> bytes:
    return hashlib.sha256(b"\x00" + data).digest()


def levels(leaves: Level) -> list[Level]:
    """From the leaves up to the root, which stands alone in the last one. There is at least one leaf."""
    found = [leaves]
    while len(found[-1]) > 1:
        found.append(_joined(found[-1]))
    return found


def root(leaves: Level) -> bytes:
    return levels(leaves)[-1][0]


def path(found: Sequence[Level], index: int) -> list[bytes]:
    """What leads from the leaf at `index` up to the root."""
    proof = []
    for level in found[:-1]:
        if (beside := index ^ 1) < len(level):
            proof.append(level[beside])
        index //= 2
    return proof


def root_by(found: bytes, index: int, size: int, proof: Sequence[bytes]) -> bytes | None:
    """The root that a leaf and its path lead to; None where the path does not fit."""
    rest = list(proof)
    while size > 1:
        if index ^ 1 < size:
            if not rest:
                return None
            beside = rest.pop(0)
            found = _node(beside, found) if index % 2 else _node(found, beside)
        index, size = index // 2, (size + 1) // 2
    return None if rest else found


def _joined(level: Level) -> list[bytes]:
    pairs = [_node(level[at], level[at + 1]) for at in range(0, len(level) - 1, 2)]
    return pairs + list(level[len(pairs) * 2 :])


def _node(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\x01" + left + right).digest()
