"""The Python half of what tests/vectors/encryption.json asks of both clients."""

import json

import pytest

from medimic.simulator import encryption
from medimic.simulator.encryption import Refused, decoded, encoded
from medimic.simulator.transcripts import check_transcript, open_row
from tests.vectors import make, parts

pytestmark = pytest.mark.once
VECTORS = json.loads(make.FILE.read_text(encoding="utf-8"))
PLACE = ("session", "participant", "sequence")


def cases(*path):
    group = VECTORS
    for name in path:
        group = group[name]
    assert group
    return pytest.mark.parametrize("case", group, ids=[case.get("why", "") for case in group])


def place(case):
    return decoded(case["session_key"]), *(case[name] for name in PLACE)


def test_the_vectors_are_what_the_description_makes():
    assert json.loads(json.dumps(make.made())) == VECTORS


@cases("thumbprints")
def test_thumbprint(case):
    assert encryption.thumbprint(case["public_key"]) == case["thumbprint"]


@cases("commitments")
def test_commitment(case):
    assert encryption.commitment(case["public_key"], case["nonce"]) == case["commitment"]
    assert encryption.fits(case["commitment"], case["public_key"], case["nonce"])


@cases("digits")
def test_digits(case):
    assert (
        encryption.digits(**{name: value for name, value in case.items() if name != "digits"})
        == (case["digits"])
    )


@cases("envelopes")
def test_envelope(case):
    sender, recipient, session = case["sender"], case["recipient"], case["session"]
    assert encryption.wrap(decoded(case["session_key"]), session, sender, recipient) == case["wrapped"]
    assert encoded(encryption.unwrap(case["wrapped"], session, recipient, sender)) == case["session_key"]


@cases("segments")
def test_segment(case):
    sealed = encryption.encrypt_segment(*place(case), case["content"], decoded(case["nonce"]))
    assert sealed == {"nonce": case["nonce"], "ciphertext": case["ciphertext"]}
    assert encryption.decrypt_segment(*place(case), **sealed) == case["content"]
    assert len(decoded(case["ciphertext"])) % 64 == 16


@cases("transcripts")
def test_transcript(case):
    parts = [open_row(decoded(case["session_key"]), case["session"], row) for row in case["rows"]]
    checked = check_transcript(parts, host=case["host"], is_over=case["is_over"], known=case["known"])
    assert checked.warnings == case["warnings"]
    assert {str(part.position): part.problem for part in checked.parts if part.problem} == case["problems"]
    assert {str(part.position): part.before for part in checked.parts if part.before} == case["before"]


@cases("refused", "keys")
def test_what_is_no_key_is_refused(case):
    key = case["public_key"]
    with pytest.raises(Refused):
        encryption.thumbprint(key)
    with pytest.raises(Refused):
        encryption.commitment(key, encryption.new_nonce())
    with pytest.raises(Refused):
        encryption.wrap(bytes(32), parts.SESSION, parts.KEYS["host"], key)


@cases("refused", "commitments")
def test_another_key_than_the_one_committed_to_is_noticed(case):
    assert not encryption.fits(case["commitment"], case["public_key"], case["nonce"])


@cases("refused", "envelopes")
def test_an_envelope_of_anybody_else_is_refused(case):
    with pytest.raises(Refused):
        encryption.unwrap(case["wrapped"], case["session"], case["recipient"], case["sender"])


@cases("refused", "segments")
def test_a_segment_that_is_not_what_it_says_is_refused(case):
    with pytest.raises(Refused):
        encryption.decrypt_segment(*place(case), case["nonce"], case["ciphertext"])


def test_every_flipped_bit_of_every_byte_is_refused():
    case = VECTORS["segments"][1]
    for name in ("nonce", "ciphertext"):
        raw = decoded(case[name])
        for byte in range(len(raw)):
            for bit in range(8):
                sealed = {
                    **{n: case[n] for n in ("nonce", "ciphertext")},
                    name: parts.flipped(case[name], byte, 1 << bit),
                }
                with pytest.raises(Refused):
                    encryption.decrypt_segment(*place(case), **sealed)


def test_a_hundred_thousand_nonces_are_all_different():
    key = encryption.new_session_key()
    content = {"v": 1, "type": "end", "seen": {}}
    nonces = {
        encryption.encrypt_segment(key, parts.SESSION, parts.HOST, 1, content)["nonce"]
        for _ in range(100_000)
    }
    assert len(nonces) == 100_000


def test_more_than_a_segment_holds_is_refused_before_it_is_encrypted():
    key = encryption.new_session_key()
    with pytest.raises(encryption.TooLong):
        encryption.encrypt_segment(key, parts.SESSION, parts.HOST, 1, parts.said("ü" * 8192))


def test_half_a_character_is_written_as_a_whole_one():
    key = encryption.new_session_key()
    sealed = encryption.encrypt_segment(key, parts.SESSION, parts.HOST, 1, parts.said("a\ud800b"))
    opened = encryption.decrypt_segment(key, parts.SESSION, parts.HOST, 1, **sealed)
    assert opened["text"] == "a?b"
