"""Fifty at once, with the naive way as control: one that reads, thinks and then writes."""

import datetime as dt
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection, transaction
from django.utils import timezone

from billing.catalogue import INDIVIDUAL
from devices import actions, limits, tokens
from devices.models import DeviceAuthorization, Registration, Token
from medimic import crypto
from medimic.audit.log import SYSTEM
from medimic.problems import Problem
from tests import cast
from tests.devices.kit import device_in, link_for, sign_in_device, token_in

pytestmark = pytest.mark.django_db(transaction=True)
AT_ONCE = 50
NAIVE = 8


def race(act, number: int = AT_ONCE) -> Counter:
    """How often each outcome came of so many threads that start at the same instant."""
    start = threading.Barrier(number)

    def run(index: int) -> str:
        try:
            start.wait()
            act(index)
        except Problem as problem:
            return problem.code
        else:
            return "won"
        finally:
            connection.close()

    with ThreadPoolExecutor(number) as pool:
        return Counter(pool.map(run, range(number)))


class TestOneToken:
    def test_signs_one_of_fifty_devices_in(self, outsider):
        token = token_in(link_for(outsider).link)
        facts = [device_in() for _ in range(AT_ONCE)]
        outcome = race(lambda i: actions.log_in(token=token, device=facts[i], origin=SYSTEM))
        assert outcome == {"won": 1, "registration_used": AT_ONCE - 1}
        assert DeviceAuthorization.objects.active().count() == 1

    def test_leaves_one_living_pair_to_a_device_that_asks_fifty_times(self, outsider):
        token, facts = token_in(link_for(outsider).link), device_in()
        outcome = race(lambda _: actions.log_in(token=token, device=facts, origin=SYSTEM))
        # The first answer, and the one repetition for an answer that was lost.
        assert outcome == {"won": 2, "registration_used": AT_ONCE - 2}
        living = Token.objects.filter(ended_at=None, family__ended_at=None)
        assert sorted(living.values_list("kind", flat=True)) == ["access", "refresh"]

    def test_read_and_then_written_would_let_several_win(self, outsider):
        token = crypto.token_hash(token_in(link_for(outsider).link))
        all_have_read = threading.Barrier(NAIVE)

        def naive(_):
            registration = Registration.objects.get(token_hash=token)
            if registration.used_at:
                raise Problem(410, "registration_used", "")
            all_have_read.wait()
            registration.used_at = timezone.now()
            registration.used_identifier_hash = "x"
            registration.save()

        assert race(naive, NAIVE) == {"won": NAIVE}


class TestLastPlace:
    def test_goes_to_one_of_fifty_registrations(self, outsider):
        for _ in range(INDIVIDUAL.device_limit - 1):
            sign_in_device(outsider)
        outcome = race(lambda _: link_for(outsider))
        assert outcome == {"won": 1, "device_limit": AT_ONCE - 1}
        assert limits.places(outsider).taken == INDIVIDUAL.device_limit

    def test_counted_without_the_lock_it_would_go_to_several(self, outsider):
        for _ in range(INDIVIDUAL.device_limit - 1):
            sign_in_device(outsider)
        all_have_counted = threading.Barrier(NAIVE)

        def naive(_):
            limits.require_place(outsider)
            all_have_counted.wait()
            with transaction.atomic():
                pending = DeviceAuthorization.objects.create(account=outsider, issued_by=outsider)
                Registration.objects.create(
                    authorization=pending,
                    token_hash=crypto.token_hash(crypto.new_token()),
                    created_by=outsider,
                    expires_at=timezone.now() + dt.timedelta(hours=1),
                )

        assert race(naive, NAIVE) == {"won": NAIVE}
        assert limits.places(outsider).taken > INDIVIDUAL.device_limit

    def test_that_one_device_gives_up_goes_to_one_of_fifty(self, outsider):
        """The page at the limit, sent fifty times: one revokes and goes on, the others find no place."""
        rows = [sign_in_device(outsider).authorization for _ in range(INDIVIDUAL.device_limit)]
        outcome = race(lambda _: link_for(outsider, instead_of=rows[0]))
        assert outcome == {"won": 1, "device_limit": AT_ONCE - 1}
        assert limits.places(outsider).taken == INDIVIDUAL.device_limit
        assert DeviceAuthorization.objects.active().count() == INDIVIDUAL.device_limit - 1

    def test_exchanged_by_two_heirs_of_each_other_s_devices_ends_without_a_deadlock(self, outsider):
        """Each gives up a device that passes to the other: accounts are locked in one order."""
        other = cast.make_person()
        cast.subscribe(other)
        shared = [device_in(), device_in()]
        mine = actions.log_in(token=token_in(link_for(outsider).link), device=shared[0], origin=SYSTEM)
        theirs = actions.log_in(token=token_in(link_for(other).link), device=shared[1], origin=SYSTEM)
        actions.log_in(token=token_in(link_for(outsider).link), device=shared[1], origin=SYSTEM)
        actions.log_in(token=token_in(link_for(other).link), device=shared[0], origin=SYSTEM)
        given = [(outsider, mine.authorization), (other, theirs.authorization)]

        def exchange(index: int) -> None:
            person, row = given[index % 2]
            link_for(person, instead_of=row)

        outcome = race(exchange, 20)
        assert set(outcome) <= {"won", "device_limit"}
        for person in (outsider, other):
            assert limits.places(person).taken <= INDIVIDUAL.device_limit

    def test_freed_and_taken_at_once_is_never_overdrawn(self, outsider):
        """Logins, revocations and new links side by side: no deadlock, never one too many."""
        rows = [sign_in_device(outsider).authorization for _ in range(2)]
        token = token_in(link_for(outsider).link)

        def act(index: int) -> None:
            if index < 4:
                actions.revoke(authorization=rows[index % 2], by=outsider, origin=SYSTEM)
            elif index < 8:
                actions.log_in(token=token, device=device_in(), origin=SYSTEM)
            else:
                link_for(outsider)

        race(act, 20)
        assert limits.places(outsider).taken <= INDIVIDUAL.device_limit


class TestRefresh:
    def test_of_one_token_at_once_leaves_one_chain(self, outsider):
        spent = sign_in_device(outsider).tokens.refresh_token
        outcome = race(lambda _: tokens.rotate(spent, SYSTEM), 20)
        # One answer and one repetition; the third use is a theft, and ends the family.
        assert outcome["won"] == 2
        assert outcome["token_reused"] == 1
        assert outcome["token_ended"] == 17
        assert not Token.objects.filter(family__ended_at=None).exists()


class TestSharedDevice:
    def test_two_accounts_at_once_make_one_device_with_one_owner(self, outsider, provider):
        people, shared = (outsider, provider), device_in()
        links = [token_in(link_for(person).link) for person in people]
        outcome = race(lambda i: actions.log_in(token=links[i], device=shared, origin=SYSTEM), 2)
        assert outcome == {"won": 2}
        devices = {row.device for row in DeviceAuthorization.objects.active()}
        assert len(devices) == 1
        assert devices.pop().owner_person in people
