"""Devices in any order of events: what SPEC's rules say holds after each of them.

Two accounts, a guest and three physical devices: links are made, used, lost and used again;
tokens rotate and are stolen; devices are revoked, shared, reinstalled and come back; plans
change and time passes. An oracle beside it, written from the rules alone, says what each call
must answer and which tokens must be taken.

`DEVICE_STATE_RUNS=5000 pytest tests/devices/test_state_machine.py` runs as many examples.
"""

import datetime as dt
import os
from dataclasses import dataclass, field
from unittest import mock

import pytest
from django.db import transaction
from django.utils import timezone
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from billing.catalogue import FREE_TRIAL, INDIVIDUAL
from devices import actions, guests, limits, tokens
from devices.models import (
    ACCESS_LIFETIME,
    FAMILY_LIFETIME,
    REFRESH_LIFETIME,
    Device,
    DeviceAuthorization,
    RevocationReceipt,
    Token,
)
from medimic import crypto
from medimic.audit.log import SYSTEM
from medimic.audit.models import AuditEvent
from medimic.problems import Problem
from tests import cast
from tests.devices.kit import device_in, push, token_in

pytestmark = pytest.mark.both

RUNS = int(os.environ.get("DEVICE_STATE_RUNS", "25"))
# Shrinking takes minutes: for whoever looks for a fault, not for every run that meets one.
PHASES = [Phase.generate, Phase.shrink] if "DEVICE_STATE_RUNS" in os.environ else [Phase.generate]
STEPS = 30
LINK_LIFETIME = dt.timedelta(hours=24)
Reason = DeviceAuthorization.RevokedReason
FINE = "fine"


@dataclass
class Family:
    """What follows from one sign-in, as the oracle has it."""

    row: "Row"
    epoch: int
    ends: dt.datetime
    is_alive: bool = True


@dataclass
class Pair:
    access: str
    refresh: str
    family: Family
    made: dt.datetime
    was_used: bool = False
    is_dead: bool = False
    rotated_at: dt.datetime | None = None
    successors: list["Pair"] = field(default_factory=list)


@dataclass
class Row:
    """An authorization, as the oracle has it; `account` is None for a guest."""

    pk: object
    account: "Account | None"
    link: str = ""
    link_ends: dt.datetime | None = None
    device: "Hardware | None" = None
    is_living: bool = True
    reason: str = ""
    gave_way: bool = False


@dataclass(eq=False)
class Account:
    person: object
    limit: int
    epoch: int = 0


@dataclass(eq=False)
class Hardware:
    identifier: str
    exists: bool = False
    owner: "Account | str | None" = None


def outcome(act):
    """What came back, and FINE or the code of the refusal."""
    try:
        return act(), FINE
    except Problem as problem:
        return None, problem.code


class Devices(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.now = timezone.now()
        self.clock = mock.patch("django.utils.timezone.now", side_effect=lambda: self.now)
        self.clock.start()
        # Each example is undone; `rotate` wants to be the outermost transaction, but for a test's.
        self.undone = transaction.atomic()
        self.undone._from_testcase = True
        self.undone.__enter__()
        self.accounts = [
            Account(cast.make_person("Ines", "Individual"), INDIVIDUAL.device_limit),
            Account(cast.make_person("Tom", "Trial"), FREE_TRIAL.device_limit),
        ]
        cast.subscribe(self.accounts[0].person)
        self.hardware = [Hardware(f"the-secure-store-of-device-{number}") for number in range(3)]
        self.rows: list[Row] = []
        self.pairs: list[Pair] = []
        self.revocations = 0

    def teardown(self) -> None:
        transaction.set_rollback(True)
        self.undone.__exit__(None, None, None)
        self.clock.stop()

    # --- What the rules say -----------------------------------------------------

    def takes_place(self, row: Row) -> bool:
        if not row.is_living or row.account is None:
            return False
        return self.is_good(row) if row.device is None else row.device.owner is row.account

    def taken(self, account: Account) -> int:
        return sum(row.account is account and self.takes_place(row) for row in self.rows)

    def is_good(self, row: Row) -> bool:
        return row.is_living and row.device is None and row.link_ends > self.now

    def is_taken(self, pair: Pair, kind: str) -> bool:
        family, lifetime = pair.family, ACCESS_LIFETIME if kind == "access" else REFRESH_LIFETIME
        return (
            family.row.is_living
            and family.is_alive
            and self.now < min(pair.made + lifetime, family.ends)
            and (family.row.account is None or family.row.account.epoch == family.epoch)
            and not pair.is_dead
        )

    def living_on(self, device: Hardware, account: Account | None) -> list[Row]:
        return [row for row in self.rows if row.device is device and row.account is account and row.is_living]

    def blocked(self, device: Hardware, account: Account | None) -> bool:
        return any(
            row.device is device and row.account is account and row.reason == "staff" and not row.gave_way
            for row in self.rows
        )

    def attach(self, row: Row, device: Hardware) -> None:
        for older in self.rows:
            if older.device is device and older.account is row.account and older is not row:
                older.is_living = False
                older.gave_way = True
        row.device = device
        device.exists = True

    def issued(self, row: Row, issued: tokens.IssuedTokens, family: Family | None = None) -> Pair:
        family = family or Family(row, row.account.epoch if row.account else 0, self.now + FAMILY_LIFETIME)
        pair = Pair(issued.access_token, issued.refresh_token, family, self.now)
        self.pairs.append(pair)
        return pair

    # --- What happens -------------------------------------------------------------

    @rule(who=st.integers(0, 1))
    def register(self, who: int) -> None:
        account = self.accounts[who]
        expected = FINE if self.taken(account) < account.limit else "device_limit"
        made, code = outcome(
            lambda: actions.issue_link(account=account.person, by=account.person, origin=SYSTEM)
        )
        assert code == expected
        if made:
            ends = self.now + LINK_LIFETIME
            self.rows.append(Row(made.authorization.pk, account, token_in(made.link), ends))

    @rule(data=st.data(), which=st.integers(0, 2))
    @precondition(lambda self: any(self.is_good(row) for row in self.rows))
    def log_in(self, data, which: int) -> None:
        """At first, again, after a revocation, or on somebody else's device: it is all the same call."""
        row = data.draw(st.sampled_from([row for row in self.rows if self.is_good(row)]))
        device = self.hardware[which]
        needs_place = device.owner in (None, "guest")
        if self.blocked(device, row.account):
            expected = "device_blocked"
        elif needs_place and self.taken(row.account) - 1 >= row.account.limit:
            expected = "device_limit"
        else:
            expected = FINE
        facts = device_in(device_id=device.identifier, push=push())
        signed_in, code = outcome(lambda: actions.log_in(token=row.link, device=facts, origin=SYSTEM))
        assert code == expected
        if signed_in:
            assert signed_in.authorization.pk == row.pk
            self.attach(row, device)
            if needs_place:
                device.owner = row.account
            self.issued(row, signed_in.tokens)

    @rule(data=st.data())
    @precondition(lambda self: any(row.link and not self.is_good(row) for row in self.rows))
    def use_a_spent_link(self, data) -> None:
        row = data.draw(st.sampled_from([row for row in self.rows if row.link and not self.is_good(row)]))
        _none, code = outcome(lambda: actions.log_in(token=row.link, device=device_in(), origin=SYSTEM))
        if row.device is not None:
            assert code == "registration_used"
        else:
            assert code == ("registration_cancelled" if row.reason == "cancelled" else "registration_expired")

    @rule(data=st.data())
    @precondition(lambda self: self.pairs)
    def use(self, data) -> None:
        pair = data.draw(st.sampled_from(self.pairs))
        found, code = outcome(lambda: tokens.authenticate(pair.access, Token.Kind.ACCESS))
        assert (code == FINE) == self.is_taken(pair, "access")
        if found:
            pair.was_used = True

    @rule(data=st.data())
    @precondition(lambda self: any(pair.rotated_at is None for pair in self.pairs))
    def refresh(self, data) -> None:
        pair = data.draw(st.sampled_from([pair for pair in self.pairs if pair.rotated_at is None]))
        was_dead = pair.is_dead
        issued, code = outcome(lambda: tokens.rotate(pair.refresh, SYSTEM))
        if was_dead and code == "token_reused":
            # Its answer was thought lost, and here it comes: somebody else has it.
            pair.family.is_alive = False
            return
        assert (code == FINE) == self.is_taken(pair, "refresh")
        if issued:
            pair.rotated_at = self.now
            pair.was_used = True
            pair.successors.append(self.issued(pair.family.row, issued, pair.family))

    @rule(data=st.data())
    @precondition(lambda self: any(pair.rotated_at for pair in self.pairs))
    def refresh_again(self, data) -> None:
        """The answer was lost, or the token was stolen: one try soon after is borne, nothing else is."""
        pair = data.draw(st.sampled_from([pair for pair in self.pairs if pair.rotated_at]))
        is_good = self.is_taken(pair, "refresh")
        newest = pair.successors[-1]
        is_lost_answer = (
            len(pair.successors) == 1
            and not newest.was_used
            and self.now - pair.rotated_at <= tokens.RETRY_WITHIN
        )
        issued, code = outcome(lambda: tokens.rotate(pair.refresh, SYSTEM))
        if not is_good:
            assert code != FINE
        elif is_lost_answer:
            assert code == FINE
            newest.is_dead = True
            pair.successors.append(self.issued(pair.family.row, issued, pair.family))
        else:
            assert code == "token_reused"
            pair.family.is_alive = False

    @rule(data=st.data(), by_staff=st.booleans(), again=st.booleans())
    @precondition(lambda self: self.rows)
    def revoke(self, data, by_staff: bool, again: bool) -> None:
        row = data.draw(st.sampled_from(self.rows))
        fresh = DeviceAuthorization.objects.get(pk=row.pk)
        reason = Reason.STAFF if by_staff else Reason.SELF
        assert actions.revoke(authorization=fresh, by=None, origin=SYSTEM, reason=reason) == row.is_living
        if row.is_living:
            self.revocations += 1
            row.is_living = False
            row.reason = reason.value if row.device else "cancelled"
            self.pass_on(row)
        if again:
            assert not actions.revoke(authorization=fresh, by=None, origin=SYSTEM, reason=reason)

    def pass_on(self, ended: Row) -> None:
        device = ended.device
        if device is None:
            return
        if ended.account is None:
            device.owner = None if device.owner == "guest" else device.owner
        elif device.owner is ended.account:
            # Rows stand here in the order of registration; the oldest sign-in comes first.
            order = list(
                DeviceAuthorization.objects.filter(device__isnull=False)
                .order_by("activated_at", "id")
                .values_list("pk", flat=True)
            )
            heirs = [row for row in self.rows if row.device is device and row.is_living and row.account]
            heirs.sort(key=lambda row: order.index(row.pk))
            device.owner = None
            device.owner = next(
                (row.account for row in heirs if self.taken(row.account) < row.account.limit), None
            )

    @rule(data=st.data())
    @precondition(lambda self: self.pairs)
    def sign_out(self, data) -> None:
        pair = data.draw(st.sampled_from(self.pairs))
        actions.sign_out(token=pair.access, origin=SYSTEM)
        if pair.family.row.is_living:
            for other in self.pairs:
                if other.family.row is pair.family.row:
                    other.family.is_alive = False

    @rule(who=st.integers(0, 1))
    def sign_out_everywhere(self, who: int) -> None:
        self.accounts[who].person.end_device_tokens()
        self.accounts[who].epoch += 1

    @rule(which=st.integers(0, 2))
    def reinstall_or_use_without_an_account(self, which: int) -> None:
        device = self.hardware[which]
        expected = "device_blocked" if self.blocked(device, None) else FINE
        facts = device_in(device_id=device.identifier)
        made, code = outcome(lambda: guests.first_use(facts, SYSTEM))
        assert code == expected
        if made:
            row = Row(made[0].pk, None)
            self.rows.append(row)
            self.attach(row, device)
            if device.owner is None:
                device.owner = "guest"
            self.issued(row, made[1])

    @rule(who=st.integers(0, 1))
    def change_plan(self, who: int) -> None:
        account = self.accounts[who]
        if account.limit == INDIVIDUAL.device_limit:
            account.person.subscriptions.update(ended_at=self.now)
            account.limit = FREE_TRIAL.device_limit
        else:
            cast.subscribe(account.person)
            account.limit = INDIVIDUAL.device_limit
        assert limits.places(account.person).allowance.limit == account.limit

    @rule(seconds=st.sampled_from([1, 59, 61, 16 * 60, 25 * 3600, 31 * 24 * 3600]))
    def time_passes(self, seconds: int) -> None:
        self.now += dt.timedelta(seconds=seconds)

    # --- What holds ------------------------------------------------------------------

    @invariant()
    def one_row_for_each_device_and_one_living_leave_for_each_account_on_it(self) -> None:
        assert Device.objects.count() == sum(device.exists for device in self.hardware)
        living = DeviceAuthorization.objects.active().values_list("device", "account")
        assert len(set(living)) == len(living)
        assert set(DeviceAuthorization.objects.living().values_list("pk", flat=True)) == {
            row.pk for row in self.rows if row.is_living
        }

    @invariant()
    def an_account_takes_the_places_that_the_rules_count(self) -> None:
        for account in self.accounts:
            assert limits.taking_places(account.person).count() == self.taken(account)

    @invariant()
    def a_device_belongs_to_whom_the_rules_say(self) -> None:
        owners = {
            row.identifier_hash: "guest" if row.guest_owned else row.owner_person_id
            for row in Device.objects.all()
        }
        expected = {
            crypto.keyed_hash("device-id", device.identifier): device.owner.person.pk
            if isinstance(device.owner, Account)
            else device.owner
            for device in self.hardware
            if device.exists
        }
        assert owners == expected
        for device in self.hardware:
            if isinstance(device.owner, Account):
                assert self.living_on(device, device.owner)

    @invariant()
    def exactly_those_tokens_are_taken_that_should_be(self) -> None:
        rows = Token.objects.select_related("family", "authorization__account").only(
            "kind", "ended_at", "expires_at", "account_epoch", "family__ended_at", "family__expires_at",
            "family__account_epoch", "authorization__revoked_at", "authorization__account__is_active",
            "authorization__account__token_epoch",
        )  # fmt: skip
        found = {row.pk: row for row in rows}
        for pair in self.pairs:
            for text, kind in ((pair.access, "access"), (pair.refresh, "refresh")):
                refusal = tokens._refusal(found[crypto.token_hash(text)])
                assert (refusal is None) == self.is_taken(pair, kind), (kind, refusal and refusal.code)

    @invariant()
    def who_has_ended_gets_no_pushes(self) -> None:
        assert not DeviceAuthorization.objects.exclude(revoked_at=None).exclude(push_hash="").exists()

    @invariant()
    def each_revocation_has_a_receipt_and_a_row_in_the_log(self) -> None:
        assert RevocationReceipt.objects.count() == self.revocations
        kinds = ["devices.revoked", "devices.link_cancelled"]
        assert AuditEvent.objects.filter(kind__in=kinds).count() == self.revocations


@pytest.mark.django_db
def test_devices_keep_the_rules_in_any_order_of_events():
    run_state_machine_as_test(
        Devices,
        settings=settings(
            max_examples=RUNS,
            stateful_step_count=STEPS,
            deadline=None,
            phases=PHASES,
            database=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
