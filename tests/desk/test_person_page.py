"""Support's page of a person: everything that helps, and nothing that opens anything."""

import uuid

import pytest
from allauth.mfa.models import Authenticator
from django.db import connection
from django.test.utils import CaptureQueriesContext

from devices.models import DeviceAuthorization, Token
from medimic.audit.log import SYSTEM, record
from medimic.audit.models import AuditEvent
from medimic.outbox.mail import enqueue_message
from medimic.outbox.models import Delivery
from tests.cast import join, make_organization
from tests.devices.kit import push, sign_in_device

pytestmark = pytest.mark.django_db


def page_of(person) -> str:
    return f"/admin/accounts/person/{person.pk}/change/"


@pytest.fixture
def outsider(outsider, enrol, sign_in):
    """Somebody with one of everything."""
    outsider.phone_number = "+442079460018"
    outsider.save()
    enrol(outsider)
    sign_in(outsider).get("/settings/security/")
    sign_in_device(outsider, push=push("PLANTED-PUSH"), name="Olga's phone")
    join(make_organization("Riverside"), outsider)
    enqueue_message("tests.mail", to=outsider.email, subject="S", text="PLANTED-BODY", person_id=outsider.pk)
    return outsider


def test_shows_devices_sign_ins_deliveries_plan_organizations_and_the_log(desk, outsider):
    text = desk.get(page_of(outsider)).text
    for shown in (
        outsider.email, "Olga", "authenticator app", "iPhone 15 Pro", "Riverside", "Counts now: Team",
        "tests.mail", "Signed in on", "Devices and authorizations", "Signed in now", "recorded",
    ):  # fmt: skip
        assert shown in text, shown


def test_leads_to_the_page_of_each(desk, outsider):
    event = AuditEvent.objects.filter(person_id=outsider.pk).order_by("-created_at").first()
    text = desk.get(page_of(outsider)).text
    row = outsider.device_authorizations.get()
    delivery = Delivery.objects.filter(person_id=outsider.pk).first()
    for address in (
        f"/admin/devices/deviceauthorization/{row.pk}/change/",
        f"/admin/devices/deviceauthorization/{row.pk}/revocation/",
        f"/admin/outbox/delivery/{delivery.pk}/change/",
        f"/admin/outbox/delivery/?q={outsider.pk}",
        f"/admin/audit/auditevent/{event.pk}/change/",
        f"/admin/audit/auditevent/?q={outsider.pk}",
        f"/admin/orgs/organization/{outsider.memberships.get().organization_id}/change/",
    ):
        assert f'href="{address}"' in text, address
        assert desk.get(address).status_code == 200, address


def test_shows_no_secret_token_hash_or_number(desk, outsider):
    row = outsider.device_authorizations.get()
    factor = Authenticator.objects.filter(user=outsider).first()
    hidden = [
        outsider.password,
        outsider.phone_hash,
        "7946",
        "PLANTED-PUSH",
        "PLANTED-BODY",
        row.device.identifier_hash,
        row.push_hash,
        str(factor.data["secret"]),
        *Token.objects.values_list("hash", flat=True),
    ]
    pages = [
        page_of(outsider),
        f"/admin/devices/deviceauthorization/{row.pk}/change/",
        f"/admin/devices/device/{row.device_id}/change/",
        f"/admin/devices/deviceauthorization/?q={row.pk}",
        f"/admin/accounts/person/?q={outsider.email}",
    ]
    for page in pages:
        answer = desk.get(page)
        assert answer.status_code == 200, page
        for secret in hidden:
            assert secret not in answer.text, (page, secret)


def test_each_look_is_in_the_log_and_the_person_reads_it(desk, support, outsider, sign_in):
    for _time in range(2):
        desk.get(page_of(outsider))
    rows = AuditEvent.objects.filter(kind="desk.viewed", person_id=outsider.pk)
    assert {(row.actor_kind, row.actor_id) for row in rows} == {("staff", support.pk)}
    assert len(rows) == 2
    theirs = sign_in(outsider).get("/settings/activity/").text
    assert "Support looked at: account" in theirs
    assert "Sam" not in theirs


def test_queries_do_not_grow_with_what_the_person_has(desk, outsider):
    def count() -> int:
        with CaptureQueriesContext(connection) as queries:
            assert desk.get(page_of(outsider)).status_code == 200
        return len(queries)

    count()
    few = count()
    organization = make_organization("Many")
    for number in range(60):
        DeviceAuthorization.objects.create(account=outsider, name=f"Many {number}")
        record("tests.one", origin=SYSTEM, person_id=outsider.pk)
        enqueue_message("tests.many", to=outsider.email, subject="S", text="T", person_id=outsider.pk)
    join(organization, outsider)
    assert count() <= few


def test_is_for_support_alone(audit_desk, client, provider, sign_in, outsider):
    assert audit_desk.get(page_of(outsider)).status_code == 403
    assert client.get(page_of(outsider)).status_code == 302
    assert sign_in(provider).get(page_of(outsider)).status_code == 302


def test_nobody_is_missing_like_anybody(desk):
    assert desk.get(f"/admin/accounts/person/{uuid.uuid4()}/change/").status_code == 404


def test_support_sees_what_an_auditor_may_not_and_no_acts_without_the_right(support, outsider, log_in, enrol):
    from django.contrib.auth.models import Permission

    support.user_permissions.add(Permission.objects.get(codename="view_person"))
    text = log_in(support, enrol(support)).get(page_of(outsider)).text
    for hidden in ("Revoke", "End all sign-ins", "Remove second factors", "What happened"):
        assert hidden not in text
