"""How a link gets to the person it is for: shown to whoever may see it, or sent to the person alone.

The link itself is kept nowhere. Somebody who was shown it and wants it sent brings it back
with the request, and it is recognized by its token's hash: so there is nothing at rest that
a thief of the database, its keys or a sign-in's record could sign a device in with. What is
on its way lies in the outbox, encrypted, and is dropped once the link is spent.
"""

import datetime as dt
import uuid
from dataclasses import dataclass

from django.db import IntegrityError, transaction
from django.utils import timezone, translation
from django.utils.translation import gettext, gettext_lazy

from accounts.models import Person
from devices import actions, confirmation, limits, links, notices
from devices.limits import DeviceLimitReached
from devices.links import IssuedLink
from devices.models import Confirmation, DeviceAuthorization, Registration
from devices.permissions import LinkRight
from medimic.audit.log import Origin, record
from medimic.formatting import Dates
from medimic.outbox import mail, registry, sms
from medimic.outbox.models import Delivery
from medimic.outbox.registry import register_guard
from medimic.problems import Problem

KIND = "devices.link"
EMAIL, SMS = mail.CHANNEL, sms.CHANNEL
# A mistaken or malicious click costs money and patience: so many by each channel in an hour.
MOST_IN_AN_HOUR = 5
HOUR = dt.timedelta(hours=1)


@dataclass(frozen=True)
class Handed:
    """What became of a new link: `link` where its issuer may see it, otherwise `sent_to`, masked."""

    authorization: DeviceAuthorization
    expires_at: dt.datetime
    link: str = ""
    sent_to: str = ""


class NotWaiting(Exception):
    """The row has its device by now, or was ended: there is no link to make for it."""


def register() -> None:
    """Have the outbox ask, right before it sends a link, whether it still signs anything in."""
    register_guard(KIND, _is_wanted)


def _is_wanted(registration_id: uuid.UUID | None) -> bool:
    if registration_id is None:
        return False
    rows = Registration.objects.good().filter(pk=registration_id, authorization__revoked_at=None)
    return rows.filter(authorization__account__is_active=True).exists()


def issue(
    right: LinkRight,
    *,
    name: str = "",
    phone_number: str = "",
    origin: Origin,
    instead_of: DeviceAuthorization | None = None,
    draft: uuid.UUID | None = None,
) -> Handed:
    """Make a link for `right.account`, and hand it over as the right allows.

    `draft` is an id that the form chose for the row: sent twice, it makes one row, and the second
    link takes the first one's place. Raises `DeviceLimitReached`, `Problem` 409
    `no_verified_address`, `NotWaiting`.
    """
    if (again := _drafted(right, draft)) is not None:
        return reissue(right, again, origin=origin)
    _require_address(right)
    try:
        with transaction.atomic():
            issued = actions.issue_link(
                account=right.account,
                by=right.by,
                name=name,
                phone_number=phone_number,
                origin=origin,
                instead_of=instead_of,
                draft=draft,
                organization_id=right.organization.pk if right.organization else None,
            )
            return _hand_over(right, issued, origin)
    except DeviceLimitReached as refusal:
        raise refusal if right.may_see else refusal.without_devices() from None
    except IntegrityError:
        # The form came twice at the same instant; or it names a row of somebody else's.
        if (again := _drafted(right, draft)) is not None:
            return reissue(right, again, origin=origin)
        raise Problem(409, "draft_taken", gettext_lazy("Open the page again, then try once more.")) from None


def reissue(right: LinkRight, authorization: DeviceAuthorization, *, origin: Origin) -> Handed:
    """A new link for a row that waits for its device; what was issued for it before ends.

    Takes the row's place again where it had lost it. Raises as `issue` does.
    """
    _require_address(right)
    while True:
        try:
            with transaction.atomic():
                return _reissue(right, authorization, origin)
        except _Overtaken:
            # Each time somebody else's new link is behind it, so this ends.
            continue


class _Overtaken(Exception):
    """Another new link for the row was made while this one waited for its turn."""


def _reissue(right: LinkRight, authorization: DeviceAuthorization, origin: Origin) -> Handed:
    # Links before the account, as a device that is signing in locks them. A link that was made
    # while we waited is not among ours, and must not be locked any more behind the account.
    ours = Registration.objects.filter(authorization=authorization)
    held = [row.pk for row in ours.select_for_update(no_key=True).order_by("created_at", "id")]
    account = limits.lock(right.account.pk)
    if ours.exclude(pk__in=held).exists():
        raise _Overtaken
    fresh = DeviceAuthorization.objects.get(pk=authorization.pk)
    if fresh.device_id is not None or fresh.revoked_at is not None:
        raise NotWaiting
    for asked in Confirmation.objects.waiting().filter(registration__in=held):
        asked.decide(Confirmation.State.REFUSED, by=right.by)
    ours.good().update(cancelled_at=timezone.now())
    limits.require_place(account, besides=fresh)
    issued = links.make(fresh, by=right.by)
    record(
        "devices.link_issued_anew",
        origin=origin,
        person_id=account.pk,
        organization_id=right.organization.pk if right.organization else None,
        subject=fresh,
        details={"device": fresh.title},
    )
    return _hand_over(right, issued, origin)


def send(right: LinkRight, issued: IssuedLink, channel: str, *, origin: Origin) -> str:
    """Send a link by `EMAIL` or `SMS` to the person's own recorded address or number.

    Returns the masked recipient. The same link goes out once by each channel. Raises `Problem`
    409 `no_verified_address` where there is no such address, 429 `too_many_requests`.
    """
    recipient = right.email() if channel == EMAIL else right.phone_number()
    if not recipient:
        raise no_verified_address()
    key = f"{KIND}:{issued.registration.pk}:{channel}"
    with transaction.atomic():
        if not Delivery.objects.filter(dedupe_key=key).exists():
            _refuse_too_many(right.account, channel)
            (_mail if channel == EMAIL else _text)(right, issued, recipient, key)
            record(
                "devices.link_sent",
                origin=origin,
                person_id=right.account.pk,
                organization_id=right.organization.pk if right.organization else None,
                subject=issued.authorization,
                details={
                    "device": issued.authorization.title,
                    "to": registry.channel(channel).masked(recipient),
                },
            )
    return registry.channel(channel).masked(recipient)


def no_verified_address() -> Problem:
    return Problem(
        409,
        "no_verified_address",
        gettext_lazy("There is no verified address of this person that a link could be sent to."),
    )


def _drafted(right: LinkRight, draft: uuid.UUID | None) -> DeviceAuthorization | None:
    if draft is None:
        return None
    return DeviceAuthorization.objects.filter(pk=draft, account=right.account, issued_by=right.by).first()


def _require_address(right: LinkRight) -> None:
    if not right.may_see and not right.email():
        raise no_verified_address()


def _hand_over(right: LinkRight, issued: IssuedLink, origin: Origin) -> Handed:
    if right.may_see:
        if not right.is_own:
            notices.link_issued(issued.authorization, by=right.by, organization=right.organization)
        return Handed(issued.authorization, issued.expires_at, link=issued.link)
    sent_to = send(right, issued, EMAIL, origin=origin)
    return Handed(issued.authorization, issued.expires_at, sent_to=sent_to)


def _refuse_too_many(account: Person, channel: str) -> None:
    since = timezone.now() - HOUR
    sent = Delivery.objects.filter(person_id=account.pk, kind=KIND, channel=channel, created_at__gt=since)
    if sent.count() >= MOST_IN_AN_HOUR:
        raise Problem(
            429,
            "too_many_requests",
            gettext_lazy("Many links were sent in a short time. Wait an hour, or use the code on the page."),
            retry_after=int(HOUR.total_seconds()),
        )


def _mail(right: LinkRight, issued: IssuedLink, recipient: str, key: str) -> None:
    mail.enqueue_mail(
        KIND,
        to=recipient,
        template="devices/mail/link",
        context={
            "link": issued.link,
            "device": issued.authorization.name,
            "account": right.account,
            "by": None if right.is_own else right.by,
            "organization": right.organization,
            "expires": Dates.of(right.account).named(issued.expires_at),
            "asks": confirmation.is_wanted(right.account),
        },
        person=right.account,
        subject_id=issued.registration.pk,
        stale_after=issued.expires_at - timezone.now(),
        dedupe_key=key,
    )


def _text(right: LinkRight, issued: IssuedLink, recipient: str, key: str) -> None:
    with translation.override(right.account.language):
        text = gettext("MediMic: open this link on your device to sign in on it. It is good once.")
    sms.enqueue_text(
        KIND,
        to=recipient,
        text=f"{text}\n{issued.link}",
        person_id=right.account.pk,
        subject_id=issued.registration.pk,
        stale_after=issued.expires_at - timezone.now(),
        dedupe_key=key,
    )
