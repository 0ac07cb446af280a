"""A session's door in any order of events: what docs/encryption.md and SPEC say holds after each of them.

A host, two guests' devices and two of accounts: they join, begin anew, answer, reveal, are admitted,
refused and removed, leave, are revoked; steps come too early, twice, with other content and from
the wrong side; at some point the session ends. An oracle beside it says what each call must answer.

`DOOR_STATE_RUNS=5000 pytest tests/sessions_app/test_door_machine.py` runs as many examples.
"""

import os
import uuid
from dataclasses import dataclass, field

import pytest
from django.core.cache import cache
from django.db import transaction
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from devices import actions, tokens
from devices.keys import PublicKey
from devices.models import DeviceAuthorization, Token
from devices.schemas import DeviceIn
from medimic.audit.log import SYSTEM
from medimic.problems import Problem
from sessions_app import admission, joining, visits
from sessions_app.models import Envelope, Participant, Visit
from tests import cast
from tests.sessions_app.conftest import make_authorization
from tests.sessions_app.room import WRAPPED, Side, described, start

pytestmark = pytest.mark.both

RUNS = int(os.environ.get("DOOR_STATE_RUNS", "15"))
# Shrinking takes minutes: for whoever looks for a fault, not for every run that meets one.
PHASES = [Phase.generate, Phase.shrink] if "DOOR_STATE_RUNS" in os.environ else [Phase.generate]
STEPS = 30
FINE = "fine"
OTHER = "v" * 53 + "A"
SIDES = [Side() for _ in range(12)]
STEP = "handshake_step"


@dataclass
class Joiner:
    """A device that may come to the door: an account's, or a guest's where `row` is None."""

    facts: DeviceIn | None = None
    row: DeviceAuthorization | None = None
    is_revoked: bool = False


@dataclass
class Part:
    """What the oracle knows of one participant."""

    pk: uuid.UUID
    joiner: Joiner
    side: Side
    is_guest: bool
    tokens: list[str] = field(default_factory=list)
    host: Side | None = None
    is_revealed: bool = False
    state: str = "waiting"
    role: str = "patient"
    wrapped: str = ""
    is_gone: bool = False
    is_revoked: bool = False


def code_of(act) -> str:
    try:
        with transaction.atomic():
            act()
    except Problem as problem:
        return problem.code
    return FINE


some_side = st.sampled_from(SIDES)
some_number = st.integers(0, 99)


class Door(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        cache.clear()
        self.undone = transaction.atomic()
        self.undone.__enter__()
        host = cast.make_person("Hanna", "Host")
        cast.subscribe(host)
        self.started = start(make_authorization(host))
        self.visit = self.started.visit
        people = [cast.make_person(), cast.make_person()]
        self.joiners = [Joiner(facts=DeviceIn(**described())) for _ in range(2)]
        self.joiners += [Joiner(row=make_authorization(person)) for person in people]
        self.people = {self.joiners[2 + index].row.pk: person for index, person in enumerate(people)}
        self.parts: list[Part] = []
        self.is_over = False

    def teardown(self) -> None:
        transaction.set_rollback(True)
        self.undone.__exit__(None, None, None)

    # --- What the oracle says ---

    def token_code(self, part: Part) -> str:
        if part.is_revoked:
            return "device_revoked"
        return "token_ended" if part.is_gone or self.is_over else FINE

    def host_code(self) -> str:
        return "token_ended" if self.is_over else FINE

    def caller(self, part: Part | None) -> Token:
        text = self.started.session_token if part is None else part.tokens[-1]
        return tokens.authenticate(text, Token.Kind.SESSION)

    def pick(self, number: int) -> Part:
        return self.parts[number % len(self.parts)]

    def leaves(self, joiner: Joiner) -> None:
        """Who begins anew on a device has left what they were there."""
        for part in self.parts:
            if part.joiner is joiner and not part.is_revoked:
                part.is_gone = True

    # --- What happens ---

    @rule(number=some_number, side=some_side)
    def join(self, number: int, side: Side) -> None:
        joiner = self.joiners[number % len(self.joiners)]
        if joiner.is_revoked:
            return
        wanted = joining.Joining(self.visit.code, "Jane", "patient", side.commitment)
        found: list[joining.Joined] = []

        def act() -> None:
            if joiner.row is not None:
                found.append(joining.join(wanted, authorization=joiner.row, origin=SYSTEM))
            else:
                found.append(joining.join_as_guest(wanted, device=joiner.facts, origin=SYSTEM))

        mine = [p for p in self.parts if p.joiner is joiner and p.side is side and not p.is_revoked]
        code = code_of(act)
        cache.clear()
        if self.is_over:
            assert code == "code_unknown"
        elif mine and mine[-1].is_gone:
            assert code == STEP
        else:
            assert code == FINE
            (joined,) = found
            if mine:
                assert joined.participant.pk == mine[-1].pk
                mine[-1].tokens.append(joined.session_token)
                return
            if joiner.row is None:
                # A guest's device begins with a new authorization; the older one gives way.
                for part in self.parts:
                    part.is_revoked |= part.joiner is joiner
            else:
                self.leaves(joiner)
            part = Part(joined.participant.pk, joiner, side, joiner.row is None)
            part.tokens.append(joined.session_token)
            self.parts.append(part)

    @precondition(lambda self: self.parts)
    @rule(number=some_number, side=some_side)
    def answer(self, number: int, side: Side) -> None:
        part = self.pick(number)
        expected = self.host_code()
        if expected == FINE and part.host is not None:
            expected = FINE if part.host is side else STEP
        elif expected == FINE and (part.state != "waiting" or part.is_gone):
            expected = STEP
        key = PublicKey(**side.key)
        assert expected == code_of(
            lambda: admission.answer(self.caller(None), part.pk, key=key, nonce=side.nonce)
        )
        if expected == FINE:
            part.host = side

    @precondition(lambda self: self.parts)
    @rule(number=some_number, is_true=st.sampled_from([True, True, False]), side=some_side)
    def reveal(self, number: int, is_true: bool, side: Side) -> None:
        part = self.pick(number)
        side = part.side if is_true else side
        expected = self.token_code(part)
        if expected == FINE and part.is_revealed:
            expected = FINE if side is part.side else STEP
        elif expected == FINE and (part.host is None or part.state != "waiting"):
            expected = STEP
        elif expected == FINE and side is not part.side:
            expected = "commitment_mismatch"
        key = PublicKey(**side.key)
        assert expected == code_of(
            lambda: admission.reveal(self.caller(part), part.pk, key=key, nonce=side.nonce)
        )
        if expected == FINE:
            part.is_revealed = True

    @precondition(lambda self: self.parts)
    @rule(
        number=some_number,
        role=st.sampled_from(["patient", "patient", "interpreter", "provider"]),
        wrapped=st.sampled_from([WRAPPED, WRAPPED, OTHER]),
    )
    def admit(self, number: int, role: str, wrapped: str) -> None:
        part = self.pick(number)
        expected = self.host_code()
        if expected == FINE and part.state == "admitted":
            expected = FINE if (role, wrapped) == (part.role, part.wrapped) else STEP
        elif expected == FINE and (part.state != "waiting" or part.is_gone or not part.is_revealed):
            expected = STEP
        elif expected == FINE and role == "provider" and part.is_guest:
            expected = "role_refused"
        assert expected == code_of(
            lambda: admission.admit(self.caller(None), part.pk, role=role, wrapped=wrapped, origin=SYSTEM)
        )
        if expected == FINE and part.state == "waiting":
            part.state, part.role = "admitted", role
            # Another participant of this device with the same key has the newer envelope from now on.
            for one in self.parts:
                if one.joiner is part.joiner and one.side is part.side:
                    one.wrapped = wrapped

    @precondition(lambda self: self.parts)
    @rule(number=some_number)
    def refuse(self, number: int) -> None:
        part = self.pick(number)
        expected = self.host_code()
        assert expected == code_of(lambda: admission.refuse(self.caller(None), part.pk, origin=SYSTEM))
        if expected == FINE and not part.is_gone:
            part.is_gone = True
            if part.state == "waiting":
                part.state = "refused"

    @precondition(lambda self: self.parts)
    @rule(number=some_number)
    def leave(self, number: int) -> None:
        part = self.pick(number)
        expected = self.token_code(part)
        assert expected == code_of(lambda: admission.leave(self.caller(part), origin=SYSTEM))
        if expected == FINE:
            part.is_gone = True

    @precondition(lambda self: self.parts)
    @rule(number=some_number, action=st.sampled_from(["answer", "admit", "refuse"]))
    def a_joiner_plays_host(self, number: int, action: str) -> None:
        part = self.pick(number)
        side = SIDES[0]
        calls = {
            "answer": lambda by: admission.answer(by, part.pk, key=PublicKey(**side.key), nonce=side.nonce),
            "admit": lambda by: admission.admit(by, part.pk, role="patient", wrapped=WRAPPED, origin=SYSTEM),
            "refuse": lambda by: admission.refuse(by, part.pk, origin=SYSTEM),
        }
        expected = self.token_code(part)
        expected = "host_only" if expected == FINE else expected
        assert expected == code_of(lambda: calls[action](self.caller(part)))

    @precondition(lambda self: len(self.parts) > 3)
    @rule(number=some_number)
    def revoke(self, number: int) -> None:
        joiner = self.joiners[2 + number % 2]
        if joiner.is_revoked:
            return
        actions.revoke(authorization=joiner.row, by=self.people[joiner.row.pk], origin=SYSTEM)
        joiner.is_revoked = True
        for part in self.parts:
            part.is_revoked |= part.joiner is joiner

    @precondition(lambda self: len(self.parts) > 4 and not self.is_over)
    @rule(number=some_number)
    def end(self, number: int) -> None:
        if number % 4 == 0:
            visits.end(Visit.objects.get(pk=self.visit.pk), origin=SYSTEM)
            self.is_over = True

    # --- What always holds ---

    @invariant()
    def each_is_in_the_state_that_the_oracle_says(self) -> None:
        found = {part.pk: part for part in Participant.objects.filter(is_host=False)}
        assert found.keys() == {part.pk for part in self.parts}
        for part in self.parts:
            row = found[part.pk]
            assert row.state == part.state
            assert (row.left_at is not None) == (part.is_gone or self.is_over)
            assert bool(row.host_nonce) == (part.host is not None)
            assert bool(row.nonce) == part.is_revealed
            assert row.role == part.role
            assert (row.reserved_up_to > 0) == (part.state == "admitted")

    @invariant()
    def nobody_revealed_before_the_answer_and_nobody_is_in_without_both(self) -> None:
        for part in self.parts:
            assert part.host is not None or not part.is_revealed
            assert part.state != "admitted" or part.is_revealed

    @invariant()
    def only_who_was_admitted_has_the_key(self) -> None:
        wrapped = {(one.authorization_id, one.thumbprint) for one in Envelope.objects.all()}
        admitted = Participant.objects.filter(is_host=False, state="admitted")
        assert wrapped == {(one.authorization_id, one.thumbprint) for one in admitted}

    @invariant()
    def exactly_those_tokens_are_taken_that_should_be(self) -> None:
        for part in self.parts:
            for text in part.tokens[-joining.MOST_TOKENS :]:
                code = code_of(lambda text=text: tokens.authenticate(text, Token.Kind.SESSION))
                assert code == self.token_code(part)

    @invariant()
    def no_more_are_there_than_fit(self) -> None:
        assert Participant.objects.filter(left_at=None).count() <= joining.MOST_PARTICIPANTS


@pytest.mark.django_db
def test_the_door_keeps_the_rules_in_any_order_of_events():
    run_state_machine_as_test(
        Door,
        settings=settings(
            max_examples=RUNS,
            stateful_step_count=STEPS,
            deadline=None,
            phases=PHASES,
            database=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
