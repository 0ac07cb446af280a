"""Letting a device in: the one act behind all ways to sign in on it."""

from dataclasses import dataclass, replace

from django.db.models import Exists, OuterRef, Q
from django.utils.translation import gettext_lazy as _

from accounts.models import Person
from devices import fleet, identity, limits, notices, ownership, pool_admission, push, push_settings
from devices.models import DeviceAuthorization, DeviceAuthorizationQuerySet
from devices.schemas import DeviceIn
from devices.tokens import IssuedTokens
from medimic.audit.log import Origin, record
from medimic.audit.models import ActorKind
from medimic.problems import Problem
from orgs.models import Membership

Reason = DeviceAuthorization.RevokedReason


@dataclass(frozen=True)
class SignedIn:
    """A device that is in, with its tokens in plain text, once."""

    authorization: DeviceAuthorization
    tokens: IssuedTokens


def let_in(pending: DeviceAuthorization, facts: DeviceIn, origin: Origin) -> None:
    """Attach a device to the account of `pending`, which may be new. Its tokens are for the caller to issue.

    Must be in a transaction, and locks the device, then the account, which is fresh afterwards.
    Raises `Problem`: `account_inactive`, `device_blocked`, `pool_closed`, `device_limit`
    or `payment_required`.
    """
    device, is_new = identity.find_or_make(facts)
    if pending.account_id is None:
        raise RuntimeError(f"authorization {pending.pk} is pending without an account")
    account = limits.lock(pending.account_id)
    refuse_closed(account)
    known = DeviceAuthorization.objects.filter(device=device, account=account, successor=None)
    refuse_blocked(known)
    is_known = known.exists()
    pool_admission.refuse_closed(device, is_known=is_known)
    ownership.settle(device, account, pending)
    if not is_new:
        identity.describe(device, facts)
    pending.account = account
    pending.attach(device, name=facts.name)
    push.end_routes_on(device)
    push.take_route(pending, facts.push)
    push_settings.take_over(pending)
    pending.bind_key(facts.public_key)
    record(
        "devices.signed_in",
        origin=replace(origin, actor_kind=ActorKind.DEVICE, actor_id=account.pk),
        person_id=account.pk,
        subject=pending,
        details={"device": pending.title, "model": str(device)},
    )
    if not is_known:
        notices.new_device(pending, origin)
    fleet.device_changed(device.pk)


def refuse_closed(account: Person) -> None:
    """Raises `Problem` 403 `account_inactive`."""
    if not account.is_active:
        raise Problem(403, "account_inactive", _("This account is closed."))


def refuse_blocked(known: DeviceAuthorizationQuerySet) -> None:
    """Raises `Problem` 403 `device_blocked` where one of them was ended by whom alone can allow it again:
    the organization or support, and a pooled device for somebody who has left the organization."""
    still_in = Membership.objects.living().filter(
        person=OuterRef("account"), organization=OuterRef("device__owner_organization")
    )
    left = Q(revoked_reason=Reason.LEFT, device__owner_organization__isnull=False) & ~Exists(still_in)
    if known.filter(Q(revoked_reason__in=DeviceAuthorization.BLOCKING_REASONS) | left).exists():
        raise Problem(
            403,
            "device_blocked",
            _("Your organization or support ended this device's access. Only they can allow it again."),
        )
