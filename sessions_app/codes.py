"""Join codes: 6 characters that nobody mistakes for one another, read aloud or written by hand."""

import secrets

LENGTH = 6
# Of 0 and O, 1 and I and L, 2 and Z, 5 and S, 8 and B, 6 and G, U and V one at most is left.
ALPHABET = "ABCDEFHJKMNPQRTVWXYZ34679"


def new_code() -> str:
    return "".join(secrets.choice(ALPHABET) for _ in range(LENGTH))
