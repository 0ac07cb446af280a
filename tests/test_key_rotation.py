"""New keys for what is encrypted at rest, while the portal runs."""

import datetime as dt
import itertools
import threading
from io import StringIO

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal.auth import TOTP
from django.core.management import CommandError, call_command
from django.db import connection, transaction

from accounts.models import Person
from devices import deep_link
from devices.models import DeviceAuthorization
from medimic import at_rest, crypto
from medimic.audit import log, statements
from medimic.outbox.models import Delivery
from medimic.outbox.queue import enqueue
from tests import cast
from tests.devices.kit import link_for, push, sign_in_device

pytestmark = [pytest.mark.django_db, pytest.mark.both]
OLD, NEW = b"o" * 32, b"n" * 32
SECRET = "JBSWY3DPEHPK3PXP"


@pytest.fixture(autouse=True)
def old_key(settings):
    settings.FIELD_KEYS = [OLD]


@pytest.fixture
def planted() -> Person:
    """Somebody who has something in every encrypted place."""
    person = cast.make_person(phone_number="+442079460000")
    sign_in_device(person, push=push("apns-token"))
    DeviceAuthorization.objects.update(phone_number="+442079460001")
    TOTP.activate(person, SECRET)
    RecoveryCodes.activate(person)
    with transaction.atomic():
        enqueue("tests.kind", channel="email", recipient="a@people.example", body={"text": "Hello"})
    return person


def rotate(settings) -> None:
    settings.FIELD_KEYS = [NEW, OLD]


def run(command: str, **options) -> str:
    out = StringIO()
    call_command(command, stdout=out, **options)
    return out.getvalue()


def standing() -> dict[str, dict[int, int]]:
    return {place.name: dict(place.standing()) for place in at_rest.places() if place.standing()}


def test_finds_every_place(planted):
    assert set(standing()) == {
        "accounts.alert.sent_to",
        "accounts.alert.subject",
        "accounts.person.phone_number",
        "devices.deviceauthorization.phone_number",
        "devices.deviceauthorization.push_token",
        "mfa.authenticator.data",
        "outbox.delivery.body",
        "outbox.delivery.recipient",
    }
    assert set(standing()) <= {place.name for place in at_rest.places()}


def test_brings_all_of_it_under_the_first_key(planted, settings):
    codes = Authenticator.objects.get(type="recovery_codes").wrap().generate_codes()
    bodies = set(Delivery.objects.values_list("body", flat=True))
    rotate(settings)
    assert {place for rows in standing().values() for place in rows} == {1}
    run("reencrypt")
    # The old key can go.
    settings.FIELD_KEYS = [NEW]
    assert {place for rows in standing().values() for place in rows} == {0}
    row = DeviceAuthorization.objects.get()
    assert (row.phone_number, row.push_token) == ("+442079460001", "apns-token")
    assert Person.objects.get(pk=planted.pk).phone_number == "+442079460000"
    assert crypto.decrypt(Authenticator.objects.get(type="totp").data["secret"]) == SECRET
    assert Authenticator.objects.get(type="recovery_codes").wrap().generate_codes() == codes
    assert set(Delivery.objects.values_list("body", flat=True)) == bodies


def test_leaves_passkeys_and_empty_fields_alone(settings):
    person = cast.make_person()
    link_for(person)
    Authenticator.objects.create(user=person, type="webauthn", data={"credential": {"id": "x"}})
    rotate(settings)
    assert standing() == {}
    assert "0 rows re-encrypted." in run("reencrypt")


def test_again_changes_nothing(planted, settings):
    rotate(settings)
    run("reencrypt")
    before = stored()
    assert "0 rows re-encrypted." in run("reencrypt")
    assert stored() == before


def test_stopped_halfway_goes_on(settings, monkeypatch):
    for number in range(7):
        cast.make_person(phone_number=f"+44207946000{number}")
    rotate(settings)
    left = iter(range(3))
    renew = crypto.reencrypt

    def stopping(text: str) -> str:
        if next(left, None) is None:
            raise KeyboardInterrupt
        return renew(text)

    monkeypatch.setattr(crypto, "reencrypt", stopping)
    with pytest.raises(KeyboardInterrupt):
        run("reencrypt", batch=2)
    monkeypatch.setattr(crypto, "reencrypt", renew)
    assert standing()["accounts.person.phone_number"] == {0: 3, 1: 4}
    assert "accounts.person.phone_number: 4 re-encrypted, 3 under the first key before" in run(
        "reencrypt", batch=2
    )


def test_does_not_overwrite_what_somebody_changes_meanwhile(planted, settings, monkeypatch):
    rotate(settings)
    renew = crypto.reencrypt
    changed = False

    def slow(text: str) -> str:
        nonlocal changed
        renewed = renew(text)
        if not changed and crypto.decrypt(text) == planted.phone_number:
            changed = True
            planted.change_profile(phone_number="+442079469999")
        return renewed

    monkeypatch.setattr(crypto, "reencrypt", slow)
    out = run("reencrypt")
    assert "accounts.person.phone_number: 0 re-encrypted, 0 under the first key before" in out
    assert Person.objects.get(pk=planted.pk).phone_number == "+442079469999"
    assert standing()["accounts.person.phone_number"] == {0: 1}


def test_says_what_no_key_opens_and_fails(planted, settings):
    settings.FIELD_KEYS = [NEW]
    with pytest.raises(CommandError, match="open with none of FIELD_KEYS"):
        run("reencrypt")
    assert "open with none of these keys" in run("keys")
    # Nothing was lost by trying.
    rotate(settings)
    run("reencrypt")
    assert Person.objects.get(pk=planted.pk).phone_number == "+442079460000"


def test_needs_as_many_reads_as_batches(settings, django_assert_num_queries):
    for number in range(6):
        cast.make_person(phone_number=f"+44207946000{number}")
    place = next(place for place in at_rest.places() if place.name == "accounts.person.phone_number")
    rotate(settings)
    with django_assert_num_queries(4 + 6):
        place.reencrypt(batch=2)


@pytest.mark.django_db(transaction=True)
def test_beside_a_worker_that_writes_all_the_time_nothing_is_lost(settings):
    people = [cast.make_person(phone_number=f"+44207946{number:04}") for number in range(30)]
    rotate(settings)
    wanted, stop = {}, threading.Event()

    def work() -> None:
        try:
            for number in itertools.count():
                person = people[number % len(people)]
                person.change_profile(phone_number=f"+44207947{number:04}")
                wanted[person.pk] = person.phone_number
                if stop.is_set() and number > len(people):
                    return
        finally:
            connection.close()

    worker = threading.Thread(target=work)
    worker.start()
    for _ in range(3):
        run("reencrypt", batch=7)
    stop.set()
    worker.join()
    assert {person.pk: person.phone_number for person in Person.objects.all()} == wanted
    assert standing()["accounts.person.phone_number"] == {0: len(people)}


class TestKeys:
    def test_names_each_key_and_never_tells_it(self, planted, settings):
        rotate(settings)
        out = run("keys")
        keys = settings.CRYPTO_KEY, settings.FIELD_KEYS, settings.AUDIT_KEYS, settings.AUDIT_SIGNING_KEY
        for key in itertools.chain.from_iterable(keys):
            for text in (key.hex(), key.decode()):
                assert text not in out
        assert f"{deep_link.key_id(settings.CRYPTO_KEY[0])}  encrypts" in out
        assert f"{crypto.fingerprint('field-key', NEW)}  encrypts  0 rows" in out
        assert f"{crypto.fingerprint('field-key', OLD)}  kept to read  " in out
        assert f"{log.key_name(settings.AUDIT_KEYS[0])}  signs  " in out
        assert f"{statements.public_keys()[0]}  signs  " in out

    def test_counts_what_stands_under_older_keys(self, planted, settings):
        rotate(settings)
        number = sum(sum(rows.values()) for rows in standing().values())
        assert f"{number} rows stand under older keys: manage.py reencrypt" in run("keys")
        run("reencrypt")
        assert "older keys" not in run("keys")

    def test_says_that_a_signing_key_is_missing(self, planted, settings):
        settings.AUDIT_KEYS = [b"another-audit-key---with-32byte!"]
        assert "were signed with keys that are not here" in run("keys")


def test_a_link_made_before_a_rotation_still_opens_and_a_new_one_names_the_new_key(settings):
    person = cast.make_person()
    old = settings.CRYPTO_KEY[0]
    before = link_for(person).link
    DeviceAuthorization.objects.update(created_at=dt.datetime(2020, 1, 1, tzinfo=dt.UTC))
    cast.subscribe(person)
    settings.CRYPTO_KEY = [NEW, old]
    after = link_for(person).link
    assert deep_link.open_link(before, settings.CRYPTO_KEY)["token"]
    with pytest.raises(deep_link.UnknownKey):
        deep_link.open_link(after, [old])
    assert deep_link.open_link(after, [NEW])["token"]


def stored() -> list:
    return [list(place._stored(10)) for place in at_rest.places() if isinstance(place, at_rest.Column)]
