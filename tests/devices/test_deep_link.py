import base64
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices.deep_link import Garbage, Tampered, UnknownKey, key_id, open_link, seal

KEY, OLD, OTHER = b"k" * 32, b"o" * 32, b"x" * 32
CONTENT = {"token": "t", "tenant_id": "clinic", "consent_locales": ["pl_PL"], "name": "Zoë"}


def payload(link: str) -> str:
    return link.partition("payload=")[2]


def header(link: str) -> dict:
    first = payload(link).partition(".")[0]
    return json.loads(base64.urlsafe_b64decode(first + "=" * (-len(first) % 4)))


def test_opens_what_was_sealed():
    assert open_link(seal(CONTENT, [KEY]), [KEY]) == CONTENT


def test_has_the_form_that_clients_expect():
    link = seal(CONTENT, [KEY, OLD])
    assert link.startswith("medipal://authenticate?payload=")
    assert header(link) == {"alg": "dir", "enc": "A256GCM", "kid": key_id(KEY)}


def test_the_first_key_encrypts_and_older_ones_open():
    assert open_link(seal(CONTENT, [OLD]), [KEY, OLD]) == CONTENT


def test_a_missing_key_is_named():
    with pytest.raises(UnknownKey) as caught:
        open_link(seal(CONTENT, [KEY]), [OTHER])
    assert caught.value.kid == key_id(KEY)
    assert key_id(KEY) in str(caught.value)


@pytest.mark.parametrize("part", [2, 3, 4])
def test_a_changed_link_is_told_apart_from_a_missing_key(part):
    parts = payload(seal(CONTENT, [KEY])).split(".")
    parts[part] = ("A" if parts[part][0] != "A" else "B") + parts[part][1:]
    with pytest.raises(Tampered):
        open_link("medipal://authenticate?payload=" + ".".join(parts), [KEY])


def test_a_cut_link_does_not_open():
    link = seal(CONTENT, [KEY])
    for length in range(len(link)):
        with pytest.raises((Garbage, Tampered)):
            open_link(link[:length], [KEY])


@pytest.mark.parametrize(
    "link",
    [
        "",
        "https://portal.example/",
        "medipal://authenticate",
        "medipal://authenticate?payload=",
        "medipal://authenticate?payload=....",
        "medipal://authenticate?payload=e30....",
        "medipal://authenticate?payload=bnVsbA....",
        "medipal://authenticate?payload=a&payload=b",
        "medipal://[",
        "medipal://authenticate?payload=" + "a" * 10_000,
    ],
)
def test_garbage_is_called_garbage(link):
    with pytest.raises(Garbage):
        open_link(link, [KEY])


@given(st.text(max_size=200))
def test_no_text_breaks_it(text):
    for link in (text, f"medipal://authenticate?payload={text}"):
        with pytest.raises((Garbage, UnknownKey, Tampered)):
            open_link(link, [KEY])


def test_another_algorithm_is_not_tried():
    parts = payload(seal(CONTENT, [KEY])).split(".")
    changed = {**header(seal(CONTENT, [KEY])), "zip": "DEF"}
    parts[0] = base64.urlsafe_b64encode(json.dumps(changed).encode()).decode().rstrip("=")
    with pytest.raises(Garbage):
        open_link("medipal://authenticate?payload=" + ".".join(parts), [KEY])
