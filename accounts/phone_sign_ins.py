"""Sign-ins on a phone, with e-mail, password and second factor, until a device takes them over.

allauth keeps one as it keeps a browser's: as a row of `django_session`. What the phone
gets is that row's key in a sealed envelope. So it is of no use as a browser's cookie, a
browser's cookie is of no use here, and neither can be made from the other.
"""

from dataclasses import dataclass
from typing import Any

from allauth.account.internal.constants import LoginStageKey
from allauth.account.internal.stagekit import get_pending_stage
from allauth.headless.internal import sessionkit
from allauth.headless.tokens.strategies.sessions import SessionTokenStrategy
from allauth.mfa.internal.constants import LoginStageKey as FactorStageKey
from allauth.mfa.models import Authenticator
from allauth.mfa.utils import is_mfa_enabled
from allauth.usersessions.models import UserSession
from django.contrib.auth import HASH_SESSION_KEY, SESSION_KEY, get_user
from django.contrib.sessions.backends.base import SessionBase
from django.contrib.sessions.models import Session
from django.http import HttpRequest
from django.utils.crypto import constant_time_compare
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from accounts.models import Person
from medimic import crypto
from medimic.problems import Problem

PURPOSE = "phone-sign-in"
# From the last step on: time to find a code or free a place, and no longer.
LIFETIME_SECONDS = 10 * 60


class SealedKeys(SessionTokenStrategy):
    """What allauth's headless calls give out and take back as `X-Session-Token`."""

    def create_session_token(self, request: HttpRequest) -> str:
        request.session.set_expiry(LIFETIME_SECONDS)
        key = super().create_session_token(request)
        held = self.get_session_token(request)
        return held if held and _key_in(held) == key else crypto.encrypt(f"{PURPOSE} {key}")

    def lookup_session(self, session_token: str) -> SessionBase | None:
        key = _key_in(session_token)
        return sessionkit.lookup_session(key) if key else None


@dataclass(frozen=True)
class PhoneSignIn:
    """A finished sign-in: whose it is, and what it was signed in with."""

    person: Person
    key: str
    auth_hash: str

    def end(self) -> bool:
        """End it; False where another call did. Of any number at once one ends it."""
        return bool(Session.objects.filter(session_key=self.key).delete()[0])

    def still_counts(self, person: Person) -> bool:
        """Whether neither a new password nor Sign Out Everywhere ended it; `person` fresh and locked."""
        return constant_time_compare(self.auth_hash, person.get_session_auth_hash())


def find(token: str) -> PhoneSignIn | None:
    """The finished sign-in of this session token, or None where there is none any more.

    Raises `Problem` 403 where a step is missing: `second_factor_needed`, `email_unverified`,
    or `account_inactive`.
    """
    key = _key_in(token)
    session = sessionkit.lookup_session(key) if key else None
    if key is None or session is None:
        return None
    request = HttpRequest()
    request.session = session
    request.user = get_user(request)
    if isinstance(request.user, Person):
        return PhoneSignIn(request.user, key, session[HASH_SESSION_KEY])
    _refuse_unfinished(request)
    return None


def reference(token: str) -> str:
    """What a sign-in is remembered by once it was used: 64 hex digits, whichever envelope it came in."""
    return crypto.keyed_hash(PURPOSE, _key_in(token) or "")


def is_no_browser(request: HttpRequest) -> None:
    """Take what was just signed in off the list of signed-in browsers."""
    UserSession.objects.filter(session_key=request.session.session_key).delete()


def _refuse_unfinished(request: HttpRequest) -> None:
    stage: Any = get_pending_stage(request)
    match stage and stage.key:
        case FactorStageKey.MFA_AUTHENTICATE.value:
            raise Problem(403, "second_factor_needed", _what_is_needed(stage.login.user))
        case LoginStageKey.VERIFY_EMAIL.value:
            raise Problem(403, "email_unverified", _("Verify your email address first."))
    person_id = request.session.get(SESSION_KEY)
    if person_id and Person.objects.filter(pk=person_id, is_active=False).exists():
        raise Problem(403, "account_inactive", _("This account is closed."))


def _what_is_needed(person: Person) -> Promise:
    """A passkey is the browser's: who has no app gets in by a recovery code, or by a link."""
    if is_mfa_enabled(person, [Authenticator.Type.TOTP]):
        return _("Give the code of your second factor first.")
    return _(
        "Your second factor is a passkey, which an app cannot ask for. Give one of your recovery codes, or "
        "open a link from Connected Devices, Authenticate Device."
    )


def _key_in(token: str) -> str | None:
    try:
        purpose, _space, key = crypto.decrypt(token).partition(" ")
    except crypto.Undecryptable:
        return None
    return key if purpose == PURPOSE and key else None
