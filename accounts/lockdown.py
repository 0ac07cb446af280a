"""What happens to an account once its owner says of an alert: this wasn't me.

Whoever did it may still be signed in, and may have changed more since. So everything that opens the
account ends, and what was added after the alert's occasion is taken back.
"""

import datetime as dt
from dataclasses import dataclass

from allauth.account import app_settings
from allauth.account.adapter import get_adapter
from allauth.account.models import EmailAddress
from allauth.account.utils import user_pk_to_url_str
from allauth.mfa.models import Authenticator
from allauth.socialaccount.models import SocialAccount
from django.conf import settings
from django.db import IntegrityError, transaction

from accounts import mail_preferences, sign_ins, trusted_browsers
from accounts.models import Alert, Person
from medimic.audit.log import Origin, record
from medimic.outbox.mail import enqueue_mail


@dataclass(frozen=True)
class Outcome:
    """Where the link to a new password went; empty where nobody but support can help."""

    mailed_to: str


def lock(alert: Alert, *, origin: Origin) -> Outcome:
    """End all sign-ins, device tokens and trust, make the password unusable, and mail a link to a new one.

    In the transaction that used the alert, once its devices are revoked: devices are locked before people.
    """
    person = Person.objects.select_for_update(no_key=True).get(pk=alert.person_id)
    restored = _restore_email(person, alert, origin)
    _remove_what_came_since(person, alert, origin)
    person.set_unusable_password()
    if restored is False:
        # Else Forgot Password would open it to whoever changed the address.
        person.is_active = False
    person.save(update_fields=["password", "is_active"])
    # Whoever did it may have silenced what would have told of more.
    mail_preferences.change(person, {mail_preferences.Kind.SECURITY_ALERTS: True}, origin)
    person.end_sign_ins()
    person.end_device_tokens()
    trusted_browsers.forget_all(person)
    sign_ins.end_all(person)
    record(
        "accounts.alert_confirmed",
        origin=origin,
        person_id=person.pk,
        subject=person,
        details={"alert": alert.kind},
    )
    if restored is False or person.email is None or not person.is_active:
        return Outcome("")
    mail_new_password(person)
    return Outcome(person.email)


def _restore_email(person: Person, alert: Alert, origin: Origin) -> bool | None:
    """Give the account the address back that it had; None if it has it, False if somebody else has it now."""
    if person.email == alert.sent_to:
        EmailAddress.objects.filter(user=person).exclude(email=alert.sent_to).delete()
        return None
    try:
        with transaction.atomic():
            person.email = alert.sent_to
            person.save(update_fields=["email"])
            EmailAddress.objects.filter(user=person).delete()
            EmailAddress.objects.create(user=person, email=alert.sent_to, verified=True, primary=True)
    except IntegrityError:
        person.refresh_from_db(fields=["email"])
        return False
    record("accounts.email_restored", origin=origin, person_id=person.pk, subject=person)
    return True


def _remove_what_came_since(person: Person, alert: Alert, origin: Origin) -> None:
    # Each deletion writes its own row of the log (`accounts.listeners.factor_deleted`).
    for factor in Authenticator.objects.filter(user=person, created_at__gte=alert.since):
        factor.delete()
    for connection in SocialAccount.objects.filter(user=person, date_joined__gte=alert.since):
        record(
            "accounts.sign_on_disconnected",
            origin=origin,
            person_id=person.pk,
            subject=person,
            details={"provider": connection.provider},
        )
        connection.delete()


def mail_new_password(person: Person) -> None:
    """The link to a new password, which the old one's end asks for."""
    token = app_settings.PASSWORD_RESET_TOKEN_GENERATOR().make_token(person)
    url = get_adapter().get_reset_password_from_key_url(f"{user_pk_to_url_str(person)}-{token}")
    enqueue_mail(
        "accounts.locked",
        to=person.email or "",
        template="accounts/mail/locked",
        context={"password_reset_url": url},
        person=person,
        stale_after=dt.timedelta(seconds=settings.PASSWORD_RESET_TIMEOUT),
    )
