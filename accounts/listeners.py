"""What follows from signals of Django and allauth: audit rows, and the bridge to django-otp.

The only place where signals are listened to. `AppConfig.ready` connects them.
"""

import uuid
from typing import Any

from allauth.account import signals as account_signals
from allauth.account.authentication import AUTHENTICATION_METHODS_SESSION_KEY, get_authentication_records
from allauth.account.internal.flows.login import record_authentication
from allauth.core import context
from allauth.core.internal.httpkit import is_headless_request
from allauth.mfa import signals as mfa_signals
from allauth.mfa.models import Authenticator
from allauth.socialaccount import signals as sign_on_signals
from django.contrib.auth import signals as auth_signals
from django.db import transaction
from django.db.models.signals import post_delete, post_save
from django.http import HttpRequest
from django_otp import login as verify

from accounts import alerts, known_browsers, trusted_browsers
from accounts.models import Person
from accounts.notices import NEW_BROWSER, RECOVERY_CODE_USED
from accounts.otp import Factor
from medimic.audit.log import SYSTEM, Origin, record
from medimic.audit.models import ActorKind
from medimic.network import client_address, client_agent

RECOVERY_CODES = Authenticator.Type.RECOVERY_CODES


def connect() -> None:
    for signal, receiver in (
        (auth_signals.user_logged_in, signed_in),
        (auth_signals.user_logged_out, signed_out),
        (auth_signals.user_login_failed, sign_in_failed),
        (account_signals.user_signed_up, signed_up),
        (account_signals.email_changed, email_changed),
        (mfa_signals.authenticator_used, factor_used),
        (mfa_signals.authenticator_added, factor_added),
        (mfa_signals.authenticator_removed, factors_changed),
        (mfa_signals.authenticator_reset, factors_changed),
        (mfa_signals.authentication_failed, factor_failed),
        (sign_on_signals.social_account_added, sign_on_connected),
        (sign_on_signals.social_account_removed, sign_on_disconnected),
    ):
        signal.connect(receiver, dispatch_uid=f"accounts.{receiver.__name__}")
    # allauth tells of these only after its transaction; the rows' own signals come within it.
    post_save.connect(factor_stored, sender=Authenticator, dispatch_uid="accounts.factor_stored")
    post_delete.connect(factor_deleted, sender=Authenticator, dispatch_uid="accounts.factor_deleted")


# --- Signing in and out ------------------------------------------------------


def signed_in(sender: Any, request: HttpRequest, user: Person, **kwargs: Any) -> None:
    records = get_authentication_records(request, user)
    factors = [entry for entry in records if entry["method"] == "mfa"]
    providers = [entry["provider"] for entry in records if entry["method"] == "socialaccount"]
    with transaction.atomic():
        record(
            "accounts.signed_in",
            origin=_person(request, user.pk),
            person_id=user.pk,
            subject=user,
            details={
                "factor": factors[-1]["type"] if factors else None,
                "provider": providers[-1] if providers else None,
            },
        )
        _tell_of_new_browser(request, user)
    if factors:
        # A trusted browser is spared the prompt: it has no such record, and is not verified.
        _verify(request, factors[-1]["id"])
    if records and (factors or not _has_factor(user)):
        # A sign-in that proved all there is counts as an authentication of just now.
        records[-1]["reauthenticated"] = True
        request.session[AUTHENTICATION_METHODS_SESSION_KEY] = records


def _tell_of_new_browser(request: HttpRequest, user: Person) -> None:
    """Unless it is the very first sign-in; of phones, `devices` tells."""
    if is_headless_request(request):
        return
    if user.last_login is not None and not known_browsers.is_known(request, user):
        origin = _person(request, user.pk)
        alerts.send("accounts.new_browser", NEW_BROWSER, person=user, origin=origin)
    known_browsers.note(request, user)


def signed_out(sender: Any, request: HttpRequest, user: Person | None, **kwargs: Any) -> None:
    if user is None:
        return
    reason = getattr(request, "timed_out", "")
    with transaction.atomic():
        record(
            "accounts.timed_out" if reason else "accounts.signed_out",
            origin=_person(request, user.pk),
            person_id=user.pk,
            subject=user,
            details={"reason": reason} if reason else None,
        )


def sign_in_failed(
    sender: Any, credentials: dict[str, Any], request: HttpRequest | None = None, **kwargs: Any
) -> None:
    """The address typed is kept nowhere: it may be another's, or a password in the wrong field."""
    email = str(credentials.get("email") or "").strip().lower()
    person_id = Person.objects.filter(email=email).values_list("pk", flat=True).first()
    origin = Origin.of(request) if request is not None else SYSTEM
    with transaction.atomic():
        if origin.actor_kind == ActorKind.PERSON:
            record("accounts.confirmation_failed", origin=origin, person_id=person_id)
        else:
            record("accounts.sign_in_failed", origin=origin, person_id=person_id)


def signed_up(sender: Any, request: HttpRequest, user: Person, **kwargs: Any) -> None:
    with transaction.atomic():
        record("accounts.signed_up", origin=_person(request, user.pk), person_id=user.pk, subject=user)


# --- E-mail ------------------------------------------------------------------


def email_changed(
    sender: Any, request: HttpRequest, user: Person, from_email_address: Any, **kwargs: Any
) -> None:
    with transaction.atomic():
        if from_email_address is None:
            record(
                "accounts.email_verified", origin=_person(request, user.pk), person_id=user.pk, subject=user
            )
        else:
            record("accounts.email_changed", origin=Origin.of(request), person_id=user.pk, subject=user)


# --- Factors -----------------------------------------------------------------


def factor_used(sender: Any, request: HttpRequest, authenticator: Authenticator, **kwargs: Any) -> None:
    """Of use while somebody is signed in; during a sign-in `signed_in` does it."""
    _verify(request, authenticator.pk)
    if authenticator.type == RECOVERY_CODES:
        person = authenticator.user
        with transaction.atomic():
            alerts.send(
                "accounts.recovery_code_used",
                RECOVERY_CODE_USED,
                person=person,
                origin=_person(request, person.pk),
            )


def factor_added(sender: Any, request: HttpRequest, authenticator: Authenticator, **kwargs: Any) -> None:
    """Whoever enrols one has just shown it: that is an authentication like any other."""
    if authenticator.type != RECOVERY_CODES:
        _verify(request, authenticator.pk)
        record_authentication(
            request,
            authenticator.user,
            "mfa",
            id=authenticator.pk,
            type=authenticator.type,
            reauthenticated=True,
        )
    trusted_browsers.keep(request, authenticator.user, is_proved=True)


def factors_changed(sender: Any, request: HttpRequest, user: Person, **kwargs: Any) -> None:
    """Removed, or new recovery codes made: this browser stays trusted, all others are asked again."""
    trusted_browsers.keep(request, user)


def factor_failed(sender: Any, request: HttpRequest, user: Person, **kwargs: Any) -> None:
    with transaction.atomic():
        record("accounts.factor_failed", origin=Origin.of(request), person_id=user.pk)


def factor_stored(sender: Any, instance: Authenticator, created: bool, raw: bool, **kwargs: Any) -> None:
    if not created or raw:
        return
    with transaction.atomic():
        if instance.type == RECOVERY_CODES:
            record("accounts.recovery_codes_made", origin=_current(), person_id=instance.user_id)
        else:
            record(
                "accounts.factor_added",
                origin=_current(),
                person_id=instance.user_id,
                details={"factor": instance.type},
            )


def factor_deleted(sender: Any, instance: Authenticator, **kwargs: Any) -> None:
    # Recovery codes go when new ones are made, or with the last factor.
    if instance.type != RECOVERY_CODES:
        with transaction.atomic():
            record(
                "accounts.factor_removed",
                origin=_current(instance.user_id),
                person_id=instance.user_id,
                details={"factor": instance.type},
            )


# --- Single sign-on ----------------------------------------------------------


def sign_on_connected(sender: Any, request: HttpRequest, sociallogin: Any, **kwargs: Any) -> None:
    _record_connection("accounts.sign_on_connected", request, sociallogin.account)


def sign_on_disconnected(sender: Any, request: HttpRequest, socialaccount: Any, **kwargs: Any) -> None:
    _record_connection("accounts.sign_on_disconnected", request, socialaccount)


def _record_connection(kind: str, request: HttpRequest, connection: Any) -> None:
    with transaction.atomic():
        record(
            kind,
            origin=Origin.of(request),
            person_id=connection.user_id,
            details={"provider": connection.provider},
        )


def _verify(request: HttpRequest, authenticator_id: int) -> None:
    """Count whoever is signed in as verified by their own factor, until it is gone or they sign out."""
    verify(request, Factor.objects.filter(pk=authenticator_id).first())


def _has_factor(user: Person) -> bool:
    return Authenticator.objects.filter(user_id=user.pk).exists()


def _person(request: HttpRequest, person_id: uuid.UUID) -> Origin:
    """Somebody who is about to be signed in, or no longer is: the request does not name them."""
    return Origin(ActorKind.PERSON, person_id, client_address(request), client_agent(request))


def _current(concerned: uuid.UUID | None = None) -> Origin:
    request = context.request
    if request is None:
        return SYSTEM
    # Support takes lost factors away: that is not told as an act of the person's own.
    is_by_staff = concerned is not None and request.user.is_staff and request.user.pk != concerned
    return Origin.staff(request) if is_by_staff else Origin.of(request)
