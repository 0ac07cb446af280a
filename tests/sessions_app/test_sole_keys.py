"""Before a device is revoked, its person learns which transcripts it alone can open."""

import pytest
from django.utils import timezone

from devices.keys import PublicKey
from devices.models import DeviceAuthorization
from sessions_app import sole_keys
from sessions_app.models import Envelope, Segment
from tests.devices.kit import public_key
from tests.sessions_app import seats
from tests.sessions_app.conftest import make_authorization

pytestmark = pytest.mark.django_db

REASON = DeviceAuthorization.RevokedReason.SELF


@pytest.fixture
def seat(provider):
    """A session with a transcript, whose key is on the device that hosted it."""
    seat = seats.with_key(seats.host(provider))
    seat.send(seat.segment(1))
    return seat


def device_with_key(person, *visits):
    """Another device of the person, with the keys of these sessions."""
    authorization, key = make_authorization(person), public_key()
    authorization.bind_key(PublicKey.model_validate(key))
    for visit in visits:
        give(visit, authorization)
    return authorization


def give(visit, authorization):
    mark = authorization.key_pairs.get(ended_at=None).thumbprint
    return Envelope.objects.create(
        visit=visit,
        person=authorization.account,
        authorization=authorization,
        thumbprint=mark,
        sender_key=public_key(),
        wrapped=seats.wrapped(),
    )


def host_on(authorization, *, written=True):
    """Another session of that device, with its key."""
    visit = seats.host(authorization.account).visit
    give(visit, authorization)
    if written:
        write(visit)
    return visit


def write(visit):
    Segment.objects.create(
        visit=visit, participant=visit.hosting, sequence=1, position=1, nonce=b"n" * 12, ciphertext=b"c" * 16
    )


def test_what_only_one_device_can_open_counts_for_it(seat, provider):
    other = device_with_key(provider)
    assert sole_keys.held_alone(provider.pk) == {seat.authorization.pk: 1}
    host_on(seat.authorization)
    host_on(other)
    assert sole_keys.held_alone(provider.pk) == {seat.authorization.pk: 2, other.pk: 1}
    assert (sole_keys.on(seat.authorization), sole_keys.on(other)) == (2, 1)


def test_what_another_living_device_can_open_too_does_not(seat, provider):
    other = device_with_key(provider, seat.visit)
    assert sole_keys.held_alone(provider.pk) == {}
    other.revoke(by=provider, reason=REASON)
    assert sole_keys.held_alone(provider.pk) == {seat.authorization.pk: 1}


def test_a_session_without_a_transcript_is_no_loss(seat, provider):
    host_on(seat.authorization, written=False)
    assert sole_keys.on(seat.authorization) == 1


def test_a_key_that_was_replaced_opens_nothing_any_more(seat, provider):
    other = device_with_key(provider, seat.visit)
    other.bind_key(PublicKey.model_validate(public_key()))
    assert sole_keys.held_alone(provider.pk) == {seat.authorization.pk: 1}


def test_a_browser_keeps_its_key_when_its_access_is_renewed(seat, provider):
    seat.authorization.revoke(by=provider, reason=REASON)
    assert sole_keys.held_alone(provider.pk) == {}
    renewed = DeviceAuthorization.objects.create(
        account=provider, device=seat.authorization.device, activated_at=timezone.now()
    )
    assert sole_keys.held_alone(provider.pk) == {renewed.pk: 1}


def test_each_account_counts_its_own_devices_alone(seat, provider, patient):
    joiner = seats.join(seat.visit, patient)
    assert sole_keys.held_alone(provider.pk) == {seat.authorization.pk: 1}
    assert sole_keys.held_alone(patient.pk) == {joiner.authorization.pk: 1}


def test_a_guest_has_none_to_lose(seat):
    assert sole_keys.on(seats.join(seat.visit, None).authorization) == 0


@pytest.mark.parametrize("size", [5, 500])
def test_it_costs_three_queries_however_much_there_is(seat, provider, size, django_assert_num_queries):
    visits = type(seat.visit).objects.bulk_create(
        type(seat.visit)(
            name="Visit",
            code="ABCDEF",
            mode="two_device",
            host=provider,
            authorization=seat.authorization,
            expires_at=seat.visit.expires_at,
        )
        for _number in range(size)
    )
    Segment.objects.bulk_create(
        Segment(
            visit=visit,
            participant=seat.participant,
            sequence=number,
            position=1,
            nonce=b"n" * 12,
            ciphertext=b"c" * 16,
        )
        for number, visit in enumerate(visits, start=2)
    )
    Envelope.objects.bulk_create(
        Envelope(
            visit=visit,
            person=provider,
            authorization=seat.authorization,
            thumbprint=seat.thumbprint,
            sender_key=seat.key,
            wrapped=seats.wrapped(),
        )
        for visit in visits
    )
    for _number in range(size // 100):
        device_with_key(provider)
    with django_assert_num_queries(3):
        assert sole_keys.on(seat.authorization) == size + 1


def page_of(sign_in, person, authorization):
    return sign_in(person).get(f"/settings/devices/{authorization.pk}/revocation/").content.decode()


def test_the_page_says_so_and_leads_to_carrying_them_over(seat, provider, sign_in):
    page = page_of(sign_in, provider, seat.authorization)
    assert "The transcript of 1 session can be read on this device alone." in page
    assert 'href="/settings/devices/keys/"' in page
    for _number in range(11):
        host_on(seat.authorization)
    page = page_of(sign_in, provider, seat.authorization)
    assert "The transcripts of 12 sessions can be read on this device alone." in page


def test_the_page_says_nothing_where_nothing_is_lost(seat, provider, sign_in):
    other = device_with_key(provider, seat.visit)
    for one in (seat.authorization, other):
        assert "read on this device alone" not in page_of(sign_in, provider, one)
    other.revoke(by=provider, reason=REASON)
    seat.authorization.revoke(by=provider, reason=REASON)
    assert "read on this device alone" not in page_of(sign_in, provider, seat.authorization)


def test_the_warning_hinders_nobody(seat, provider, sign_in):
    answer = sign_in(provider).post(f"/settings/devices/{seat.authorization.pk}/revocation/")
    assert answer.status_code == 302
    seat.authorization.refresh_from_db()
    assert seat.authorization.revoked_at is not None
