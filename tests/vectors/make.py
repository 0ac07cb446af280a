"""Writes encryption.json anew: `python -m tests.vectors.make`."""

import json
from pathlib import Path

from tests.vectors import attacks
from tests.vectors.parts import (
    KEYS,
    NONCES,
    all_digits,
    all_envelopes,
    all_segments,
    b64,
    commitment,
    public,
    thumbprint,
)

FILE = Path(__file__).with_name("encryption.json")


def made():
    return {
        "about": "docs/encryption.md; written by tests/vectors/make.py",
        "thumbprints": [
            {"public_key": public(key), "thumbprint": b64(thumbprint(key))} for key in KEYS.values()
        ],
        "commitments": [
            {
                "public_key": public(key),
                "nonce": b64(NONCES[name]),
                "commitment": b64(commitment(key, NONCES[name])),
            }
            for name, key in KEYS.items()
        ],
        "digits": all_digits(),
        "envelopes": all_envelopes(),
        "segments": all_segments(),
        "transcripts": attacks.all_transcripts(),
        "refused": {
            "keys": attacks.refused_keys(),
            "commitments": attacks.refused_commitments(),
            "envelopes": attacks.refused_envelopes(),
            "segments": attacks.refused_segments(),
        },
    }


if __name__ == "__main__":
    FILE.write_text(json.dumps(made(), ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
