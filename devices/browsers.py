"""Browsers that start or join sessions: each is a device, known by a cookie of its own.

The cookie is not the sign-in's: it stays when somebody signs out, so that the next
sign-in finds the same device. Its 256 random bits are what a phone's `device_id` is,
and are kept as the same keyed hash.
"""

import datetime as dt
import re
import time
from collections.abc import Callable
from functools import wraps
from typing import Annotated, Any, Concatenate, ParamSpec, TypeVar

from django.conf import settings
from django.contrib.auth.signals import user_logged_in, user_logged_out
from django.db import transaction
from django.db.models import Max
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext_lazy as _
from pydantic import StringConstraints
from ua_parser import Result, parse

from accounts.models import Person
from devices import admission, browser_sign_ins, fleet, guests, identity, push, tokens, touch
from devices.models import Device, DeviceAuthorization, DeviceType, Platform
from devices.schemas import DeviceIn
from medimic import cookies, crypto
from medimic.audit.log import Origin
from medimic.network import client_agent
from medimic.problems import Problem
from orgs.standing import SignedInRequest

Rest = ParamSpec("Rest")
Request = TypeVar("Request", bound=HttpRequest)

IDENTIFIER = re.compile(r"[\w-]{43}", re.ASCII)
# As long as any browser keeps a cookie; each use begins it anew.
COOKIE_AGE = 400 * 24 * 3600
SIGNED_IN_AT = "signed_in_at"
GUEST_NOTE = "guest_authorization"

MODEL_HINT, VERSION_HINT = "Sec-CH-UA-Model", "Sec-CH-UA-Platform-Version"
HINT = re.compile(r'"?([\w .,()/+-]{1,60})"?', re.ASCII)
# Words that tell one build of a browser from another, and nothing to its user.
BUILDS = re.compile(r"\b(?:Headless|Mobile|iOS|WebView)\b ?|^Headless| $")
PLATFORMS = {
    "Windows": Platform.WINDOWS,
    "Mac OS X": Platform.MACOS,
    "iOS": Platform.IOS,
    "Android": Platform.ANDROID,
    "Chrome OS": Platform.CHROMEOS,
}
# What browsers go on saying, whatever they run on.
FROZEN = {(Platform.WINDOWS, "10"), (Platform.MACOS, "10.15"), (Platform.MACOS, "10.15.7")}
FIRST_WINDOWS_11 = 13


class BrowserIn(DeviceIn):
    """What a browser's request says of it: as a device says of itself, with less to tell."""

    os_version: Annotated[str, StringConstraints(max_length=40)] = ""
    app_version: Annotated[str, StringConstraints(max_length=0)] = ""


# --- Knowing a browser again ---------------------------------------------------


def identified(
    view: Callable[Concatenate[Request, Rest], HttpResponse],
) -> Callable[Concatenate[Request, Rest], HttpResponse]:
    """For pages that make a device of a browser: it has the cookie from here on, and tells more of
    itself with its next request."""

    @wraps(view)
    def answer(request: Request, *args: Rest.args, **kwargs: Rest.kwargs) -> HttpResponse:
        identifier = _identifier(request) or crypto.new_token()
        request.COOKIES[settings.DEVICE_COOKIE_NAME] = identifier
        response = view(request, *args, **kwargs)
        response["Accept-CH"] = f"{MODEL_HINT}, {VERSION_HINT}"
        cookies.keep(response, settings.DEVICE_COOKIE_NAME, identifier, max_age=COOKIE_AGE)
        return response

    return answer


def this(request: HttpRequest) -> str:
    """The hash by which this browser's device is known; empty where it has no cookie."""
    identifier = _identifier(request)
    return identity.identifier_hash(identifier) if identifier else ""


def _identifier(request: HttpRequest) -> str:
    value = request.COOKIES.get(settings.DEVICE_COOKIE_NAME, "")
    return value if IDENTIFIER.fullmatch(value) else ""


# --- The account's leave to use it ----------------------------------------------


def authorization_for(request: SignedInRequest) -> DeviceAuthorization:
    """The signed-in person's authorization on this browser, registered at its first use.

    Behind `identified`. Raises `Problem`: `device_limit` (as `DeviceLimitReached`),
    `device_revoked` until the person signs in again on it, `device_blocked`,
    `account_inactive`. Once its transaction is through, the caller binds the sign-in to
    the authorization (`browser_sign_ins.bind`), so that they end together.
    """
    identifier = _identifier(request)
    if not identifier:
        raise RuntimeError("a page that makes a device of a browser must be `identified`")
    facts = facts_of(request, identifier)
    with transaction.atomic():
        authorization = _living(request.user, this(request))
        if authorization is None:
            authorization = _register(request, facts)
        else:
            _update(authorization, facts)
            touch.seen(authorization)
    return authorization


def guest_authorization_for(request: HttpRequest) -> DeviceAuthorization:
    """The leave of whoever uses this browser without an account, registered at its first use.

    Behind `identified`. The sign-in's cookie notes it (`note_guest`, once its transaction is through):
    the browser's own cookie alone brings nothing back. Raises `Problem` 403 `device_blocked`.
    """
    identifier = _identifier(request)
    if not identifier:
        raise RuntimeError("a page that makes a device of a browser must be `identified`")
    with transaction.atomic():
        noted = _noted(request, GUEST_NOTE, account=None)
        if noted is not None and noted.device is not None:
            if noted.device.identifier_hash == this(request):
                touch.seen(noted)
                return noted
        return guests.register(facts_of(request, identifier), Origin.of(request))


def note_guest(request: HttpRequest, authorization: DeviceAuthorization, until: dt.datetime) -> None:
    """Know the guest again in this browser, and no longer than for what they came."""
    if GUEST_NOTE in request.session:
        until = max(until, request.session.get_expiry_date())
    request.session[GUEST_NOTE] = str(authorization.pk)
    request.session.set_expiry(until)


def taking_part(request: HttpRequest) -> DeviceAuthorization | None:
    """The living authorization with which this browser takes part in sessions: that of its sign-in, or,
    signed out, that of its guest."""
    if isinstance(request.user, Person):
        return _noted(request, browser_sign_ins.NOTE, account=request.user)
    return _noted(request, GUEST_NOTE, account=None)


def _noted(request: HttpRequest, note: str, *, account: Person | None) -> DeviceAuthorization | None:
    noted = request.session.get(note)
    if not noted:
        return None
    rows = DeviceAuthorization.objects.living().select_related("account", "device")
    return rows.filter(pk=noted, account=account).first()


def _living(account: Person, identifier_hash: str) -> DeviceAuthorization | None:
    rows = DeviceAuthorization.objects.living().select_related("account", "device")
    return rows.filter(account=account, device__identifier_hash=identifier_hash).first()


def _register(request: SignedInRequest, facts: BrowserIn) -> DeviceAuthorization:
    """What a phone's sign-in does, without tokens: the browser has its sign-in."""
    # Its lock makes requests of one browser queue up.
    device, _is_new = identity.find_or_make(facts)
    known = DeviceAuthorization.objects.filter(device=device, account=request.user, successor=None)
    if (same := known.living().select_related("account", "device").first()) is not None:
        return same
    admission.refuse_blocked(known)
    revoked_at = known.aggregate(last=Max("revoked_at"))["last"]
    if revoked_at is not None and _signed_in_at(request) <= revoked_at:
        raise Problem(401, "device_revoked", _("This browser's access was revoked. Sign in on it again."))
    authorization = DeviceAuthorization(account=request.user)
    admission.let_in(authorization, facts, Origin.of(request))
    return authorization


def _update(authorization: DeviceAuthorization, facts: BrowserIn) -> None:
    """Take over that it was updated; a name of its own making goes along."""
    device = authorization.device
    if device is None or all(getattr(device, key) == text for key, text in identity.described(facts).items()):
        return
    was_named = authorization.name == str(device)
    identity.describe(device, facts)
    if was_named:
        authorization.rename(facts.name)
    fleet.device_changed(device.pk)


# --- Signing in on it -------------------------------------------------------------


def connect() -> None:
    user_logged_in.connect(signed_in, dispatch_uid="devices.browsers.signed_in")
    user_logged_out.connect(signed_out, dispatch_uid="devices.browsers.signed_out")


def signed_in(sender: Any, request: HttpRequest, user: Person, **kwargs: Any) -> None:
    """Django's signal: note when it was, and end this sign-in too with the browser's authorization.

    What a guest took part in on this browser is not for whoever signs in on it.
    """
    request.session[SIGNED_IN_AT] = time.time()
    _end_session_tokens(request, GUEST_NOTE)
    if request.session.pop(GUEST_NOTE, None):
        # A guest's ends with what they came for; a sign-in does not.
        request.session.set_expiry(None)
    if identifier_hash := this(request):
        # Whose pushes came here until now: their sign-in is over, in whatever way it ended.
        push.end_routes_of_browser(identifier_hash)
        if authorization := _living(user, identifier_hash):
            browser_sign_ins.bind(request, authorization)


def signed_out(sender: Any, request: HttpRequest, **kwargs: Any) -> None:
    """Django's signal, before the sign-in's notes go: nothing that this browser took part with is taken
    any more, and nothing is pushed to it."""
    if noted := request.session.get(browser_sign_ins.NOTE):
        push.end_route(noted)
    _end_session_tokens(request, browser_sign_ins.NOTE)
    _end_session_tokens(request, GUEST_NOTE)


def _end_session_tokens(request: HttpRequest, note: str) -> None:
    if noted := request.session.get(note):
        tokens.end_session_tokens(authorization=DeviceAuthorization(pk=noted))


def _signed_in_at(request: HttpRequest) -> dt.datetime:
    return dt.datetime.fromtimestamp(request.session.get(SIGNED_IN_AT, 0), dt.UTC)


# --- What a request tells of its browser -------------------------------------------


def facts_of(request: HttpRequest, identifier: str) -> BrowserIn:
    """A browser as a device: "Firefox 146 · Ubuntu", from its agent and Client Hints."""
    agent = parse(client_agent(request))
    browser = _browser(agent)
    hardware = _hint(request, MODEL_HINT)
    platform, version = _system(agent, _hint(request, VERSION_HINT))
    described = Device(
        model=_shown(f"{browser}, {hardware}" if hardware else browser, 100),
        platform=platform,
        os_version=_shown(version, 40),
    )
    return BrowserIn.model_validate(
        {
            "device_id": identifier,
            "name": str(described)[:100],
            "model": described.model,
            "device_type_id": DeviceType.COMPUTER.value,
            "platform": platform.value,
            "os_version": described.os_version,
        }
    )


def _browser(agent: Result) -> str:
    found = agent.user_agent
    if found is None:
        return "Browser"
    return f"{BUILDS.sub('', found.family).strip()} {found.major or ''}".strip()


def _system(agent: Result, hinted: str) -> tuple[Platform, str]:
    """The platform and its version, where the browser tells it truly."""
    found = agent.os
    if found is None:
        return Platform.LINUX, "Other"
    platform = PLATFORMS.get(found.family)
    named = ".".join(part for part in (found.major, found.minor, found.patch) if part)
    if platform is None:
        # A distribution; any other system is shown by its name alike.
        return Platform.LINUX, f"{'' if found.family == 'Linux' else found.family} {named}".strip()
    if platform is Platform.IOS and agent.device and agent.device.family == "iPad":
        platform = Platform.IPADOS
    if hinted:
        return platform, _windows(hinted) if platform is Platform.WINDOWS else _short(hinted)
    is_reduced = platform is Platform.CHROMEOS or (agent.device is not None and agent.device.model == "K")
    return platform, "" if is_reduced or (platform, named) in FROZEN else named


def _windows(hinted: str) -> str:
    """The hint counts builds of its own: 13 and more are Windows 11, 1 to 12 Windows 10."""
    major = hinted.partition(".")[0]
    if not major.isdecimal() or int(major) == 0:
        return ""
    return "11" if int(major) >= FIRST_WINDOWS_11 else "10"


def _short(version: str) -> str:
    """ "14" of "14.0.0"."""
    return re.sub(r"(\.0)+$", "", version)


def _hint(request: HttpRequest, header: str) -> str:
    """A Client Hint's text without its quotes; empty where there is none, or nonsense."""
    found = HINT.fullmatch(request.headers.get(header, ""))
    return found[1].strip() if found else ""


def _shown(text: str, longest: int) -> str:
    return "".join(sign for sign in text if sign.isprintable())[:longest].strip()
