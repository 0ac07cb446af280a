"""How a browser reaches every page of the portal.

A route of the URL resolver that no table here knows fails the run: a new page is
looked at in both themes and at both widths from its first day on.
"""

import base64
import hashlib
import hmac
import re
import secrets
import struct
from collections.abc import Callable

import httpx2
from playwright.sync_api import Page

from devices.deep_link import open_link
from tests.browser import sessions
from tests.browser.mails import mailed_link
from tests.browser.portal import PASSWORD, Portal
from tests.browser.waiting import PATIENCE
from tests.routes import routes

NOBODY = ""
PROVIDER = "provider@clinic.example"
ADMIN = "admin@clinic.example"
# Gets passkeys, wherever one is looked at.
COLLEAGUE = "colleague@clinic.example"
SOLO = "solo@demo.example"
TRIAL = "trial@demo.example"
# Has not paid the last invoice.
OVERDUE = "overdue@demo.example"
PATIENT = "patient@clinic.example"
# Works in two organizations.
LOCUM = "locum@demo.example"
# Has as many places for devices as they like.
UNLIMITED = "admin@hospital.example"
# Has a second factor: the tests enrol one.
SUPPORT = "support@demo.example"
AUDITORS_ALONE = ("admin/outbox/jobrun/",)
# Nobody is listed there unasked.
DESK_SEARCHES = {
    "admin/accounts/person/": "?q=solo@demo.example",
    "admin/devices/device/": "?q=solo@demo.example",
    "admin/devices/deviceauthorization/": "?q=solo@demo.example",
    "admin/orgs/membership/": "?q=provider@clinic.example",
    "admin/billing/subscription/": "?q=solo@demo.example",
    "admin/billing/invoice/": "?q=solo@demo.example",
}

# The route is the address; who looks at it.
PLAIN = {
    "": [PROVIDER, TRIAL, PATIENT],
    "accessibility/": [NOBODY, PROVIDER],
    "accounts/3rdparty/": [PROVIDER],
    "accounts/3rdparty/login/cancelled/": [NOBODY],
    "accounts/2fa/reauthenticate/": [SUPPORT],
    "accounts/2fa/recovery-codes/": [SUPPORT],
    "accounts/2fa/recovery-codes/generate/": [SUPPORT],
    "accounts/2fa/totp/activate/": [SOLO],
    "accounts/2fa/totp/deactivate/": [SUPPORT],
    "accounts/2fa/webauthn/add/": [SOLO, SUPPORT],
    "accounts/email/": [PROVIDER],
    "accounts/inactive/": [NOBODY],
    "accounts/login/": [NOBODY],
    "accounts/logout/": [PROVIDER],
    "accounts/password/change/": [PROVIDER],
    "accounts/password/reset/": [NOBODY],
    "accounts/password/reset/done/": [NOBODY],
    "accounts/password/reset/key/done/": [NOBODY],
    "accounts/reauthenticate/": [PROVIDER],
    "accounts/sign-in-again/": [PROVIDER],
    "accounts/signup/": [NOBODY],
    "admin/": [SUPPORT],
    "api/docs": [NOBODY],
    "billing/": [SOLO, ADMIN, TRIAL, OVERDUE],
    "billing/cancellation/": [SOLO],
    "billing/details/": [SOLO],
    "billing/invoices/": [SOLO, TRIAL],
    "billing/payment-method/": [SOLO],
    "billing/plans/": [SOLO, TRIAL],
    "billing/resumption/": [SOLO],
    "join/": [NOBODY, PROVIDER],
    "organization/": [SOLO],
    "organizations/new/": [SOLO],
    "sessions/": [PROVIDER, PATIENT],
    "sessions/invitations/": [TRIAL],
    "sessions/new/": [PROVIDER, SOLO],
    "settings/": [PROVIDER],
    "settings/activity/": [PROVIDER],
    "settings/devices/": [PROVIDER, TRIAL],
    "settings/devices/authentication/": [SOLO, TRIAL],
    "settings/devices/keys/": [PROVIDER, SOLO],
    "settings/notifications/": [PROVIDER, TRIAL],
    "settings/organization-view/": [PROVIDER, PATIENT, SOLO],
    "settings/security/": [PROVIDER, SUPPORT],
    "settings/security/device-confirmation/": [PROVIDER],
    "settings/security/second-factor/": [SOLO],
    "settings/security/sign-out-everywhere/": [PROVIDER],
}

# One page with two addresses: which of them one is led to depends on one's factors.
SAME_QUESTION = {"accounts/2fa/reauthenticate/": "accounts/reauthenticate/"}

CLINIC_DEVICES = "organizations/fernbrook-clinic/devices/"
CLINIC_BILLING = "organizations/fernbrook-clinic/billing/"
HOSPITAL_DEVICES = "organizations/hollin-hill-hospital/devices/"
# Was asked to let a device of theirs into the hospital's pool.
ASKED = "imre.castellow@hospital.example"

# The address is that of the first link of this route on another page.
LINKED = {
    "organizations/<slug:slug>/": (ADMIN, "organization/"),
    "organizations/<slug:slug>/audit/": (ADMIN, "organization/"),
    "billing/plans/<slug:code>/": (TRIAL, "billing/plans/"),
    "organizations/<slug:slug>/billing/": (ADMIN, "organization/"),
    "organizations/<slug:slug>/billing/cancellation/": (ADMIN, CLINIC_BILLING),
    "organizations/<slug:slug>/billing/details/": (ADMIN, CLINIC_BILLING),
    "organizations/<slug:slug>/billing/invoices/": (ADMIN, CLINIC_BILLING),
    "organizations/<slug:slug>/billing/payment-method/": (ADMIN, CLINIC_BILLING),
    "organizations/<slug:slug>/billing/plans/": (ADMIN, CLINIC_BILLING),
    "organizations/<slug:slug>/billing/plans/<slug:code>/": (ADMIN, f"{CLINIC_BILLING}plans/"),
    "organizations/<slug:slug>/billing/seats/": (ADMIN, CLINIC_BILLING),
    "organizations/<slug:slug>/devices/": (ADMIN, "organization/"),
    "organizations/<slug:slug>/devices/<uuid:authorization_id>/": (ADMIN, CLINIC_DEVICES),
    "organizations/<slug:slug>/devices/<uuid:authorization_id>/revocation/": (ADMIN, CLINIC_DEVICES),
    "organizations/<slug:slug>/devices/<uuid:authorization_id>/allowance/": (ADMIN, CLINIC_DEVICES),
    "organizations/<slug:slug>/devices/pool/<uuid:device_id>/": (UNLIMITED, HOSPITAL_DEVICES),
    "organizations/<slug:slug>/devices/pool/<uuid:device_id>/revocation/": (UNLIMITED, HOSPITAL_DEVICES),
    "organizations/<slug:slug>/policies/": (ADMIN, "organization/"),
    "settings/devices/pool-requests/<uuid:request_id>/": (ASKED, "settings/devices/"),
    "organizations/<slug:slug>/leaving/": (PROVIDER, "organization/"),
    "organizations/<slug:slug>/members/": (ADMIN, "organization/"),
    "organizations/<slug:slug>/members/invitations/new/": (ADMIN, "organization/"),
    "organizations/<slug:slug>/settings/": (ADMIN, "organization/"),
    "sessions/<uuid:session_id>/": (PROVIDER, "sessions/"),
    "organizations/<slug:slug>/patients/": (PROVIDER, "organization/"),
    "organizations/<slug:slug>/patients/new/": (PROVIDER, "organizations/fernbrook-clinic/patients/"),
    "organizations/<slug:slug>/questionnaires/": (PROVIDER, "organization/"),
    "organizations/<slug:slug>/questionnaires/new/": (
        ADMIN,
        "organizations/fernbrook-clinic/questionnaires/",
    ),
    "settings/devices/<uuid:authorization_id>/": (PROVIDER, "settings/devices/"),
    "settings/devices/<uuid:authorization_id>/revocation/": (PROVIDER, "settings/devices/"),
}

# The admin's lists and what they list, as far as support may see it.
for route in routes():
    if (model := route.removesuffix("<path:object_id>/change/")) != route:
        if model in ("admin/billing/gatewayevent/", "admin/outbox/service/"):
            # The demonstration pays by invoice: no gateway tells anything. And no service is away.
            PLAIN[model] = [SUPPORT]
        elif not model.startswith(AUDITORS_ALONE):
            PLAIN[model] = [SUPPORT]
            LINKED[route] = (SUPPORT, model + DESK_SEARCHES.get(model, ""))
    elif route.startswith("admin/^(?P<app_label>"):
        LINKED[route] = (SUPPORT, "admin/")

# Support's page of a person, and what it leads to.
ONE_PERSON = "admin/accounts/person/<uuid:person_id>/"
LINKED[f"{ONE_PERSON}change/"] = (SUPPORT, "admin/accounts/person/?q=solo@demo.example")
LINKED[f"{ONE_PERSON}sign-outs/"] = (SUPPORT, f"{ONE_PERSON}change/")
LINKED["admin/devices/deviceauthorization/<uuid:authorization_id>/revocation/"] = (
    SUPPORT,
    f"{ONE_PERSON}change/",
)

# Routes that show no page of their own, and why.
NO_PAGE = {
    "dev/mails/": "for developers, with DEBUG alone",
    "dev/mails/<slug:name>/": "for developers, with DEBUG alone",
    "dev/mails/<slug:name>/html/": "for developers, with DEBUG alone",
    f"{ONE_PERSON}verification/": "asks as the end of all sign-ins does",
    f"{ONE_PERSON}factor-removal/": "asks as the end of all sign-ins does",
    f"{ONE_PERSON}sessions/": "asks as the end of all sign-ins does",
    "admin/orgs/organization/<uuid:organization_id>/sessions/": "asks as the end of all sign-ins does",
    "admin/billing/invoice/<uuid:invoice_id>/payment/": "asks as the end of all sign-ins does",
    "admin/billing/invoice/<uuid:invoice_id>/credit/": "asks as the end of all sign-ins does",
    "admin/devices/deviceauthorization/<uuid:authorization_id>/allowance/": "asks as its revocation does",
    "admin/outbox/delivery/<uuid:delivery_id>/sending/": "asks as the end of all sign-ins does",
    "accounts/2fa/webauthn/": "leads to Security",
    "accounts/2fa/webauthn/keys/<int:pk>/edit/": "leads to Security",
    "accounts/2fa/webauthn/keys/<int:pk>/remove/": "leads to Security",
    "accounts/2fa/webauthn/login/": "JSON, and is posted to",
    "accounts/time-left/": "JSON",
    "settings/security/browsers/<uuid:browser_id>/forgetting/": "is posted to",
    "billing/invoices/<uuid:invoice_id>/": "a PDF file",
    "organizations/<slug:slug>/billing/invoices/<uuid:invoice_id>/": "a PDF file",
    "organizations/<slug:slug>/devices/export/": "a CSV file",
    "organizations/<slug:slug>/devices/pool-requests/<uuid:request_id>/withdrawal/": "is posted to",
    "organizations/<slug:slug>/devices/revocations/": "is posted to",
    "organizations/<slug:slug>/devices/revocations/<uuid:revocation_id>/state/": "JSON",
    "accounts/2fa/": "leads to Security",
    "accounts/3rdparty/login/error/": "of other providers; ours has its page at its own address",
    "accounts/3rdparty/signup/": "what a provider does not tell: tests/browser/test_single_sign_on.py",
    "accounts/oidc/<slug:provider_id>/login/": "needs a provider: tests/browser/test_single_sign_on.py",
    "accounts/oidc/<slug:provider_id>/login/callback/": "leads on",
    "accounts/2fa/recovery-codes/download/": "a text file",
    "accounts/login/code/confirm/": "signing in by code is off",
    "accounts/password/set/": "everybody has a password",
    "accounts/sessions/": "leads to Security",
    "accounts/step-up/": "leads to what is missing",
    ".well-known/security.txt": "a text file",
    ".well-known/audit-key": "a text file",
    "settings/activity/export/": "a file",
    "healthz": "for probes",
    "billing/webhooks/stripe/": "for Stripe",
    "billing/stripe/return/": "leads on to a page",
    "organizations/<slug:slug>/audit/export/": "a file",
    "organizations/<slug:slug>/questionnaires/<uuid:questionnaire_id>/publication/": "is posted to",
    "organizations/<slug:slug>/members/invitations/<uuid:invitation_id>/sending/": "is posted to",
    "join/<str:code>/": "the page of join/, with the code filled in",
    "readyz": "for probes",
    "sessions/<uuid:session_id>/invitations/<uuid:invitation_id>/sending/": "is posted to",
    "sessions/<uuid:session_id>/invitations/<uuid:invitation_id>/withdrawal/": "is posted to",
    "sessions/<uuid:session_id>/token/": "JSON",
    "sessions/invitations/<str:token>/declining/": "is posted to",
    "sessions/export/": "a CSV file",
    "settings/devices/<uuid:authorization_id>/authentication/confirmation/": "is posted to",
    "settings/devices/<uuid:authorization_id>/authentication/sending/": "is posted to",
    "settings/devices/<uuid:authorization_id>/authentication/state/": "JSON",
    "settings/notifications/this-browser/": "needs a push service: tests/browser/test_web_push.py",
    "settings/notifications/this-browser/subscription/": "is posted to",
    "settings/notifications/this-browser/subscription/ending/": "is posted to",
    "settings/notifications/this-browser/subscription/renewal/": "JSON",
    "push-worker.js": "a script",
    "settings/security/browsers/<slug:reference>/sign-out/": "is posted to",
    "user-profile": "leads to Connected Devices",
}
NO_PAGE_PATTERNS = {
    r"organizations/<slug:slug>/patients/<uuid:\w+>/(enrollments/.*|devices/.*/allowance/)": "posted to",
    r"api/(?!docs).*": "JSON",
    r"accounts/social/.*": "allauth's addresses of earlier",
    r"admin/.*/(add|<path:object_id>/(history|delete))/": "staff add and delete nothing; history is ours",
    r"admin/.*<path:object_id>/": "leads to the page of the object",
    r"admin/(login|logout|password_change(/done)?|autocomplete|jsi18n)/": "the admin's door is ours",
    r"admin/(audit|outbox/jobrun)/.*": "for auditors",
    r"admin/billing/gatewayevent/<path:object_id>/change/": "no gateway tells the demonstration anything",
    r"admin/outbox/service/<path:object_id>/change/": "no service is away in the demonstration",
    r"admin/\(\?P<url>.*": "whatever else: a 404",
}


def reset_form(page: Page, portal: Portal) -> None:
    """The form behind the link of a mail."""
    page.goto(f"{portal.url}/accounts/password/reset/")
    page.get_by_label("Email").fill(SOLO)
    page.get_by_role("main").get_by_role("button").first.click()
    page.goto(mailed_link(portal, r"/accounts/password/reset/key/\S+"))


def confirmation_of_an_address(page: Page, portal: Portal) -> None:
    """The form that asks for the code from a mail."""
    page.goto(f"{portal.url}/accounts/signup/")
    for label, text in {"First name": "Nora", "Last name": "New", "Email": "nora@people.example"}.items():
        page.get_by_label(label).fill(text)
    for field in page.locator("input[type=password]").all():
        field.fill(PASSWORD)
    page.get_by_role("main").get_by_role("button").first.click()
    page.wait_for_url("**/confirm-email/")


def second_step_of_a_sign_in(page: Page, portal: Portal) -> None:
    page.goto(f"{portal.url}/accounts/login/")
    page.fill("input[name=login]", SUPPORT)
    page.fill("input[name=password]", PASSWORD)
    page.get_by_role("main").get_by_role("button", name="Sign In", exact=True).click()
    page.wait_for_url("**/2fa/authenticate/")


def sign_in(page: Page, portal: Portal, person: str) -> None:
    page.goto(f"{portal.url}/accounts/login/")
    page.fill("input[name=login]", person)
    page.fill("input[name=password]", PASSWORD)
    page.get_by_role("main").get_by_role("button", name="Sign In", exact=True).click()
    # Staff are led to setting up a second factor first.
    page.wait_for_url(
        f"{portal.url}/settings/security/second-factor/" if person == SUPPORT else f"{portal.url}/"
    )


# Of who has a passkey, once the first browser made one.
_codes: list[str] = []


def with_passkey(page: Page, portal: Portal) -> None:
    """Somebody signed in who has one: the browser's virtual authenticator makes it."""
    session = page.context.new_cdp_session(page)
    session.send("WebAuthn.enable")
    options = {
        "protocol": "ctap2",
        "transport": "internal",
        "hasResidentKey": True,
        "hasUserVerification": True,
        "isUserVerified": True,
        "automaticPresenceSimulation": True,
    }
    session.send("WebAuthn.addVirtualAuthenticator", {"options": options})
    page.goto(f"{portal.url}/accounts/login/")
    page.fill("input[name=login]", COLLEAGUE)
    page.fill("input[name=password]", PASSWORD)
    page.get_by_role("main").get_by_role("button", name="Sign In", exact=True).click()
    page.wait_for_url(re.compile(r"//[^/]+/(accounts/2fa/authenticate/)?$"))
    if page.url.endswith("/authenticate/"):
        # Another browser has added one, and kept the codes in passing.
        page.locator("input[name=code]").fill(_codes.pop())
        page.get_by_role("button", name="Sign In", exact=True).click()
        page.wait_for_url(f"{portal.url}/")
    page.goto(f"{portal.url}/accounts/2fa/webauthn/add/")
    page.get_by_label("Name").fill("Work laptop")
    page.get_by_role("button", name="Add Passkey").click()
    page.wait_for_url(re.compile(r"/(recovery-codes|settings/security)/$"))
    if page.url.endswith("/recovery-codes/"):
        _codes[:] = page.locator(".codes code").all_inner_texts()


def confirmation_by_passkey(page: Page, portal: Portal) -> None:
    with_passkey(page, portal)
    page.goto(f"{portal.url}/accounts/2fa/webauthn/reauthenticate/")
    page.get_by_role("button", name="Use Passkey").wait_for()


def _page_of_a_passkey(page: Page, portal: Portal, end: str) -> None:
    with_passkey(page, portal)
    page.goto(f"{portal.url}/settings/security/")
    page.locator(f"main a[href^='/settings/security/passkeys/'][href$='{end}/']").first.click()
    page.wait_for_url(f"**/{end}/")


def renaming_of_a_passkey(page: Page, portal: Portal) -> None:
    _page_of_a_passkey(page, portal, "name")


def removal_of_a_passkey(page: Page, portal: Portal) -> None:
    _page_of_a_passkey(page, portal, "removal")


def renaming_of_a_device(page: Page, portal: Portal) -> None:
    sign_in(page, portal, PROVIDER)
    page.goto(f"{portal.url}/settings/devices/")
    page.locator(".is-devices tbody a").first.click()
    page.goto(portal.url + page.get_by_role("link", name="Rename").get_attribute("href"))


def receipt_of_a_revocation(page: Page, portal: Portal) -> None:
    """Of a device that the demonstration has revoked."""
    sign_in(page, portal, PROVIDER)
    page.goto(f"{portal.url}/settings/devices/")
    page.locator(".is-devices tbody tr", has_text="revoked by you").locator("a").first.click()
    page.get_by_role("link", name="Receipt").click()
    page.wait_for_url("**/receipt/")


def ending_of_a_session(page: Page, portal: Portal) -> None:
    sign_in(page, portal, PROVIDER)
    page.goto(f"{portal.url}/sessions/new/")
    page.get_by_label("Session Name").fill("Morning round")
    page.get_by_role("button", name="Start session").click()
    page.goto(portal.url + page.get_by_role("link", name="End session").get_attribute("href"))


def invitations_to_a_session(page: Page, portal: Portal) -> None:
    sign_in(page, portal, UNLIMITED)
    sessions.start_session(page, portal)
    page.goto(portal.url + page.get_by_role("link", name="Invite a colleague").get_attribute("href"))
    page.get_by_label("E-mail address of your colleague").fill(SOLO)
    page.get_by_role("button", name="Send invitation").click()
    page.get_by_text("is on its way").wait_for()


def invitation_to_a_session(page: Page, portal: Portal) -> None:
    """As somebody reads it who is not signed in."""
    invitations_to_a_session(page, portal)
    link = mailed_link(portal, r"/sessions/invitations/[\w-]+/")
    page.context.clear_cookies()
    page.goto(link)


def standing_of_a_link(page: Page, portal: Portal) -> None:
    """What is left to see of a link that was shown before."""
    sign_in(page, portal, UNLIMITED)
    link_dialog(page, portal)
    page.goto(portal.url + page.locator("dialog [data-page]").get_attribute("data-page"))


def _from_members(page: Page, portal: Portal, *names: str) -> None:
    """Along these links, from the list of members on."""
    sign_in(page, portal, ADMIN)
    page.goto(f"{portal.url}/organization/")
    for name in ("Members", *names):
        link = page.get_by_role("main").get_by_role("link", name=name).first
        page.goto(portal.url + link.get_attribute("href"))


def role_of_a_member(page: Page, portal: Portal) -> None:
    _from_members(page, portal, "Change role")


def removal_of_a_member(page: Page, portal: Portal) -> None:
    _from_members(page, portal, "Remove")


def open_invitations(page: Page, portal: Portal) -> None:
    _from_members(page, portal, "Open invitations")


def taking_back_of_one(page: Page, portal: Portal) -> None:
    _from_members(page, portal, "Open invitations", "Withdraw")


def list_of_people(page: Page, portal: Portal) -> None:
    _from_members(page, portal, "Invite from a list")


def handover_of_a_role(page: Page, portal: Portal) -> None:
    _from_members(page, portal)
    page.goto(f"{page.url}handover/")


def mailed_invitation(page: Page, portal: Portal) -> None:
    page.goto(mailed_link(portal, r"/invitations/[\w-]{20,}/"))


def mailed_alert(page: Page, portal: Portal) -> None:
    """The question behind the link "This wasn't me"."""
    for _ in range(2):
        sign_in(elsewhere(page), portal, LOCUM)
    page.goto(mailed_link(portal, r"/alerts/[\w-]+/"))


def unsubscribing(page: Page, portal: Portal) -> None:
    """The question behind the link of a session's summary."""
    sign_in(page, portal, UNLIMITED)
    sessions.start_session(page, portal)
    sessions.end(page)
    page.goto(mailed_link(portal, r"/unsubscribe/\S+", to=UNLIMITED))


def sign_up_by_invitation(page: Page, portal: Portal) -> None:
    mailed_invitation(page, portal)
    page.get_by_role("link", name="Sign up and accept").click()


def one_patient(page: Page, portal: Portal) -> None:
    """One who has a device and has answered."""
    sign_in(page, portal, ADMIN)
    page.goto(f"{portal.url}/organizations/fernbrook-clinic/patients/?q=Hanna")
    page.get_by_role("link", name="Hanna").click()
    page.get_by_role("heading", name="Answers").wait_for()


def details_of_a_patient(page: Page, portal: Portal) -> None:
    one_patient(page, portal)
    page.goto(portal.url + page.get_by_role("link", name="Edit details").get_attribute("href"))


def answers_of_a_patient(page: Page, portal: Portal) -> None:
    one_patient(page, portal)
    page.get_by_role("link", name="Morning diary").first.click()
    page.get_by_role("heading", name="About these answers").wait_for()


def link_for_a_patient(page: Page, portal: Portal) -> None:
    one_patient(page, portal)
    page.goto(portal.url + page.get_by_role("link", name="Authenticate Device").get_attribute("href"))


def revocation_of_a_patients_device(page: Page, portal: Portal) -> None:
    one_patient(page, portal)
    page.goto(portal.url + page.get_by_role("link", name="Revoke").first.get_attribute("href"))


def one_questionnaire(page: Page, portal: Portal) -> None:
    sign_in(page, portal, ADMIN)
    page.goto(f"{portal.url}/organizations/fernbrook-clinic/questionnaires/")
    page.get_by_role("link", name="Morning diary").click()
    page.get_by_role("heading", name="Versions").wait_for()


def next_version(page: Page, portal: Portal) -> None:
    one_questionnaire(page, portal)
    page.get_by_role("link", name="Write the next version").click()
    page.wait_for_url("**/draft/")


def retirement_of_one(page: Page, portal: Portal) -> None:
    one_questionnaire(page, portal)
    page.goto(portal.url + page.get_by_role("link", name="Retire").get_attribute("href"))


def pooling_of_a_device(page: Page, portal: Portal) -> None:
    sign_in(page, portal, UNLIMITED)
    page.goto(f"{portal.url}/{HOSPITAL_DEVICES}?pooled=no&platform=ios&status=active")
    page.goto(portal.url + page.locator(".is-fleet .is-device a").first.get_attribute("href"))
    page.goto(page.url + "pooling/")


def pooled_device(page: Page, portal: Portal, link: str) -> None:
    sign_in(page, portal, UNLIMITED)
    page.goto(f"{portal.url}/{HOSPITAL_DEVICES}?pooled=yes&status=active")
    page.locator(".is-fleet .is-device a").first.click()
    page.goto(portal.url + page.get_by_role("link", name=link).get_attribute("href"))


def place_of_a_pooled_device(page: Page, portal: Portal) -> None:
    pooled_device(page, portal, "Change place")


def return_of_a_pooled_device(page: Page, portal: Portal) -> None:
    pooled_device(page, portal, "Give back")


def allowance_of_a_pooled_device(page: Page, portal: Portal) -> None:
    """Of one that is revoked for it, unless one is."""
    sign_in(page, portal, UNLIMITED)
    page.goto(f"{portal.url}/{HOSPITAL_DEVICES}?pooled=yes&sort=-status")
    if not page.get_by_role("link", name="Allow again").count():
        page.goto(portal.url + page.get_by_role("link", name="Revoke").first.get_attribute("href"))
        page.get_by_role("button", name="Revoke").click()
        page.goto(f"{portal.url}/{HOSPITAL_DEVICES}?pooled=yes&sort=-status")
    page.goto(portal.url + page.get_by_role("link", name="Allow again").first.get_attribute("href"))


def revocation_of_several(page: Page, portal: Portal) -> None:
    sign_in(page, portal, UNLIMITED)
    page.goto(f"{portal.url}/{HOSPITAL_DEVICES}")
    page.get_by_label("Select this page").check()
    page.get_by_role("button", name="Revoke selected").click()
    page.get_by_role("heading", name="Revoke").first.wait_for()


def keeping_of_a_plan(page: Page, portal: Portal) -> None:
    sign_in(page, portal, UNLIMITED)
    billing = f"{portal.url}/organizations/hollin-hill-hospital/billing/"
    page.goto(f"{billing}cancellation/")
    page.get_by_role("main").get_by_role("button", name="Cancel Enterprise").click()
    page.get_by_role("main").get_by_role("link", name="Keep Enterprise").click()
    page.get_by_role("heading", name="Keep Enterprise?").wait_for()


# Pages that one has to act for; by nobody who is signed in.
REACHED: dict[str, Callable[[Page, Portal], None]] = {
    "organizations/<slug:slug>/billing/resumption/": keeping_of_a_plan,
    "organizations/<slug:slug>/devices/<uuid:authorization_id>/pooling/": pooling_of_a_device,
    "organizations/<slug:slug>/devices/pool/<uuid:device_id>/place/": place_of_a_pooled_device,
    "organizations/<slug:slug>/devices/pool/<uuid:device_id>/return/": return_of_a_pooled_device,
    "organizations/<slug:slug>/devices/pool/<uuid:device_id>/allowance/": allowance_of_a_pooled_device,
    "organizations/<slug:slug>/devices/revocations/<uuid:revocation_id>/": revocation_of_several,
    "accounts/2fa/authenticate/": second_step_of_a_sign_in,
    "accounts/2fa/webauthn/reauthenticate/": confirmation_by_passkey,
    "settings/security/passkeys/<slug:reference>/name/": renaming_of_a_passkey,
    "settings/security/passkeys/<slug:reference>/removal/": removal_of_a_passkey,
    "accounts/confirm-email/": confirmation_of_an_address,
    "organizations/<slug:slug>/patients/<uuid:person_id>/": one_patient,
    "organizations/<slug:slug>/patients/<uuid:person_id>/answers/<uuid:response_id>/": answers_of_a_patient,
    "organizations/<slug:slug>/patients/<uuid:person_id>/authentication/": link_for_a_patient,
    "organizations/<slug:slug>/patients/<uuid:person_id>/details/": details_of_a_patient,
    "organizations/<slug:slug>/patients/<uuid:person_id>/devices/<uuid:authorization_id>/revocation/": (
        revocation_of_a_patients_device
    ),
    "organizations/<slug:slug>/questionnaires/<uuid:questionnaire_id>/": one_questionnaire,
    "organizations/<slug:slug>/questionnaires/<uuid:questionnaire_id>/draft/": next_version,
    "organizations/<slug:slug>/questionnaires/<uuid:questionnaire_id>/retirement/": (retirement_of_one),
    "alerts/<str:token>/": mailed_alert,
    "unsubscribe/<str:token>/": unsubscribing,
    "invitations/<str:token>/": mailed_invitation,
    "invitations/<str:token>/sign-up/": sign_up_by_invitation,
    "organizations/<slug:slug>/members/<uuid:membership_id>/removal/": removal_of_a_member,
    "organizations/<slug:slug>/members/<uuid:membership_id>/role/": role_of_a_member,
    "organizations/<slug:slug>/members/handover/": handover_of_a_role,
    "organizations/<slug:slug>/members/invitations/": open_invitations,
    "organizations/<slug:slug>/members/invitations/<uuid:invitation_id>/withdrawal/": taking_back_of_one,
    "organizations/<slug:slug>/members/invitations/list/": list_of_people,
    "sessions/<uuid:session_id>/ending/": ending_of_a_session,
    "sessions/<uuid:session_id>/invitations/": invitations_to_a_session,
    "sessions/invitations/<str:token>/": invitation_to_a_session,
    "settings/devices/<uuid:authorization_id>/authentication/": standing_of_a_link,
    "settings/devices/<uuid:authorization_id>/name/": renaming_of_a_device,
    "settings/devices/<uuid:authorization_id>/revocation/receipt/": receipt_of_a_revocation,
    "accounts/^password/reset/key/(?P<uidb36>[0-9A-Za-z]+)-(?P<key>.+)/$": reset_form,
}


def new_device_link(page: Page, portal: Portal) -> None:
    page.goto(f"{portal.url}/settings/devices/authentication/")
    page.get_by_role("button", name="Make the link").click()
    page.get_by_label("The same as a link").wait_for()


def authentication_dialog(page: Page, portal: Portal) -> None:
    page.goto(f"{portal.url}/settings/devices/")
    page.get_by_role("main").get_by_role("link", name="Authenticate Device").first.click()
    page.get_by_role("dialog").wait_for()


def link_dialog(page: Page, portal: Portal) -> str:
    """The dialog with a new link; returns that."""
    authentication_dialog(page, portal)
    page.get_by_role("button", name="Make the link").click()
    return page.get_by_label("The same as a link").input_value()


def digits_dialog(page: Page, portal: Portal) -> str:
    """The dialog that asks for the digits of a device; returns those."""
    page.goto(f"{portal.url}/settings/security/device-confirmation/")
    button = page.get_by_role("main").get_by_role("button", name="Confirm by digits")
    if button.count():
        button.click()
    asked = use_link(portal, link_dialog(page, portal))
    page.get_by_role("group", name="Pick the digits that the device shows").wait_for()
    return asked["digits"]


def use_link(portal: Portal, link: str, *, model: str = "Pixel 8") -> dict:
    """Sign a device in with a link, without waiting for what comes after; the portal's answer."""
    keys = [base64.b64decode(key, "-_") for key in portal.environment["CRYPTO_KEY"].split(",")]
    device = {
        "device_id": secrets.token_urlsafe(24),
        "model": model,
        "device_type_id": "phone",
        "platform": "android",
        "os_version": "14",
        "app_version": "3.2.0",
    }
    body = {"token": open_link(link, keys)["token"], "device": device}
    return httpx2.post(f"{portal.url}/api/device-login", json=body).raise_for_status().json()


def columns_menu(page: Page, portal: Portal) -> None:
    page.goto(f"{portal.url}/settings/devices/")
    page.get_by_role("button", name="Columns").click()


def no_device_found(page: Page, portal: Portal) -> None:
    page.goto(f"{portal.url}/settings/devices/?q=nothing-of-this-name")


def preview_of_a_list(page: Page, portal: Portal) -> None:
    page.goto(f"{portal.url}/organization/")
    page.goto(f"{page.url}members/invitations/list/")
    page.get_by_label("Or type or paste the list").fill("new@clinic.example\nnobody\nprovider@clinic.example")
    page.get_by_role("button", name="Look at the list").click()
    page.get_by_text("This is no email address").wait_for()


def no_invitation(page: Page, portal: Portal) -> None:
    page.goto(f"{portal.url}/invitations/{'A' * 43}/")


def organizations_menu(page: Page, portal: Portal) -> None:
    page.goto(f"{portal.url}/organization/")
    page.get_by_role("button", name="Change organization").click()


def revocation_dialog(page: Page, portal: Portal) -> None:
    page.goto(f"{portal.url}/settings/devices/")
    page.get_by_role("main").get_by_role("link", name="Revoke").first.click()
    page.get_by_role("dialog").wait_for()


def account_menu(page: Page, portal: Portal) -> None:
    page.goto(portal.url)
    page.locator("button.account").click()


def rejected_form(page: Page, portal: Portal) -> None:
    page.goto(f"{portal.url}/accounts/password/change/")
    for number, field in enumerate(page.locator("main input[type=password]").all()):
        field.fill(f"wrong {number}")
    page.get_by_role("main").get_by_role("button").first.click()
    page.locator("[aria-invalid=true]").first.wait_for()


def unknown_address(page: Page, portal: Portal) -> None:
    page.goto(f"{portal.url}/nowhere/")


def forbidden_address(page: Page, portal: Portal) -> None:
    page.goto(f"{portal.url}/admin/login/")


def elsewhere(page: Page) -> Page:
    """Somebody else's browser."""
    context = page.context.browser.new_context(reduced_motion="reduce")
    context.set_default_timeout(PATIENCE * 1000)
    return context.new_page()


def somebody_at_the_door(page: Page, portal: Portal) -> None:
    code = sessions.start_session(page, portal)
    sessions.ask_in(elsewhere(page), portal, code)
    sessions.digits(page)


def room_where_one_waits(page: Page, portal: Portal) -> None:
    host = elsewhere(page)
    sign_in(host, portal, UNLIMITED)
    sessions.ask_in(page, portal, sessions.start_session(host, portal))
    sessions.digits(page)


def conversation(page: Page, portal: Portal) -> None:
    guest = elsewhere(page)
    sessions.meet(page, guest, portal)
    sessions.say(guest, "I have slept badly.")
    sessions.say(page, "Since when?")
    sessions.part(page, "slept badly").wait_for()
    sessions.sent(page, "Since when?")


def speakers_on_one_screen(page: Page, portal: Portal) -> None:
    sessions.start_session(page, portal, mode="Shared Device")
    page.get_by_text("Add a speaker").click()
    page.get_by_label("Name").fill("Anna Kowalska")
    page.get_by_role("button", name="Add", exact=True).click()
    page.get_by_role("radio", name="Anna Kowalska").wait_for()


def transcript(page: Page, portal: Portal) -> None:
    sessions.start_session(page, portal)
    sessions.say(page, "A finding.")
    sessions.sent(page, "A finding.")
    sessions.end(page)


def dictation_dialog(page: Page, portal: Portal) -> None:
    sessions.start_session(page, portal)
    page.get_by_role("button", name="Dictate").click()
    page.get_by_role("dialog").wait_for()


def key_request(page: Page, portal: Portal) -> None:
    other = elsewhere(page)
    sign_in(other, portal, UNLIMITED)
    other.goto(f"{portal.url}/settings/devices/keys/")
    other.get_by_role("button", name="Ask", exact=True).click()
    # What answers is a device itself.
    sessions.start_session(page, portal)
    page.goto(f"{portal.url}/settings/devices/keys/")
    page.get_by_role("button", name="Compare digits").first.click()
    sessions.digits(page)


def naming_of_a_bought_organization(page: Page, portal: Portal) -> None:
    page.goto(f"{portal.url}/billing/plans/team/")
    page.get_by_role("button", name="Buy Team").wait_for()


def price_of_seats(page: Page, portal: Portal) -> None:
    page.goto(f"{portal.url}/{CLINIC_BILLING}seats/")
    page.get_by_role("button", name="See what it costs").click()
    page.get_by_role("button", name="Pay for 7 providers").wait_for()


def smaller_plan(page: Page, portal: Portal) -> None:
    page.goto(f"{portal.url}/organizations/hollin-hill-hospital/billing/plans/team/")
    page.get_by_text("What no longer fits").wait_for()


# States of pages that no address leads to.
STATES: dict[str, tuple[str, Callable[[Page, Portal], None]]] = {
    "a session with somebody at the door": (UNLIMITED, somebody_at_the_door),
    "the room where one waits": (NOBODY, room_where_one_waits),
    "a conversation": (UNLIMITED, conversation),
    "a session on one screen": (UNLIMITED, speakers_on_one_screen),
    "a transcript": (UNLIMITED, transcript),
    "the dialog before dictation": (UNLIMITED, dictation_dialog),
    "a request for keys": (UNLIMITED, key_request),
    "the link for a new device": (SOLO, new_device_link),
    "the dialog of Authenticate Device": (UNLIMITED, authentication_dialog),
    "the dialog with a new link": (UNLIMITED, link_dialog),
    "the dialog with the digits of a device": (UNLIMITED, digits_dialog),
    "the menu of columns": (PROVIDER, columns_menu),
    "a search for a device that finds nothing": (PROVIDER, no_device_found),
    "the dialog before a revocation": (PROVIDER, revocation_dialog),
    "the preview of a list of people to invite": (ADMIN, preview_of_a_list),
    "an invitation that is not good": (PROVIDER, no_invitation),
    "the menu of organizations": (LOCUM, organizations_menu),
    "the account menu": (PROVIDER, account_menu),
    "a form with mistakes": (PROVIDER, rejected_form),
    "an unknown address": (PROVIDER, unknown_address),
    "a refusal": (PROVIDER, forbidden_address),
    "the naming of an organization that is bought for": (SOLO, naming_of_a_bought_organization),
    "the price of another seat": (ADMIN, price_of_seats),
    "a change to a smaller plan": (UNLIMITED, smaller_plan),
}


def totp(secret: str, at: float) -> str:
    """The code of an authenticator app (RFC 6238, 30 seconds, 6 digits)."""
    key = base64.b32decode(secret + "=" * (-len(secret) % 8))
    digest = hmac.digest(key, struct.pack(">Q", int(at) // 30), hashlib.sha1)
    offset = digest[-1] & 15
    return f"{(struct.unpack('>I', digest[offset : offset + 4])[0] & 0x7FFFFFFF) % 1_000_000:06}"


def link_pattern(route: str) -> re.Pattern[str]:
    """What the address of a link of this route looks like."""
    shape = route.replace("^", "").removesuffix("$")
    shape = re.sub(r"<uuid:\w+>", "[0-9a-f-]{36}", shape)
    return re.compile(
        "/" + re.sub(r"\(\?P<\w+>([^()]*)\)|<[^>]+>", lambda m: f"(?:{m[1] or '[^/]+'})", shape)
    )
