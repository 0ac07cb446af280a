"""Against a link that somebody else used: the device shows two digits, and its person picks them.

A link signs in whoever opens it first. For people who want it so, a device that used one is
let in only once the person at the portal picked, out of three pairs, the one that this device
shows. One wrong pick, a refusal or ten minutes end it, and with it the link.

What the device said of itself stays encrypted in the meantime. Nothing is known of it to the
rest of the portal before it is confirmed: no device, no owner, no tokens.
"""

import datetime as dt
import hmac
import json
import secrets
from collections.abc import Callable
from dataclasses import dataclass

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.models import Person
from devices import admission, policies, tokens
from devices.admission import SignedIn
from devices.models import Confirmation, DeviceAuthorization, Registration
from devices.schemas import DeviceIn
from medimic import crypto
from medimic.audit.log import Origin, record
from medimic.audit.models import ActorKind
from medimic.problems import Problem

LASTS = dt.timedelta(minutes=10)
# How long the device may take, once it was confirmed, to fetch its tokens.
COLLECTED_WITHIN = dt.timedelta(minutes=10)
# Seconds between two of its questions.
INTERVAL = 2
CHOICES = 3

State = Confirmation.State
Reason = DeviceAuthorization.RevokedReason
_random = secrets.SystemRandom()


@dataclass(frozen=True)
class Asked:
    """What a device is told in place of tokens; `digits` is empty in answer to its later questions."""

    poll_token: str = ""
    digits: str = ""
    interval: int = INTERVAL


@dataclass(frozen=True)
class Question:
    """What the person is asked: which device it is, and the pairs to pick from."""

    confirmation: Confirmation
    facts: DeviceIn
    choices: tuple[str, ...]


def is_wanted(account: Person) -> bool:
    """Whether devices of this person must be confirmed: they want it so, or an organization does."""
    return account.confirm_devices or policies.confirmation_demanded(account)


def ask(registration: Registration, facts: DeviceIn, origin: Origin, jkt: str) -> Asked:
    """Have the device of a link that was used just now wait. In the transaction that used it."""
    account = registration.authorization.account
    if account is None:
        raise RuntimeError(f"registration {registration.pk} is of nobody")
    admission.refuse_closed(account)
    choices = [f"{number:02}" for number in _random.sample(range(100), CHOICES)]
    poll_token, digits = crypto.new_token(), _random.choice(choices)
    content = {
        "digits": digits,
        "choices": choices,
        "facts": facts.model_dump(mode="json", exclude_unset=True),
        "address": origin.address,
        "agent": origin.agent,
    }
    Confirmation.objects.create(
        registration=registration,
        poll_hash=crypto.token_hash(poll_token),
        jkt=jkt,
        content=json.dumps(content),
        expires_at=timezone.now() + LASTS,
    )
    record(
        "devices.confirmation_asked",
        origin=Origin(ActorKind.DEVICE, account.pk, origin.address, origin.agent),
        person_id=account.pk,
        subject=registration.authorization,
        details={"device": registration.authorization.title, "model": facts.model},
    )
    return Asked(poll_token, digits)


def ask_again(registration: Registration) -> Asked | None:
    """The same digits with a fresh poll token, for a device whose first answer was lost; None where it
    waits no more. That it is the same device, the caller has made sure."""
    waiting = Confirmation.objects.waiting().select_for_update(of=("self",))
    confirmation = waiting.filter(registration=registration).first()
    if confirmation is None:
        return None
    poll_token = crypto.new_token()
    confirmation.poll_hash = crypto.token_hash(poll_token)
    confirmation.save(update_fields=["poll_hash"])
    return Asked(poll_token, json.loads(confirmation.content)["digits"])


def question_of(authorization: DeviceAuthorization) -> Question | None:
    """What is asked about this row now, if anything is."""
    confirmation = Confirmation.objects.waiting().filter(registration__authorization=authorization).first()
    if confirmation is None:
        return None
    content = json.loads(confirmation.content)
    return Question(confirmation, DeviceIn.model_validate(content["facts"]), tuple(content["choices"]))


def pick(authorization: DeviceAuthorization, digits: str, *, by: Person, origin: Origin) -> State | None:
    """Let the device in that shows these digits; a wrong pick ends its sign-in and the link.

    Returns what came of it, or None where there was nothing left to decide. A device that
    cannot be let in raises `Problem` as `admission.let_in` does, and goes on waiting.
    """
    with transaction.atomic():
        confirmation = _lock(authorization)
        if confirmation is None:
            return None
        content = json.loads(confirmation.content)
        if not hmac.compare_digest(digits.encode(), content["digits"].encode()):
            return _end(confirmation, State.MISTAKEN, by=by, origin=origin)
        device = Origin(ActorKind.DEVICE, None, content["address"], content["agent"])
        pending = confirmation.registration.authorization
        record(
            "devices.confirmed",
            origin=origin,
            person_id=pending.account_id,
            subject=pending,
            details={"device": pending.title},
        )
        admission.let_in(pending, DeviceIn.model_validate(content["facts"]), device)
        confirmation.decide(State.CONFIRMED, by=by)
        return State.CONFIRMED


def refuse(authorization: DeviceAuthorization, *, by: Person, origin: Origin) -> State | None:
    """End the sign-in of the device that waits; None where none does."""
    with transaction.atomic():
        confirmation = _lock(authorization)
        return _end(confirmation, State.REFUSED, by=by, origin=origin) if confirmation else None


def _lock(authorization: DeviceAuthorization) -> Confirmation | None:
    # The registration's lock is what a revocation waits for, and a new link for the same row.
    registrations = Registration.objects.select_for_update(no_key=True).filter(authorization=authorization)
    held = [registration.pk for registration in registrations.order_by("created_at", "id")]
    waiting = Confirmation.objects.waiting().filter(registration__in=held)
    found = waiting.select_for_update(of=("self",)).select_related("registration__authorization").first()
    if found is not None:
        found.registration.authorization = (
            DeviceAuthorization.objects.select_for_update(no_key=True, of=("self",))
            .select_related("account")
            .get(pk=authorization.pk)
        )
    return found


def _end(confirmation: Confirmation, state: State, *, by: Person, origin: Origin) -> State | None:
    pending = confirmation.registration.authorization
    if not pending.revoke(by=by, reason=Reason.CANCELLED):
        return None
    confirmation.decide(state, by=by)
    record(
        "devices.confirmation_refused",
        origin=origin,
        person_id=pending.account_id,
        subject=pending,
        details={"device": pending.title, "mistaken": state == State.MISTAKEN},
    )
    return state


def collect(poll_token: str, *, prove: Callable[[str], None]) -> SignedIn | Asked:
    """The tokens of a device that was confirmed, once; `Asked` as long as it was not.

    `prove(jkt)` refuses a call that does not prove the key, where the sign-in came with one.
    A device whose answer was lost may ask again within `tokens.RETRY_WITHIN`, as long as it used
    nothing of it. Raises `Problem`: `poll_unknown`, `confirmation_refused`,
    `confirmation_expired`, `registration_used` or `account_inactive`.
    """
    found = Confirmation.objects.filter(poll_hash=crypto.token_hash(poll_token))
    confirmation = found.select_related("registration__authorization__account").first()
    if confirmation is None:
        raise Problem(404, "poll_unknown", _("This token is not one of ours. Open a new link."))
    prove(confirmation.jkt)
    _refuse_ended(confirmation)
    if confirmation.state == State.WAITING:
        return Asked()
    with transaction.atomic():
        return _collect(found.select_for_update(of=("self",)).get())


def _refuse_ended(confirmation: Confirmation) -> None:
    authorization = confirmation.registration.authorization
    if confirmation.state in (State.REFUSED, State.MISTAKEN) or authorization.revoked_at is not None:
        raise Problem(
            403, "confirmation_refused", _("The sign-in was refused in the portal. Open a new link.")
        )
    last = confirmation.decided_at + COLLECTED_WITHIN if confirmation.decided_at else confirmation.expires_at
    if timezone.now() >= last:
        raise Problem(410, "confirmation_expired", _("Nobody confirmed it in time. Open a new link."))


def _collect(confirmation: Confirmation) -> SignedIn:
    authorization = confirmation.registration.authorization
    if authorization.account is not None:
        admission.refuse_closed(authorization.account)
    now = timezone.now()
    if confirmation.collected_at is None:
        confirmation.collected_at = now
        confirmation.save(update_fields=["collected_at"])
    elif now - confirmation.collected_at > tokens.RETRY_WITHIN or not tokens.discard_unused_pair(
        authorization
    ):
        raise Problem(410, "registration_used", _("This link was used already. Ask for a new one."))
    return SignedIn(authorization, tokens.issue_pair(authorization, confirmation.jkt))
