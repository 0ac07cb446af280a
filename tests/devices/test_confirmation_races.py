import pytest

from devices import actions, confirmation, handover
from devices.models import Confirmation, Device, DeviceAuthorization, Token
from devices.permissions import link_right
from medimic.audit.log import SYSTEM
from tests.devices.kit import device_in, link_for, sign_in_device, token_in
from tests.devices.test_races import race

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def issued(outsider):
    outsider.confirm_devices = True
    outsider.save()
    return link_for(outsider)


@pytest.fixture
def asked(issued):
    return actions.log_in(token=token_in(issued.link), device=device_in(), origin=SYSTEM)


def no_key(jkt: str) -> None:
    assert not jkt


def test_a_link_used_by_fifty_devices_at_once_asks_about_one(issued):
    devices = [device_in() for _ in range(50)]
    token = token_in(issued.link)
    outcome = race(lambda i: actions.log_in(token=token, device=devices[i], origin=SYSTEM))
    assert outcome == {"won": 1, "registration_used": 49}
    assert Confirmation.objects.count() == 1


def test_three_guesses_at_once_are_one(issued, asked, outsider):
    choices = confirmation.question_of(issued.authorization).choices
    states = []

    def pick(index: int) -> None:
        states.append(confirmation.pick(issued.authorization, choices[index], by=outsider, origin=SYSTEM))

    race(pick, 3)
    assert sorted(map(str, states)).count("None") == 2
    row = DeviceAuthorization.objects.get()
    # Whoever came first decided: let in, or ended for good.
    assert row.is_active == (Confirmation.objects.get().state == Confirmation.State.CONFIRMED)
    assert row.is_active != bool(row.revoked_at)
    assert Device.objects.count() == row.is_active


def test_the_right_pick_twenty_times_at_once_lets_one_device_in(issued, asked, outsider):
    race(lambda _: confirmation.pick(issued.authorization, asked.digits, by=outsider, origin=SYSTEM), 20)
    assert Device.objects.count() == 1
    assert DeviceAuthorization.objects.active().count() == 1


def test_twenty_polls_at_once_leave_one_living_pair(issued, asked, outsider):
    confirmation.pick(issued.authorization, asked.digits, by=outsider, origin=SYSTEM)
    outcome = race(lambda _: confirmation.collect(asked.poll_token, prove=no_key), 20)
    # The first answer, and the one repetition for an answer that was lost.
    assert outcome == {"won": 2, "registration_used": 18}
    living = Token.objects.filter(ended_at=None, family__ended_at=None)
    assert sorted(living.values_list("kind", flat=True)) == ["access", "refresh"]


def test_picked_cancelled_and_issued_anew_at_once_ends_in_one_of_them(issued, asked, outsider):
    def act(index: int) -> None:
        if index % 3 == 0:
            confirmation.pick(issued.authorization, asked.digits, by=outsider, origin=SYSTEM)
        elif index % 3 == 1:
            actions.revoke(authorization=issued.authorization, by=outsider, origin=SYSTEM)
        else:
            try:
                handover.reissue(link_right(outsider, outsider), issued.authorization, origin=SYSTEM)
            except handover.NotWaiting:
                pass

    race(act, 9)
    # The cancellations came last or let nothing in: whatever stands is whole, and nothing is both.
    row = DeviceAuthorization.objects.get()
    assert row.revoked_at is not None
    assert (row.device_id is not None) == (Confirmation.objects.get().state == Confirmation.State.CONFIRMED)
    assert not confirmation.Registration.objects.good().exists()
    with pytest.raises(confirmation.Problem, match="confirmation_refused"):
        confirmation.collect(asked.poll_token, prove=no_key)


def test_a_form_sent_twenty_times_at_once_makes_one_row(outsider):
    draft = DeviceAuthorization().pk
    right = link_right(outsider, outsider)
    race(lambda _: handover.issue(right, origin=SYSTEM, draft=draft), 20)
    assert DeviceAuthorization.objects.get().pk == draft
    assert confirmation.Registration.objects.good().count() == 1


def test_issued_anew_at_once_and_used_leaves_one_good_link_or_one_device(outsider):
    issued = link_for(outsider)
    token, right = token_in(issued.link), link_right(outsider, outsider)

    def act(index: int) -> None:
        if index == 0:
            actions.log_in(token=token, device=device_in(), origin=SYSTEM)
        else:
            try:
                handover.reissue(right, issued.authorization, origin=SYSTEM)
            except handover.NotWaiting:
                pass

    race(act, 12)
    good = confirmation.Registration.objects.good().count()
    assert good + DeviceAuthorization.objects.active().count() == 1


def test_the_last_place_goes_to_a_confirmation_or_to_another_link(outsider, issued, asked):
    outsider.confirm_devices = False
    outsider.save()
    for _ in range(2):
        sign_in_device(outsider)
    outcome = race(lambda _: link_for(outsider), 10)
    assert outcome == {"device_limit": 10}
    confirmation.pick(issued.authorization, asked.digits, by=outsider, origin=SYSTEM)
    assert DeviceAuthorization.objects.active().count() == 3
