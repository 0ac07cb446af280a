"""Who gets what answer from every route: a route that this table does not know fails the run.

The provider owns what the addresses name. The others ask for it: a colleague and an admin
of the same clinic, a patient of it, an outsider, support without a second factor, and nobody.
"""

import datetime as dt
import re
import uuid
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from django.test import Client
from django.utils import timezone

from accounts.models import Person
from devices import fleet
from devices.models import Device, DeviceAuthorization, DeviceType, Platform
from orgs.models import Organization
from sessions_app.models import Visit
from tests import cast
from tests.orgs import care
from tests.routes import routes
from tests.shared import fresh, kept

pytestmark = pytest.mark.once

ROLES = ("nobody", "provider", "colleague", "admin", "patient", "outsider", "support")

# What an answer means to whoever asked.
OK = "ok"
SIGN_IN = "sign in first"
MOVED = "moved"
FORBIDDEN = "forbidden"
MISSING = "missing"
WRONG_METHOD = "wrong method"
UNAUTHORIZED = "unauthorized"
REJECTED = "rejected input"
CONFLICT = "conflict"
STATUSES = {
    200: OK,
    201: OK,
    301: MOVED,
    302: MOVED,
    400: REJECTED,
    401: UNAUTHORIZED,
    403: FORBIDDEN,
    404: MISSING,
    405: WRONG_METHOD,
    409: CONFLICT,
    422: REJECTED,
}


def answers(others: str, **named: str) -> dict[str, str]:
    return {role: named.get(role, others) for role in ROLES}


def signed_in(others: str = OK, **named: str) -> dict[str, str]:
    return answers(others, nobody=SIGN_IN, **named)


@dataclass(frozen=True)
class Access:
    """The answers to a GET and to an empty POST."""

    get: dict[str, str]
    post: dict[str, str]


PUBLIC_PAGE = Access(answers(OK), answers(WRONG_METHOD))
PUBLIC_FORM = Access(answers(OK), answers(OK))
PAGE = Access(signed_in(), signed_in(WRONG_METHOD))
FORM = Access(signed_in(), signed_in())
# allauth sends away whoever has no business there (yet).
MOVED_ON = Access(signed_in(MOVED), signed_in(MOVED))
FOR_NEWCOMERS = Access(answers(MOVED, nobody=OK), answers(MOVED, nobody=OK))
UNFINISHED_SIGN_IN = Access(answers(MOVED, nobody=SIGN_IN), answers(MOVED, nobody=SIGN_IN))
ADMIN = Access(answers(MOVED), answers(MOVED))
# A device's call: a sign-in in the browser counts for nothing there.
NO_DEVICE = answers(UNAUTHORIZED)
# Whoever calls proves who they are by what they send.
OPEN_CALL = Access(answers(WRONG_METHOD), answers(REJECTED))

# Pages of the clinic: of those who work there, and of its admins alone.
WORKPLACE = signed_in(MISSING, provider=OK, colleague=OK, admin=OK)
MANAGED = signed_in(MISSING, provider=FORBIDDEN, colleague=FORBIDDEN, admin=OK)
MANAGED_NOTHING = signed_in(MISSING, provider=FORBIDDEN, colleague=FORBIDDEN)

TABLE = {
    "": PAGE,
    "accessibility/": PUBLIC_PAGE,
    "billing/": Access(signed_in(patient=MISSING), signed_in(WRONG_METHOD)),
    "billing/invoices/": Access(signed_in(patient=MISSING), signed_in(WRONG_METHOD)),
    # Of an invoice that nobody has.
    "billing/invoices/<uuid:invoice_id>/": Access(signed_in(MISSING), signed_in(WRONG_METHOD)),
    "billing/plans/": Access(signed_in(patient=MISSING), signed_in(WRONG_METHOD)),
    # Where money moves, the sign-in of these clients is too long ago.
    "billing/plans/<slug:code>/": MOVED_ON,
    "billing/resumption/": MOVED_ON,
    "billing/payment-method/": Access(signed_in(MOVED), signed_in(WRONG_METHOD)),
    # The outsider alone has a plan of their own.
    "billing/cancellation/": Access(signed_in(MISSING, outsider=OK), signed_in(MISSING, outsider=MOVED)),
    "billing/details/": Access(signed_in(MISSING, outsider=OK), signed_in(MISSING, outsider=MOVED)),
    # There only where Stripe is configured, and then for what it has signed.
    "billing/webhooks/stripe/": Access(answers(WRONG_METHOD), answers(MISSING)),
    # Nobody comes back from a page that they were not sent to.
    "billing/stripe/return/": Access(signed_in(MISSING), signed_in(WRONG_METHOD)),
    "organization/": Access(
        signed_in(MOVED, patient=MISSING, outsider=OK, support=OK), signed_in(WRONG_METHOD)
    ),
    "organizations/new/": Access(signed_in(patient=MISSING), signed_in(patient=MISSING)),
    "organizations/<slug:slug>/": Access(WORKPLACE, signed_in(WRONG_METHOD)),
    "organizations/<slug:slug>/billing/": Access(MANAGED, signed_in(WRONG_METHOD)),
    "organizations/<slug:slug>/billing/invoices/": Access(MANAGED, signed_in(WRONG_METHOD)),
    "organizations/<slug:slug>/billing/invoices/<uuid:invoice_id>/": Access(
        MANAGED_NOTHING, signed_in(WRONG_METHOD)
    ),
    "organizations/<slug:slug>/billing/plans/": Access(MANAGED, signed_in(WRONG_METHOD)),
    "organizations/<slug:slug>/billing/plans/<slug:code>/": MOVED_ON,
    "organizations/<slug:slug>/billing/resumption/": MOVED_ON,
    "organizations/<slug:slug>/billing/seats/": MOVED_ON,
    "organizations/<slug:slug>/billing/payment-method/": Access(signed_in(MOVED), signed_in(WRONG_METHOD)),
    "organizations/<slug:slug>/billing/cancellation/": Access(
        MANAGED, signed_in(MISSING, provider=FORBIDDEN, colleague=FORBIDDEN, admin=MOVED)
    ),
    "organizations/<slug:slug>/billing/details/": Access(
        MANAGED, signed_in(MISSING, provider=FORBIDDEN, colleague=FORBIDDEN, admin=MOVED)
    ),
    "organizations/<slug:slug>/audit/": Access(MANAGED, signed_in(WRONG_METHOD)),
    # A file of it all asks for a sign-in of just now, like handing the admin's role over.
    "organizations/<slug:slug>/audit/export/": Access(signed_in(MOVED), signed_in(WRONG_METHOD)),
    # The provider and the colleague do leave; the only admin is led elsewhere.
    "organizations/<slug:slug>/leaving/": Access(
        WORKPLACE, signed_in(MISSING, provider=MOVED, colleague=MOVED, admin=MOVED)
    ),
    "organizations/<slug:slug>/devices/": Access(MANAGED, signed_in(WRONG_METHOD)),
    # Of what matters only somebody who has just proved who they are is told more.
    "organizations/<slug:slug>/devices/export/": Access(signed_in(MOVED), signed_in(WRONG_METHOD)),
    "organizations/<slug:slug>/devices/revocations/": Access(
        signed_in(WRONG_METHOD), signed_in(MISSING, provider=FORBIDDEN, colleague=FORBIDDEN, admin=MOVED)
    ),
    "organizations/<slug:slug>/devices/revocations/<uuid:revocation_id>/": MOVED_ON,
    "organizations/<slug:slug>/devices/revocations/<uuid:revocation_id>/state/": Access(
        MANAGED_NOTHING, signed_in(WRONG_METHOD)
    ),
    "organizations/<slug:slug>/devices/<uuid:authorization_id>/": Access(MANAGED, signed_in(WRONG_METHOD)),
    "organizations/<slug:slug>/devices/<uuid:authorization_id>/revocation/": Access(
        MANAGED, signed_in(MISSING, provider=FORBIDDEN, colleague=FORBIDDEN, admin=MOVED)
    ),
    "organizations/<slug:slug>/devices/<uuid:authorization_id>/allowance/": Access(
        MANAGED, signed_in(MISSING, provider=FORBIDDEN, colleague=FORBIDDEN, admin=MOVED)
    ),
    "organizations/<slug:slug>/devices/<uuid:authorization_id>/pooling/": Access(MANAGED, MANAGED),
    # There is no device in the pool, and nobody was asked for one.
    "organizations/<slug:slug>/devices/pool/<uuid:device_id>/": Access(
        MANAGED_NOTHING, signed_in(WRONG_METHOD)
    ),
    "organizations/<slug:slug>/devices/pool/<uuid:device_id>/place/": Access(
        MANAGED_NOTHING, MANAGED_NOTHING
    ),
    "organizations/<slug:slug>/devices/pool/<uuid:device_id>/return/": Access(
        MANAGED_NOTHING, MANAGED_NOTHING
    ),
    "organizations/<slug:slug>/devices/pool/<uuid:device_id>/revocation/": Access(
        MANAGED_NOTHING, MANAGED_NOTHING
    ),
    "organizations/<slug:slug>/devices/pool/<uuid:device_id>/allowance/": Access(
        MANAGED_NOTHING, MANAGED_NOTHING
    ),
    "organizations/<slug:slug>/devices/pool-requests/<uuid:request_id>/withdrawal/": Access(
        signed_in(WRONG_METHOD), MANAGED_NOTHING
    ),
    "organizations/<slug:slug>/policies/": Access(MANAGED, MANAGED),
    "organizations/<slug:slug>/members/": Access(WORKPLACE, signed_in(WRONG_METHOD)),
    "organizations/<slug:slug>/members/handover/": MOVED_ON,
    "organizations/<slug:slug>/members/invitations/": Access(MANAGED, signed_in(WRONG_METHOD)),
    "organizations/<slug:slug>/members/invitations/list/": Access(MANAGED, MANAGED),
    "organizations/<slug:slug>/members/invitations/new/": Access(MANAGED, MANAGED),
    # Of an invitation and a membership that the organization does not have.
    "organizations/<slug:slug>/members/invitations/<uuid:invitation_id>/sending/": Access(
        signed_in(WRONG_METHOD), MANAGED_NOTHING
    ),
    "organizations/<slug:slug>/members/invitations/<uuid:invitation_id>/withdrawal/": Access(
        MANAGED_NOTHING, MANAGED_NOTHING
    ),
    "organizations/<slug:slug>/members/<uuid:membership_id>/removal/": Access(
        MANAGED_NOTHING, MANAGED_NOTHING
    ),
    "organizations/<slug:slug>/members/<uuid:membership_id>/role/": Access(MANAGED_NOTHING, MANAGED_NOTHING),
    "organizations/<slug:slug>/patients/": Access(WORKPLACE, signed_in(WRONG_METHOD)),
    "organizations/<slug:slug>/patients/new/": Access(WORKPLACE, WORKPLACE),
    "organizations/<slug:slug>/patients/<uuid:person_id>/": Access(WORKPLACE, signed_in(WRONG_METHOD)),
    "organizations/<slug:slug>/patients/<uuid:person_id>/authentication/": MOVED_ON,
    # They have a sign-in, and look after their details themselves.
    "organizations/<slug:slug>/patients/<uuid:person_id>/details/": Access(
        signed_in(MISSING, provider=FORBIDDEN, colleague=FORBIDDEN, admin=FORBIDDEN),
        signed_in(MISSING, provider=FORBIDDEN, colleague=FORBIDDEN, admin=FORBIDDEN),
    ),
    # The device is the provider's, not the patient's.
    "organizations/<slug:slug>/patients/<uuid:person_id>/devices/<uuid:authorization_id>/revocation/": Access(
        MANAGED_NOTHING, MANAGED_NOTHING
    ),
    "organizations/<slug:slug>/patients/<uuid:person_id>/devices/<uuid:authorization_id>/allowance/": Access(
        signed_in(WRONG_METHOD), MANAGED_NOTHING
    ),
    # For nothing that there is.
    "organizations/<slug:slug>/patients/<uuid:person_id>/enrollments/": Access(
        signed_in(WRONG_METHOD), signed_in(MISSING)
    ),
    "organizations/<slug:slug>/patients/<uuid:person_id>/enrollments/<uuid:enrollment_id>/ending/": Access(
        signed_in(WRONG_METHOD), signed_in(MISSING, provider=MOVED, colleague=MOVED, admin=MOVED)
    ),
    "organizations/<slug:slug>/patients/<uuid:person_id>/answers/<uuid:response_id>/": Access(
        WORKPLACE, signed_in(WRONG_METHOD)
    ),
    "organizations/<slug:slug>/questionnaires/": Access(WORKPLACE, signed_in(WRONG_METHOD)),
    "organizations/<slug:slug>/questionnaires/new/": Access(MANAGED, MANAGED),
    "organizations/<slug:slug>/questionnaires/<uuid:questionnaire_id>/": Access(
        WORKPLACE, signed_in(WRONG_METHOD)
    ),
    "organizations/<slug:slug>/questionnaires/<uuid:questionnaire_id>/draft/": Access(MANAGED, MANAGED),
    "organizations/<slug:slug>/questionnaires/<uuid:questionnaire_id>/publication/": Access(
        signed_in(WRONG_METHOD),
        signed_in(MISSING, provider=FORBIDDEN, colleague=FORBIDDEN, admin=MOVED),
    ),
    "organizations/<slug:slug>/questionnaires/<uuid:questionnaire_id>/retirement/": Access(
        MANAGED, signed_in(MISSING, provider=FORBIDDEN, colleague=FORBIDDEN, admin=MOVED)
    ),
    "organizations/<slug:slug>/settings/": Access(MANAGED, MANAGED),
    # A link that nobody was sent.
    "alerts/<str:token>/": Access(answers(MISSING), answers(MISSING)),
    # Sample mails: there only with DEBUG.
    "dev/mails/": Access(answers(MISSING), answers(MISSING)),
    "dev/mails/<slug:name>/": Access(answers(MISSING), answers(MISSING)),
    "dev/mails/<slug:name>/html/": Access(answers(MISSING), answers(MISSING)),
    "unsubscribe/<str:token>/": Access(answers(MISSING), answers(MISSING)),
    "invitations/<str:token>/": Access(answers(MISSING), answers(MISSING)),
    "invitations/<str:token>/sign-up/": Access(answers(MISSING), answers(MISSING)),
    "sessions/": Access(signed_in(), answers(WRONG_METHOD)),
    # The sign-in of these clients is too long ago.
    "sessions/export/": Access(signed_in(MOVED), answers(WRONG_METHOD)),
    "sessions/new/": Access(signed_in(patient=FORBIDDEN), signed_in(patient=FORBIDDEN)),
    "sessions/<uuid:session_id>/": Access(signed_in(MISSING, provider=OK), answers(WRONG_METHOD)),
    "sessions/<uuid:session_id>/ending/": Access(
        signed_in(MISSING, provider=OK), signed_in(MISSING, provider=MOVED)
    ),
    # Nobody's browser takes part in it.
    # Who has one running session is led to its invitations.
    "sessions/invitations/": Access(signed_in(provider=MOVED), answers(WRONG_METHOD)),
    "sessions/<uuid:session_id>/invitations/": Access(
        signed_in(MISSING, provider=OK), signed_in(MISSING, provider=OK)
    ),
    "sessions/<uuid:session_id>/invitations/<uuid:invitation_id>/sending/": Access(
        answers(WRONG_METHOD), signed_in(MISSING)
    ),
    "sessions/<uuid:session_id>/invitations/<uuid:invitation_id>/withdrawal/": Access(
        answers(WRONG_METHOD), signed_in(MISSING)
    ),
    # A link of nobody's: to everybody the same.
    "sessions/invitations/<str:token>/": Access(answers(MISSING), answers(MISSING)),
    "sessions/invitations/<str:token>/declining/": Access(answers(WRONG_METHOD), answers(MISSING)),
    "settings/devices/keys/": Access(signed_in(), answers(WRONG_METHOD)),
    "sessions/<uuid:session_id>/token/": Access(answers(WRONG_METHOD), answers(MISSING)),
    "join/": PUBLIC_FORM,
    "join/<str:code>/": PUBLIC_FORM,
    "settings/": FORM,
    "settings/activity/": Access(signed_in(), answers(WRONG_METHOD)),
    "settings/activity/export/": Access(signed_in(MOVED), signed_in(WRONG_METHOD)),
    "settings/devices/": PAGE,
    # A link is a credential: the sign-in of these clients is too long ago.
    "settings/devices/authentication/": MOVED_ON,
    # Who asks for a device asks its owner alone.
    "settings/devices/pool-requests/<uuid:request_id>/": Access(signed_in(MISSING), signed_in(MISSING)),
    "settings/devices/<uuid:authorization_id>/": Access(
        signed_in(MISSING, provider=OK), signed_in(WRONG_METHOD)
    ),
    "settings/devices/<uuid:authorization_id>/authentication/": Access(
        signed_in(MISSING, provider=OK), signed_in(MISSING, provider=MOVED)
    ),
    # The device has signed in long ago: nothing to send, nothing to confirm.
    "settings/devices/<uuid:authorization_id>/authentication/sending/": Access(
        signed_in(WRONG_METHOD), signed_in(MISSING, provider=MOVED)
    ),
    "settings/devices/<uuid:authorization_id>/authentication/confirmation/": Access(
        signed_in(WRONG_METHOD), signed_in(MISSING, provider=MOVED)
    ),
    "settings/devices/<uuid:authorization_id>/authentication/state/": Access(
        signed_in(MISSING, provider=OK), signed_in(WRONG_METHOD)
    ),
    # An empty name is one: the model's.
    "settings/devices/<uuid:authorization_id>/name/": Access(
        signed_in(MISSING, provider=OK), signed_in(MISSING, provider=MOVED)
    ),
    "settings/devices/<uuid:authorization_id>/revocation/": Access(
        signed_in(MISSING, provider=OK), signed_in(MISSING, provider=MOVED)
    ),
    # There is none before the revocation.
    "settings/devices/<uuid:authorization_id>/revocation/receipt/": Access(
        signed_in(MISSING), signed_in(WRONG_METHOD)
    ),
    # An empty form changes nothing, and is saved.
    "settings/notifications/": Access(signed_in(patient=MISSING), signed_in(MOVED, patient=MISSING)),
    # Alerts are on in nobody's browser, and without a key they cannot be.
    "settings/notifications/this-browser/": MOVED_ON,
    "settings/notifications/this-browser/subscription/": Access(answers(WRONG_METHOD), signed_in(MISSING)),
    "settings/notifications/this-browser/subscription/ending/": Access(
        answers(WRONG_METHOD), signed_in(MOVED)
    ),
    "settings/notifications/this-browser/subscription/renewal/": Access(signed_in(), signed_in(REJECTED)),
    "settings/organization-view/": PAGE,
    "settings/security/": PAGE,
    "settings/security/browsers/<slug:reference>/sign-out/": Access(
        signed_in(WRONG_METHOD), signed_in(MISSING)
    ),
    # Trusted by nobody.
    "settings/security/browsers/<uuid:browser_id>/forgetting/": Access(
        signed_in(WRONG_METHOD), signed_in(MISSING)
    ),
    # They have no passkey.
    "settings/security/passkeys/<slug:reference>/name/": Access(signed_in(MISSING), signed_in(MISSING)),
    "settings/security/passkeys/<slug:reference>/removal/": Access(signed_in(MISSING), signed_in(MISSING)),
    "settings/security/second-factor/": PAGE,
    "settings/security/device-confirmation/": MOVED_ON,
    "settings/security/sign-out-everywhere/": MOVED_ON,
    "user-profile": Access(answers(MOVED), answers(WRONG_METHOD)),
    # accounts and allauth
    "accounts/2fa/": ADMIN,
    "accounts/2fa/authenticate/": UNFINISHED_SIGN_IN,
    "accounts/2fa/reauthenticate/": MOVED_ON,
    "accounts/2fa/recovery-codes/": Access(signed_in(MISSING), signed_in(WRONG_METHOD)),
    "accounts/2fa/recovery-codes/download/": Access(signed_in(MISSING), signed_in(WRONG_METHOD)),
    "accounts/2fa/recovery-codes/generate/": MOVED_ON,
    "accounts/2fa/totp/activate/": MOVED_ON,
    "accounts/2fa/totp/deactivate/": Access(signed_in(MISSING), signed_in(MISSING)),
    # Single sign-on, without a provider.
    "accounts/3rdparty/": FORM,
    "accounts/3rdparty/login/cancelled/": PUBLIC_PAGE,
    "accounts/3rdparty/login/error/": Access(answers(UNAUTHORIZED), answers(WRONG_METHOD)),
    "accounts/3rdparty/signup/": Access(answers(SIGN_IN), answers(SIGN_IN)),
    "accounts/oidc/<slug:provider_id>/login/": Access(answers(MISSING), answers(MISSING)),
    "accounts/oidc/<slug:provider_id>/login/callback/": Access(answers(MISSING), answers(WRONG_METHOD)),
    # allauth's addresses of earlier.
    **{
        f"accounts/social/{page}": Access(answers(MOVED), answers(MOVED))
        for page in ("login/cancelled/", "login/error/", "signup/", "connections/")
    },
    "accounts/2fa/webauthn/": ADMIN,
    "accounts/2fa/webauthn/add/": MOVED_ON,
    "accounts/2fa/webauthn/keys/<int:pk>/edit/": Access(answers(MISSING), answers(MISSING)),
    "accounts/2fa/webauthn/keys/<int:pk>/remove/": Access(answers(MISSING), answers(MISSING)),
    "accounts/2fa/webauthn/login/": UNFINISHED_SIGN_IN,
    "accounts/2fa/webauthn/reauthenticate/": MOVED_ON,
    "accounts/confirm-email/": MOVED_ON,
    # Of what matters only somebody who has just proved who they are is told more.
    "accounts/email/": MOVED_ON,
    "accounts/inactive/": PUBLIC_PAGE,
    "accounts/login/": FOR_NEWCOMERS,
    "accounts/login/code/confirm/": UNFINISHED_SIGN_IN,
    "accounts/logout/": Access(signed_in(), answers(SIGN_IN)),
    "accounts/password/change/": MOVED_ON,
    "accounts/password/reset/": PUBLIC_FORM,
    "accounts/password/reset/done/": PUBLIC_PAGE,
    "accounts/password/reset/key/done/": PUBLIC_PAGE,
    "accounts/^password/reset/key/(?P<uidb36>[0-9A-Za-z]+)-(?P<key>.+)/$": PUBLIC_FORM,
    "accounts/password/set/": MOVED_ON,
    "accounts/reauthenticate/": FORM,
    "accounts/sessions/": ADMIN,
    "accounts/signup/": FOR_NEWCOMERS,
    "accounts/sign-in-again/": PAGE,
    "accounts/time-left/": PUBLIC_FORM,
    "accounts/step-up/": Access(signed_in(MOVED), signed_in(WRONG_METHOD)),
    # probes, and who found a weakness
    ".well-known/security.txt": PUBLIC_PAGE,
    ".well-known/audit-key": PUBLIC_PAGE,
    "healthz": PUBLIC_PAGE,
    "push-worker.js": PUBLIC_PAGE,
    "readyz": PUBLIC_PAGE,
    # the device API
    "api/docs": PUBLIC_PAGE,
    "api/openapi.json": PUBLIC_PAGE,
    "api/": Access(answers(MISSING), answers(MISSING)),
    "api/device": Access(NO_DEVICE, answers(WRONG_METHOD)),
    "api/device-login": OPEN_CALL,
    "api/device-login/poll": OPEN_CALL,
    "api/device-register": Access(answers(WRONG_METHOD), answers(FORBIDDEN, nobody=UNAUTHORIZED)),
    "api/devices": Access(answers(OK, nobody=UNAUTHORIZED), answers(WRONG_METHOD)),
    "api/notification-preferences": Access(NO_DEVICE, answers(WRONG_METHOD)),
    "api/questionnaire-responses": Access(answers(WRONG_METHOD), NO_DEVICE),
    "api/revoke": OPEN_CALL,
    "api/sessions": Access(NO_DEVICE, answers(REJECTED)),
    "api/sessions/claim": Access(answers(WRONG_METHOD), NO_DEVICE),
    "api/sessions/<uuidstr:session_id>": Access(NO_DEVICE, answers(WRONG_METHOD)),
    "api/sessions/join": OPEN_CALL,
    "api/sessions/<uuidstr:session_id>/participants": Access(NO_DEVICE, NO_DEVICE),
    "api/sessions/<uuidstr:session_id>/participants/<uuidstr:participant_id>/admission": Access(
        answers(WRONG_METHOD), answers(WRONG_METHOD)
    ),
    "api/sessions/<uuidstr:session_id>/leave": Access(answers(WRONG_METHOD), NO_DEVICE),
    "api/sessions/<uuidstr:session_id>/end": Access(answers(WRONG_METHOD), NO_DEVICE),
    # These browsers are none of their accounts' devices: they read, and take no step.
    "api/envelopes": Access(answers(REJECTED, nobody=UNAUTHORIZED), answers(WRONG_METHOD)),
    "api/key-requests": Access(answers(OK, nobody=UNAUTHORIZED), answers(REJECTED, nobody=UNAUTHORIZED)),
    "api/key-requests/<uuidstr:request_id>": Access(
        answers(MISSING, nobody=UNAUTHORIZED), answers(WRONG_METHOD)
    ),
    **{
        f"api/key-requests/<uuidstr:request_id>/{step}": Access(answers(WRONG_METHOD), answers(WRONG_METHOD))
        for step in ("answer", "reveal", "approval", "refusal", "withdrawal")
    },
    # The sessions are active: a portal sign-in reads a transcript once they are over.
    "api/sessions/<uuidstr:session_id>/envelope": Access(
        answers(REJECTED, nobody=UNAUTHORIZED), answers(WRONG_METHOD)
    ),
    "api/sessions/<uuidstr:session_id>/segments": Access(
        answers(MISSING, nobody=UNAUTHORIZED, provider=FORBIDDEN), answers(REJECTED, nobody=UNAUTHORIZED)
    ),
    "api/sign-in/login": OPEN_CALL,
    "api/sign-in/2fa/authenticate": Access(answers(WRONG_METHOD), NO_DEVICE),
    # A code that nobody waits for.
    "api/sign-in/email/verify": Access(answers(WRONG_METHOD), answers(CONFLICT)),
    # Of a phone: a browser's sign-in is none.
    "api/sign-in/session": Access(NO_DEVICE, answers(WRONG_METHOD)),
    "api/sync": Access(NO_DEVICE, answers(WRONG_METHOD)),
    "api/token": OPEN_CALL,
    # the admin
    "admin/login/": Access(
        signed_in(FORBIDDEN, support=MOVED),
        signed_in(FORBIDDEN, support=MOVED),
    ),
}


def access(route: str) -> Access | None:
    if route in TABLE:
        return TABLE[route]
    # Whatever it is, the way to it leads over the admin's own door.
    return ADMIN if route.startswith("admin/") else None


@pytest.fixture(scope="module")
def house(django_db_setup, django_db_blocker) -> Iterator[tuple[dict[str, str], dict[str, Client]]]:
    with kept(django_db_blocker):
        clinic = cast.make_organization("Lakeside Clinic")
        people = {
            "colleague": cast.colleague_of(clinic),
            "admin": cast.admin_of(clinic),
            "patient": cast.patient_of(clinic),
            "outsider": cast.outsider(),
            "support": cast.support(),
            # The owner comes last, since a POST may change what the others ask for.
            "provider": cast.provider_of(clinic),
        }
        clients = {"nobody": Client()}
        for role, person in people.items():
            clients[role] = Client()
            clients[role].force_login(person)
        yield _owned(people["provider"], clinic, people["patient"]), clients


@pytest.fixture
def owned(house, db) -> dict[str, str]:
    """What stands in the addresses: the provider's device and session, their clinic and its patient."""
    return house[0]


@pytest.fixture
def clients(house, db) -> dict[str, Client]:
    """One client for each role."""
    return fresh(house[1])


def _owned(provider: Person, clinic: Organization, patient: Person) -> dict[str, str]:
    device = Device.objects.create(
        identifier_hash="0" * 64,
        owner_person=provider,
        model="iPhone 15 Pro",
        device_type=DeviceType.PHONE,
        platform=Platform.IOS,
        os_version="17.4",
        app_version="3.2.0",
    )
    now = timezone.now()
    authorization = DeviceAuthorization.objects.create(account=provider, device=device, activated_at=now)
    fleet.device_changed(device.pk)
    visit = Visit.objects.create(
        name="Morning round",
        code="ABCDEF",
        mode=Visit.Mode.SHARED_DEVICE,
        host=provider,
        authorization=authorization,
        expires_at=now + dt.timedelta(hours=8),
    )
    version = care.make_questionnaire(clinic)
    enrollment = care.enroll(patient.memberships.get(), version)
    return {
        "authorization_id": str(authorization.pk),
        "session_id": str(visit.pk),
        "slug": clinic.slug,
        "person_id": str(patient.pk),
        "questionnaire_id": str(version.questionnaire_id),
        "enrollment_id": str(enrollment.pk),
        "response_id": str(care.receive(patient, version).pk),
        "app_label": "audit",
    }


def address(route: str, owned: dict[str, str]) -> str:
    """The route with the provider's things in it, and something that nobody has elsewhere."""
    return "/" + re.sub(
        r"\(\?P<(\w+)>[^()]*\)|<(?:\w+:)?(\w+)>",
        lambda found: owned.get(found[1] or found[2], str(uuid.UUID(int=7))),
        route,
    ).replace("^", "").removesuffix("$")


def body_of(route: str) -> dict[str, str]:
    """An empty body of the form that the route takes."""
    return {"data": "{}", "content_type": "application/json"} if route.startswith("api/") else {}


def meaning(response) -> str:
    if response.status_code == 302 and response["Location"].startswith("/accounts/login/"):
        return SIGN_IN
    return STATUSES.get(response.status_code, str(response.status_code))


def test_every_route_is_declared():
    assert [route for route in routes() if access(route) is None] == []
    assert sorted(TABLE.keys() - set(routes())) == []


@pytest.mark.parametrize("route", [route for route in routes() if access(route)])
def test_each_role_gets_the_declared_answer(route, owned, clients):
    path = address(route, owned)
    declared = access(route)

    assert {role: meaning(client.get(path)) for role, client in clients.items()} == declared.get
    posted = {role: meaning(client.post(path, **body_of(route))) for role, client in clients.items()}
    assert posted == declared.post


def test_no_other_method_gets_further_than_a_post(owned, clients):
    further = [
        (route, method, role)
        for route in routes()
        for method in ("put", "patch", "delete")
        for role, client in clients.items()
        if meaning(getattr(client, method)(address(route, owned), **body_of(route))) == OK
        and access(route).post[role] != OK
    ]
    assert further == []


def test_a_post_without_the_csrf_token_is_refused(owned, clients):
    client = Client(enforce_csrf_checks=True)
    client.cookies = clients["provider"].cookies

    # What a payment service sends is signed instead, and so is what a mailbox's provider posts to; nothing
    # is behind allauth's own pages of passkeys.
    others = ("api/", "billing/webhooks/", "unsubscribe/", "accounts/2fa/webauthn/keys/<int:pk>/")
    pages = [route for route in routes() if not route.startswith(others)]
    assert [route for route in pages if meaning(client.post(address(route, owned))) != FORBIDDEN] == []
