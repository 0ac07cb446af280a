"""What support does for people. Each act is one transaction: the change, its rows of the log, the mail.

Beside the row that the change itself writes there is one of the desk, with the reason that was given:
the person reads it in their Activity. Who may is for the views to ask.
"""

from allauth.account.models import EmailAddress
from django.db import transaction
from django.utils.translation import gettext_lazy as _

from accounts import actions as account_actions
from accounts import alerts, factors
from accounts.models import Person
from accounts.notices import Notice
from devices import actions as device_actions
from devices import blocks
from devices.models import DeviceAuthorization
from medimic.audit.log import Detail, Origin, record
from medimic.outbox import delivering
from medimic.outbox.models import Delivery

VERIFY = Notice(
    _("Verify your email address"),
    _(
        "This address is not verified yet. Sign in to the portal with it and your password: we then send a "
        "code to this address, which you enter there."
    ),
)


def revoke_device(*, authorization: DeviceAuthorization, by: Person, reason: str, origin: Origin) -> bool:
    """End a device's access for good: only support can allow it again. False if it had ended."""
    with transaction.atomic():
        if not device_actions.revoke(
            authorization=authorization,
            by=by,
            origin=origin,
            reason=DeviceAuthorization.RevokedReason.STAFF,
        ):
            return False
        _note_device("desk.device_revoked", authorization, reason, origin)
        return True


def lift_block(*, authorization: DeviceAuthorization, by: Person, reason: str, origin: Origin) -> bool:
    """Raises `devices.blocks.AskThem`."""
    with transaction.atomic():
        if not blocks.lift(authorization=authorization, by=by, origin=origin):
            return False
        _note_device("desk.block_lifted", authorization, reason, origin)
        return True


def end_sign_ins(*, person: Person, reason: str, origin: Origin) -> None:
    """Every browser, every trust, every device's tokens."""
    with transaction.atomic():
        account_actions.sign_out_everywhere(person=person, origin=origin)
        _note("desk.sign_ins_ended", person, origin, reason=reason)


def unverified_address(person: Person) -> str:
    """The address that waits to be verified; the newest of several. Empty without one."""
    waiting = EmailAddress.objects.filter(user=person, verified=False).order_by("-pk")
    return waiting.values_list("email", flat=True).first() or ""


def resend_verification(*, person: Person, reason: str, origin: Origin) -> bool:
    """Write to the address that waits; False where none does. The code itself comes with the sign-in."""
    with transaction.atomic():
        address = unverified_address(person)
        if not address:
            return False
        alerts.send(
            "accounts.verification_resent", VERIFY, person=person, origin=None, to=address, with_link=False
        )
        _note("desk.verification_sent", person, origin, reason=reason)
        return True


def remove_factors(*, person: Person, identity: str, reason: str, origin: Origin) -> int:
    """Let somebody in again who has lost their second factor; `identity` is how it was made sure of them.

    Raises `accounts.factors.OfStaff`.
    """
    with transaction.atomic():
        number = factors.remove_all(person=person, origin=origin)
        if number:
            _note("desk.factors_removed", person, origin, reason=reason, identity=identity, number=number)
        return number


def resend(*, delivery: Delivery, reason: str, origin: Origin) -> bool:
    """Have what waits or failed sent as soon as its service takes it; False where that is too late."""
    with transaction.atomic():
        if not delivering.send_again(delivery):
            return False
        record(
            "desk.delivery_resent",
            origin=origin,
            person_id=delivery.person_id,
            subject=delivery,
            details={"message": delivery.kind, "reason": reason},
        )
        return True


def _note(kind: str, person: Person, origin: Origin, **details: Detail) -> None:
    record(kind, origin=origin, person_id=person.pk, subject=person, details=details)


def _note_device(kind: str, authorization: DeviceAuthorization, reason: str, origin: Origin) -> None:
    record(
        kind,
        origin=origin,
        person_id=authorization.account_id,
        subject=authorization,
        details={"device": authorization.title, "reason": reason},
    )
