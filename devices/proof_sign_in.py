"""Signing a device in with a sign-in that was just made on it, in place of a link."""

from dataclasses import replace

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts import phone_sign_ins
from accounts.models import Person
from accounts.phone_sign_ins import PhoneSignIn
from devices import actions, identity
from devices.admission import SignedIn
from devices.confirmation import Asked
from devices.dpop import Proof
from devices.models import DeviceAuthorization, Registration
from devices.schemas import DeviceIn
from medimic.audit.log import Origin, record
from medimic.audit.models import ActorKind
from medimic.problems import Problem
from orgs import second_factor


def log_in(
    *, sign_in_proof: str, device: DeviceIn, origin: Origin, proof: Proof | None = None
) -> SignedIn | Asked:
    """Sign a device in for whoever signed in on it with e-mail, password and factor.

    It is what a link does, with the same rules and refusals; the sign-in is used once, and
    ends in the same transaction. A device whose answer was lost may ask again, as with a link.

    Raises `Problem`: `sign_in_unknown`, `sign_in_used`, `second_factor_needed`, `second_factor_required`,
    `email_unverified`, `account_inactive`, `device_blocked`, `device_limit` or `dpop_replayed`.
    A refusal leaves the sign-in as good as it was.
    """
    found = phone_sign_ins.find(sign_in_proof)
    try:
        with transaction.atomic():
            # Of calls at once one ends it; the others wait for that, and come after it.
            if found is None or not found.end():
                return _log_in_again(sign_in_proof, device, proof)
            if proof is not None:
                proof.spend()
            return _log_in(sign_in_proof, found, device, origin, proof)
    except Problem as problem:
        if found is not None:
            with transaction.atomic():
                _record_refusal(found.person, device, problem, origin)
        raise


def _log_in(
    sign_in_proof: str, sign_in: PhoneSignIn, facts: DeviceIn, origin: Origin, proof: Proof | None
) -> SignedIn:
    if second_factor.is_demanded_of(sign_in.person):
        raise Problem(
            403,
            "second_factor_required",
            _("Your organization asks for a second factor. Set one up in the portal first."),
        )
    pending = DeviceAuthorization(account=sign_in.person)
    signed_in = actions.activate(pending, facts, origin, proof)
    account = signed_in.authorization.account
    if account is None or not sign_in.still_counts(account):
        # The password was changed, or everything signed out, since the sign-in was looked at.
        raise _unknown()
    now = timezone.now()
    # As if a link had been made and used at once, so that a lost answer can be asked for again.
    Registration.objects.create(
        authorization=pending,
        token_hash=phone_sign_ins.reference(sign_in_proof),
        created_by=account,
        expires_at=now,
        used_at=now,
        used_identifier_hash=identity.identifier_hash(facts.device_id),
        used_key_thumbprint=actions.key_of(facts, proof),
    )
    return signed_in


def _log_in_again(sign_in_proof: str, facts: DeviceIn, proof: Proof | None) -> SignedIn | Asked:
    used = Registration.objects.filter(token_hash=phone_sign_ins.reference(sign_in_proof))
    registration = used.select_related("authorization__account").first()
    if registration is None:
        raise _unknown()
    if proof is not None:
        proof.spend()
    try:
        return actions.log_in_again(registration, facts, proof)
    except Problem as problem:
        if problem.code != "registration_used":
            raise
        raise Problem(410, "sign_in_used", _("This sign-in was used already. Sign in again.")) from None


def _unknown() -> Problem:
    return Problem(401, "sign_in_unknown", _("This sign-in is not known here, or has ended. Sign in again."))


def _record_refusal(person: Person, facts: DeviceIn, problem: Problem, origin: Origin) -> None:
    record(
        "devices.sign_in_refused",
        origin=replace(origin, actor_kind=ActorKind.DEVICE, actor_id=person.pk),
        person_id=person.pk,
        details={"device": facts.name or facts.model, "code": problem.code},
    )
