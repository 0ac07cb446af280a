"""What happens to devices where several rows change together.

Each verb is one transaction: the change, its row of the audit log and its mail.
"""

import uuid
from collections.abc import Iterable
from dataclasses import replace

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.models import Person
from devices import (
    admission,
    confirmation,
    dpop,
    fleet,
    identity,
    keys,
    limits,
    links,
    notices,
    ownership,
    push,
    receipts,
    tokens,
)
from devices.admission import SignedIn
from devices.confirmation import Asked
from devices.dpop import Proof
from devices.holding import hold
from devices.links import IssuedLink
from devices.models import Device, DeviceAuthorization, Registration, Token
from devices.schemas import DeviceIn, DevicePatch
from medimic import crypto
from medimic.audit.log import Origin, record
from medimic.audit.models import ActorKind
from medimic.problems import Problem
from orgs.models import Organization

Reason = DeviceAuthorization.RevokedReason


def issue_link(
    *,
    account: Person,
    by: Person,
    name: str = "",
    phone_number: str = "",
    origin: Origin,
    instead_of: DeviceAuthorization | None = None,
    draft: uuid.UUID | None = None,
    organization_id: uuid.UUID | None = None,
) -> IssuedLink:
    """Reserve a place for a device of `account`, and make the link that signs it in.

    With `instead_of`, one of the account's, that one is revoked in the same transaction:
    where no link can be made after all, it stays as it was. `draft` is the row's id, where
    one was chosen beforehand. That `by` may is for `devices.permissions` to say, and the link's
    way to its person is for `devices.handover`. Raises `DeviceLimitReached`.
    """
    if instead_of is not None and instead_of.account_id != account.pk:
        raise ValueError("one account's device makes no room for another's")
    with transaction.atomic():
        if instead_of is not None:
            end(instead_of, by=by, origin=origin, reason=Reason.SELF, also_locking=[account.pk])
        limits.require_place(limits.lock(account.pk))
        authorization = DeviceAuthorization.objects.create(
            pk=draft or uuid.uuid4(), account=account, name=name, phone_number=phone_number, issued_by=by
        )
        issued = links.make(authorization, by=by)
        record(
            "devices.link_issued",
            origin=origin,
            person_id=account.pk,
            organization_id=organization_id,
            subject=authorization,
            details={"device": authorization.title},
        )
    return issued


def log_in(*, token: str, device: DeviceIn, origin: Origin, proof: Proof | None = None) -> SignedIn | Asked:
    """Sign a device in with the one-time token of a link, or have it wait for its person to confirm it.

    With a proof the tokens are bound to its key. The same device with the same key may
    ask again for a short time, as long as nothing of the first answer was used: it gets
    fresh tokens, and the first die.

    Raises `Problem`: `registration_unknown`, `registration_expired`,
    `registration_used`, `registration_cancelled`, `device_blocked`, `pool_closed`,
    `account_inactive`, `device_limit` or `dpop_replayed`. A refusal leaves the link as good as it was.
    """
    try:
        with transaction.atomic():
            return _log_in(token, device, origin, proof)
    except Problem as problem:
        # The attempt was rolled back; that it was made is told on its own.
        with transaction.atomic():
            _record_refusal(token, problem, origin)
        raise


def _log_in(token: str, facts: DeviceIn, origin: Origin, proof: Proof | None) -> SignedIn | Asked:
    registration, is_first_use = _claim(token, facts, proof)
    if proof is not None:
        # Only now: who has no link cannot fill the store of spent proofs.
        proof.spend()
    if not is_first_use:
        is_lost = _is_lost_answer(registration, facts, proof)
        asked = confirmation.ask_again(registration) if is_lost else None
        return asked or log_in_again(registration, facts, proof)
    account = registration.authorization.account
    if account is not None and confirmation.is_wanted(account):
        return confirmation.ask(registration, facts, origin, proof.thumbprint if proof else "")
    return activate(registration.authorization, facts, origin, proof)


def activate(pending: DeviceAuthorization, facts: DeviceIn, origin: Origin, proof: Proof | None) -> SignedIn:
    """Let a device in for the account of `pending`, and issue its tokens. Raises as `admission.let_in`."""
    admission.let_in(pending, facts, origin)
    return SignedIn(pending, tokens.issue_pair(pending, proof.thumbprint if proof else ""))


def _claim(token: str, facts: DeviceIn, proof: Proof | None) -> tuple[Registration, bool]:
    """The registration, and whether this call is the one that used it."""
    found = Registration.objects.filter(token_hash=crypto.token_hash(token))
    # One statement, so that of any number of calls at once one wins.
    is_first_use = found.good().update(
        used_at=timezone.now(),
        used_identifier_hash=identity.identifier_hash(facts.device_id),
        used_key_thumbprint=key_of(facts, proof),
    )
    registration = found.select_related("authorization__account").first()
    if registration is None:
        raise Problem(404, "registration_unknown", _("This link is not known here. Ask for a new one."))
    if registration.cancelled_at is not None:
        raise Problem(410, "registration_cancelled", _("This link was cancelled. Ask for a new one."))
    if registration.used_at is None:
        raise Problem(410, "registration_expired", _("This link has expired. Ask for a new one."))
    return registration, bool(is_first_use)


def log_in_again(registration: Registration, facts: DeviceIn, proof: Proof | None) -> SignedIn:
    """Answer a phone whose first answer was lost; anybody else finds the link used."""
    authorization = registration.authorization
    if not _is_lost_answer(registration, facts, proof) or not tokens.discard_unused_pair(authorization):
        raise Problem(410, "registration_used", _("This link was used already. Ask for a new one."))
    return SignedIn(authorization, tokens.issue_pair(authorization, proof.thumbprint if proof else ""))


def _is_lost_answer(registration: Registration, facts: DeviceIn, proof: Proof | None) -> bool:
    """Whether this may be the same device, asking again for an answer that it did not get."""
    return (
        registration.used_at is not None
        and timezone.now() - registration.used_at <= tokens.RETRY_WITHIN
        and registration.used_identifier_hash == identity.identifier_hash(facts.device_id)
        and registration.used_key_thumbprint == key_of(facts, proof)
        and registration.authorization.revoked_at is None
    )


def key_of(facts: DeviceIn, proof: Proof | None) -> str:
    """What tells the device that used a one-time token from any other: the key of its proof, or its own."""
    if proof is not None:
        # Never equal to a key that was merely named.
        return f"{dpop.SCHEME} {proof.thumbprint}"
    return keys.thumbprint(facts.public_key) if facts.public_key else ""


def _record_refusal(token: str, problem: Problem, origin: Origin) -> None:
    found = Registration.objects.filter(token_hash=crypto.token_hash(token))
    registration = found.select_related("authorization__device").first()
    # A token that nobody ever issued belongs to nobody's log, and must not be a way to fill ours.
    if registration is not None:
        record(
            "devices.sign_in_refused",
            origin=origin,
            person_id=registration.authorization.account_id,
            subject=registration.authorization,
            details={"device": registration.authorization.title, "code": problem.code},
        )


def revoke(
    *,
    authorization: DeviceAuthorization,
    by: Person | None,
    origin: Origin,
    reason: Reason = Reason.SELF,
    is_unrecognized: bool = False,
    organization: Organization | None = None,
) -> bool:
    """End a device's access to an account, or cancel a link that nobody has used yet.

    From the next request on its access, refresh and session tokens are refused, as
    is a pending link; nothing is pushed to it. Sessions and other accounts on the
    device stay. What ended is counted in `authorization.receipt` and in the log.
    False, without a row in the log, where it had ended before.
    """
    with transaction.atomic():
        ended = end(
            authorization,
            by=by,
            origin=origin,
            reason=reason,
            is_unrecognized=is_unrecognized,
            organization=organization,
        )
    authorization.refresh_from_db()
    return ended


def end(
    authorization: DeviceAuthorization,
    *,
    by: Person | None,
    origin: Origin,
    reason: Reason,
    is_unrecognized: bool = False,
    organization: Organization | None = None,
    also_locking: Iterable[uuid.UUID] = (),
    is_told: bool = True,
) -> bool:
    """As `revoke`, in the caller's transaction; without a mail where the person is told otherwise."""
    # First the links: a device that is signing in with one holds its row, and we wait for it.
    links_held = Registration.objects.select_for_update(no_key=True).filter(authorization=authorization)
    list(links_held.order_by("created_at", "id").values_list("pk"))
    waiting = receipts.waiting_sign_ins(authorization)
    waiting += authorization.registrations.good().count()
    authorization.registrations.filter(used_at=None, cancelled_at=None).update(cancelled_at=timezone.now())
    attached = DeviceAuthorization.objects.get(pk=authorization.pk)
    device = ownership.lock(attached.device_id)
    heirs = ownership.lock_heirs(device, attached, also_locking=also_locking) if device else []
    fresh = (
        DeviceAuthorization.objects.select_for_update(no_key=True, of=("self",))
        .select_related("account", "device")
        .get(pk=authorization.pk)
    )
    had_route = bool(fresh.push_hash)
    if device is None:
        reason = Reason.CANCELLED
    if not fresh.revoke(by=by, reason=reason, organization=organization):
        return False
    if device is not None:
        ownership.pass_on(device, fresh, heirs)
    receipt = receipts.end_and_count(
        fresh,
        push_routes=int(had_route),
        pending_registrations=waiting,
        is_unrecognized=is_unrecognized,
    )
    record(
        "devices.revoked" if device else "devices.link_cancelled",
        origin=origin,
        person_id=fresh.account_id,
        organization_id=organization.pk if organization else None,
        subject=fresh,
        details={
            "device": fresh.title,
            "reason": reason.value,
            "unrecognized": is_unrecognized,
            **receipt.counts,
        },
    )
    if device is not None:
        if is_told:
            notices.revoked(fresh, origin)
        fleet.device_changed(device.pk)
    return True


def allow_again(
    *, authorization: DeviceAuthorization, organization: Organization, by: Person, origin: Origin
) -> bool:
    """Let an account sign in again on a device whose access this organization ended; False if it did not.

    Nothing of before comes back: it takes a sign-in, or a new link.
    """
    with transaction.atomic():
        device = ownership.lock(authorization.device_id)
        if device is None or not authorization.allow_again(organization):
            return False
        note_allowed(authorization, device, by=organization, organization_id=organization.pk, origin=origin)
        return True


def note_allowed(
    authorization: DeviceAuthorization,
    device: Device,
    *,
    by: Organization | None,
    organization_id: uuid.UUID | None,
    origin: Origin,
) -> None:
    """What follows once an account may sign in on a device again, in the transaction that let it.

    `by` is the organization that its person is told of, or None for support; `organization_id` is whose
    log it stands in.
    """
    record(
        "devices.allowed_again",
        origin=origin,
        person_id=authorization.account_id,
        organization_id=organization_id,
        subject=authorization,
        details={"device": authorization.title},
    )
    notices.allowed_again(authorization, by)
    fleet.device_changed(device.pk)


def sign_out(*, token: str, origin: Origin, prove: tokens.Prove = dpop.as_bearer) -> bool:
    """Sign a device out with any of its tokens (RFC 7009); False where there was nothing to end.

    The authorization stays, and counts; a session token ends for itself alone. A bound
    token needs a proof here too: else whoever finds one could sign the device out.
    """
    with transaction.atomic():
        found = Token.objects.select_related("family", "authorization__device").filter(
            hash=crypto.token_hash(token)
        )
        held = found.first()
        if held is None or held.authorization.revoked_at is not None:
            return False
        prove(held.bound_to)
        authorization = held.authorization
        if held.kind == Token.Kind.SESSION:
            ended = bool(found.filter(ended_at=None).update(ended_at=timezone.now()))
        else:
            ended = authorization.sign_out()
        if ended:
            record(
                "devices.session_token_ended" if held.kind == Token.Kind.SESSION else "devices.signed_out",
                origin=replace(
                    origin,
                    actor_kind=ActorKind.DEVICE if authorization.account_id else ActorKind.GUEST,
                    actor_id=authorization.account_id,
                ),
                person_id=authorization.account_id,
                subject=authorization,
                details={"device": authorization.title},
            )
        return ended


def update_record(*, authorization: DeviceAuthorization, changes: DevicePatch, origin: Origin) -> None:
    """Take over what a device says of itself. Absent members stay as they are.

    Raises `Problem` 401 `device_revoked` where that happened since the call was let in.
    """
    given = changes.model_fields_set
    if not given:
        return
    with transaction.atomic():
        device = ownership.lock(authorization.device_id)
        if device is None:
            raise RuntimeError(f"authorization {authorization.pk} holds a token without a device")
        hold(authorization)
        versions = [
            field for field in ("os_version", "app_version") if field in given and getattr(changes, field)
        ]
        for field in versions:
            setattr(device, field, getattr(changes, field))
        if versions:
            device.save(update_fields=versions)
        if changes.name is not None:
            rename(authorization=authorization, name=changes.name, origin=origin)
        if "push" in given:
            push.take_route(authorization, changes.push)
        if changed := sorted(given - {"name"}):
            record(
                "devices.updated",
                origin=origin,
                person_id=authorization.account_id,
                subject=authorization,
                details={"device": authorization.title, "changed": ", ".join(changed)},
            )
        if versions:
            fleet.device_changed(device.pk)
    authorization.device = device


def rename(*, authorization: DeviceAuthorization, name: str, origin: Origin) -> bool:
    """Let an account call a device by this name, or with none by its model; False if it does so already."""
    with transaction.atomic():
        before = authorization.title
        if not authorization.rename(name):
            return False
        record(
            "devices.renamed",
            origin=origin,
            person_id=authorization.account_id,
            subject=authorization,
            details={"before": before, "device": authorization.title},
        )
        fleet.renamed(authorization)
        return True
