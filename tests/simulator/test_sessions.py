"""Sessions between simulated phones, against a live portal."""

import json

import pytest

from medimic.simulator import encryption
from medimic.simulator.encryption import decoded, encoded
from medimic.simulator.keychain import new_key
from sessions_app.models import Envelope, Participant, Segment, Visit

ENCRYPTED = "[Encrypted — key not available on this device]"
pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def host(live_phone, provider):
    return live_phone("host").sign_in(provider)


@pytest.fixture
def guest(live_phone):
    return live_phone("guest")


@pytest.fixture
def started(host):
    return host.run("start-session", "Visit", "--mode", "two_device")


@pytest.fixture
def admitted(host, guest, started):
    """A guest whom the host has let in."""
    joining = guest.joining(started["code"], "Łucja")
    host.run("admit", started["id"], joining.subject)
    return joining.done()


def texts(answer):
    return [(line["speaker"], line["text"]) for line in answer["transcript"] if line["type"] == "text"]


def test_two_phones_hold_a_conversation(host, guest, started):
    joining = guest.joining(started["code"], "Łucja", "--role", "patient")
    waiting = [one for one in host.run("participants", started["id"])["participants"] if not one["is_host"]]
    assert [one["id"] for one in waiting] == [joining.subject]
    code, admitted, told = host.attempt("admit", started["id"], joining.subject)
    assert (code, json.loads(told)["digits"]) == (0, joining.digits())
    done = joining.done()
    assert (done["state"], done["digits"]) == ("admitted", admitted["digits"])

    host.run("say", started["id"], "How are you?")
    guest.run("say", started["id"], "Boli mnie głowa 🤕")
    host.run("say", started["id"], "Since when?")
    for phone in (host, guest):
        read = phone.run("read", started["id"])
        assert [text for _speaker, text in texts(read)] == [
            "How are you?",
            "Boli mnie głowa 🤕",
            "Since when?",
        ]
        assert read["warnings"] == []

    assert host.run("end", started["id"])["status"] == "ended"
    read = host.run("read", started["id"])
    assert (read["status"], read["warnings"], len(texts(read))) == ("ended", [], 3)
    assert read["transcript"][-1]["type"] == "end"
    # A guest has nothing that reads it afterwards.
    assert guest.refused("read", started["id"])["code"] == "token_ended"


def test_who_joined_with_an_account_reads_it_afterwards(host, live_phone, started, outsider):
    phone = live_phone("other").sign_in(outsider)
    joining = phone.joining(started["code"], "Olga", "--role", "interpreter")
    assert host.run("admit", started["id"], joining.subject, "--role", "other")["role"] == "other"
    assert joining.done()["role"] == "other"
    phone.run("say", started["id"], "Good morning")
    host.run("end", started["id"])
    assert texts(phone.run("read", started["id"])) == [("Olga", "Good morning")]


def test_another_device_of_the_account_shows_what_it_cannot_read(host, live_phone, started, provider):
    host.run("say", started["id"], "Between us")
    host.run("end", started["id"])
    read = live_phone("tablet").sign_in(provider).run("read", started["id"])
    assert read["transcript"] == ENCRYPTED


def test_other_digits_are_refused(host, guest, started):
    joining = guest.joining(started["code"], "Łucja")
    refusal = host.refused("admit", started["id"], joining.subject, "--digits", "12345")
    assert refusal["code"] == "digits_differ"
    joining.digits()
    assert joining.failed()["code"] == "refused"
    assert Participant.objects.get(pk=joining.subject).state == "refused"
    assert Envelope.objects.count() == 1


def test_the_same_digits_are_let_in(host, guest, started):
    joining = guest.joining(started["code"], "Łucja")
    # The first try only answers, for the digits to be shown.
    assert host.refused("admit", started["id"], joining.subject, "--wait", "0")["code"] == "not_revealed"
    digits = joining.digits()
    admitted = host.run("admit", started["id"], joining.subject, "--digits", digits)
    assert joining.done()["digits"] == admitted["digits"] == digits


def test_a_host_that_never_answers_is_told(guest, started):
    joining = guest.joining(started["code"], "Łucja", "--wait", "1")
    assert joining.failed()["code"] == "not_admitted"


def test_joining_again_is_the_same_wish_until_the_host_has_answered(host, guest, started):
    first = guest.joining(started["code"], "Łucja", "--wait", "0")
    assert first.failed()["code"] == "not_admitted"
    second = guest.joining(started["code"], "Łucja")
    assert second.subject == first.subject
    host.run("admit", started["id"], second.subject)
    assert second.done()["state"] == "admitted"


def test_somebody_who_was_removed_is_cut_off(host, guest, started, admitted):
    host.run("refuse", started["id"], admitted["participant_id"])
    assert guest.refused("say", started["id"], "Still here")["code"] == "token_ended"
    assert Segment.objects.count() == 0


def test_several_speak_on_one_screen(host):
    started = host.run("start-session", "Visit", "--mode", "shared_device")
    host.run("say", started["id"], "How are you?")
    host.run("say", started["id"], "My head aches", "--as", "Anna")
    host.run("say", started["id"], "Since Monday", "--as", "Anna")
    host.run("end", started["id"])
    read = host.run("read", started["id"])
    assert [speaker for speaker, _text in texts(read)][1:] == ["Anna", "Anna"]
    assert read["warnings"] == []
    assert Participant.objects.filter(visit=started["id"]).count() == 2


def test_a_guest_hosts(live_phone):
    host, joiner = live_phone("host"), live_phone("joiner")
    started = host.run("start-session", "Visit", "--mode", "two_device")
    joining = joiner.joining(started["code"], "Łucja")
    host.run("admit", started["id"], joining.subject)
    joining.done()
    joiner.run("say", started["id"], "Hello")
    assert texts(host.run("read", started["id"])) == [("Łucja", "Hello")]
    assert host.run("end", started["id"])["status"] == "ended"


def test_what_was_written_without_a_network_arrives_in_its_order(host, guest, started, admitted):
    guest.run("say", started["id"], "one")
    online, guest.server = guest.server, "http://localhost:9"
    for number, text in enumerate(("two", "three"), start=1):
        refusal = guest.refused("say", started["id"], text)
        assert (refusal["code"], refusal["waiting"]) == ("unreachable", number)
    guest.server = online
    guest.run("say", started["id"], "four")
    read = host.run("read", started["id"])
    assert [text for _speaker, text in texts(read)] == ["one", "two", "three", "four"]
    assert read["warnings"] == []


def test_what_was_written_before_the_end_arrives_late(host, guest, started, admitted):
    guest.run("say", started["id"], "one")
    online, guest.server = guest.server, "http://localhost:9"
    guest.refused("say", started["id"], "two")
    host.run("end", started["id"])
    guest.server = online
    # The session is over: nothing new is written, and what waits is taken.
    assert guest.refused("read", started["id"])["code"] == "token_ended"
    read = host.run("read", started["id"])
    assert [(line.get("text"), line["is_late"]) for line in read["transcript"]] == [
        ("one", False),
        (None, False),
        ("two", True),
    ]
    assert read["warnings"] == []


def test_a_phone_that_lost_its_numbers_goes_on_above_them(host, started):
    host.run("say", started["id"], "one")
    host.keep(counters={})
    host.run("say", started["id"], "two")
    assert list(Segment.objects.order_by("position").values_list("sequence", flat=True)) == [1, 2]


def test_a_session_that_ended_elsewhere_has_no_confirmed_end(host, started):
    host.run("say", started["id"], "one")
    Visit.objects.get(pk=started["id"]).end(Visit.objects.get().started_at)
    read = host.run("read", started["id"])
    assert read["warnings"] == ["The end of this transcript could not be confirmed."]


@pytest.mark.parametrize(
    ("harm", "warnings"),
    [
        ("flip", ["This part was changed or does not belong here.", "Parts are missing here."]),
        ("remove", ["Parts are missing here."]),
        ("exchange", ["This part was changed or does not belong here.", "Parts are missing here."]),
        ("reorder", ["These parts are not in the order in which they were written."]),
        ("cut", ["Parts are missing here.", "The end of this transcript could not be confirmed."]),
        ("nothing", []),
    ],
)
def test_what_somebody_does_to_the_database_is_said(host, started, harm, warnings):
    for text in ("one", "two", "three"):
        host.run("say", started["id"], text)
    host.run("end", started["id"])
    _one, two, three, end = Segment.objects.order_by("position")
    match harm:
        case "flip":
            two.ciphertext = bytes(two.ciphertext)[:-1] + bytes([bytes(two.ciphertext)[-1] ^ 1])
            two.save()
        case "remove":
            two.delete()
        case "exchange":
            two.ciphertext, two.nonce = three.ciphertext, bytes(12)
            two.save()
        case "reorder":
            two.position, last = three.position, two.position
            three.position = 10**6
            three.save()
            two.save()
            three.position = last
            three.save()
        case "cut":
            end.delete()
    assert host.run("read", started["id"])["warnings"] == warnings


def test_every_flipped_byte_of_a_stored_segment_is_refused(host, started):
    host.run("say", started["id"], "Take two of them.")
    envelope = host.kept()["envelopes"][started["id"]]
    own = host.kept()["private_key"]
    key = encryption.unwrap(envelope["wrapped"], started["id"], own, envelope["sender_key"])
    stored = Segment.objects.get()
    place = (key, started["id"], str(stored.participant_id), stored.sequence)
    columns = {name: bytes(getattr(stored, name)) for name in ("nonce", "ciphertext")}
    whole = {name: encoded(raw) for name, raw in columns.items()}
    assert encryption.decrypt_segment(*place, **whole)["text"] == "Take two of them."
    for name, raw in columns.items():
        for at in range(len(raw)):
            flipped = raw[:at] + bytes([raw[at] ^ 0xFF]) + raw[at + 1 :]
            with pytest.raises(encryption.Refused):
                encryption.decrypt_segment(*place, **whole | {name: encoded(flipped)})


def test_a_key_that_the_portal_puts_in_is_not_taken(host, guest, started, admitted):
    """Made by somebody with the portal's rights: for the guest's key, by a key of their own."""
    theirs = new_key()
    public = {name: theirs[name] for name in ("kty", "crv", "x", "y")}
    key = encryption.new_session_key()
    envelope = Envelope.objects.get(thumbprint=encryption.thumbprint(guest.kept()["private_key"]))
    envelope.wrapped = encryption.wrap(key, started["id"], theirs, guest.kept()["private_key"])
    envelope.sender_key = public
    envelope.save()
    guest.keep(envelopes={})
    assert guest.refused("say", started["id"], "one")["code"] == "key_untrusted"
    assert Segment.objects.count() == 0


def test_a_commitment_that_changes_after_the_answer_keeps_the_joiner_out(host, guest, started):
    joining = guest.joining(started["code"], "Łucja", "--wait", "5")
    host.refused("admit", started["id"], joining.subject, "--wait", "0")
    joining.digits()
    row = Participant.objects.get(pk=joining.subject)
    flipped = bytearray(decoded(row.commitment))
    flipped[0] ^= 1
    Participant.objects.filter(pk=row.pk).update(commitment=encoded(bytes(flipped)))
    assert host.refused("admit", started["id"], joining.subject)["code"] == "key_exchanged"
    assert joining.failed()["code"] == "refused"


def test_neither_words_nor_a_sessions_key_lie_in_the_keychain(host, started):
    host.run("say", started["id"], "planted words")
    kept = host.kept()
    envelope = kept["envelopes"][started["id"]]
    own = kept["private_key"]
    key = encryption.unwrap(envelope["wrapped"], started["id"], own, envelope["sender_key"])
    text = host.state.read_text()
    assert "planted" not in text
    assert encoded(key) not in text
    host.run("sign-out")
    assert host.kept()["envelopes"] == {}


def test_nobody_says_anything_in_a_session_that_is_not_theirs(guest, started):
    assert guest.refused("say", started["id"], "Hello")["code"] == "not_taking_part"
    assert guest.refused("read", started["id"])["code"] == "not_taking_part"
    assert guest.refused("read", "no-id")["code"] == "not_a_session"
