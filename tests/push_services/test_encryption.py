"""RFC 8291 against the example of the standard, and what a browser reads."""

import pytest
from cryptography.exceptions import InvalidTag

from devices.push_services import encryption, webpush
from tests.push_services.receiving import Browser, b64

pytestmark = pytest.mark.once


def test_the_example_of_the_standard_comes_out_to_the_last_bit():
    sealed = encryption.encrypt(
        b"When I grow up, I want to be a watermelon",
        receiver=webpush._bytes(
            "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4"
        ),
        auth=webpush._bytes("BTBZMqHH6r4Tts7J_aSIgg"),
        sender=webpush.private_key("yfWPiYE-n46HLnH0KqZOF1fJJU3MYrct3AELtAQ-oRw"),
        salt=webpush._bytes("DGv6ra1nlYgDCS1FRnbzlw"),
        filled_to=0,
    )
    assert b64(sealed) == (
        "DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK"
        "6PBru3jl7A_yl95bQpu6cVPTpK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLVWGNWQexSgSxsj_Qulcy4a-fN"
    )


@pytest.fixture
def browser() -> Browser:
    return Browser("https://push.example/x")


@pytest.mark.parametrize("length", [0, 1, encryption.FILLED_TO, encryption.FILLED_TO + 1, encryption.LONGEST])
def test_a_browser_reads_every_length(browser, length):
    plain = b"\x02" * length
    sealed = encryption.encrypt(plain, receiver=browser.point, auth=browser.auth)
    assert len(sealed) <= encryption.RECORD_BYTES
    assert browser.read(sealed) == plain


def test_one_byte_more_is_refused(browser):
    with pytest.raises(ValueError, match="3993 bytes"):
        encryption.encrypt(bytes(encryption.LONGEST + 1), receiver=browser.point, auth=browser.auth)


@pytest.mark.parametrize("place", [0, 16, 21, 30, 90, -1])
def test_a_flipped_bit_is_found(browser, place):
    sealed = bytearray(encryption.encrypt(b"x", receiver=browser.point, auth=browser.auth))
    sealed[place] ^= 1
    if place == 16:
        # The size of a record, of which there is but one: it changes nothing that is read.
        assert browser.read(bytes(sealed)) == b"x"
        return
    with pytest.raises((InvalidTag, ValueError)):
        browser.read(bytes(sealed))


def test_another_browser_reads_nothing(browser):
    sealed = encryption.encrypt(b"x", receiver=browser.point, auth=browser.auth)
    other = Browser(browser.endpoint)
    with pytest.raises(InvalidTag):
        other.read(sealed)
    other.key = browser.key
    with pytest.raises(InvalidTag):
        other.read(sealed)
