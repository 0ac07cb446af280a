"""Rule 7. What an organization can see of its members' devices, and end. (Its page comes with it.)"""

import pytest

from devices import actions
from devices.models import DeviceAuthorization
from medimic.audit.log import SYSTEM
from medimic.outbox.models import Delivery
from sessions_app.models import Visit
from tests.devices.kit import call, events, link_for, log_in, refused, sign_in_device, token_in

pytestmark = pytest.mark.django_db
TABLET = {"device_id": "the-tablet-in-exam-room-2"}
ORGANIZATION = DeviceAuthorization.RevokedReason.ORGANIZATION


def test_ends_the_member_s_leave_on_that_device_and_no_other(provider, colleague, admin):
    mine, other = sign_in_device(provider, **TABLET), sign_in_device(colleague, **TABLET)
    elsewhere = sign_in_device(provider)
    actions.revoke(authorization=mine.authorization, by=admin, origin=SYSTEM, reason=ORGANIZATION)
    assert refused(call("get", "device", token=mine.tokens.access_token), 401, "device_revoked")
    for signed_in in (other, elsewhere):
        assert call("get", "device", token=signed_in.tokens.access_token).status_code == 200


def test_the_member_is_told_who_ended_it(provider, admin, sign_in):
    row = sign_in_device(provider).authorization
    actions.revoke(authorization=row, by=admin, origin=SYSTEM, reason=ORGANIZATION)
    page = sign_in(provider).get(f"/settings/devices/{row.pk}/revocation/receipt/").content.decode()
    assert "revoked by your organization" in page
    assert admin.name in page
    assert Delivery.objects.filter(kind="devices.revoked", person_id=provider.pk).count() == 1
    assert '"reason":"organization"' in events("devices.revoked")[0].details


def test_only_the_organization_allows_it_again(provider, admin):
    row = sign_in_device(provider, **TABLET).authorization
    actions.revoke(authorization=row, by=admin, origin=SYSTEM, reason=ORGANIZATION)
    assert refused(log_in(token_in(link_for(provider).link), **TABLET), 403, "device_blocked")


def test_an_admin_reads_no_colleague_s_device(provider, admin, sign_in):
    row = sign_in_device(provider).authorization
    client = sign_in(admin)
    for end in ("", "name/", "revocation/", "revocation/receipt/"):
        assert client.get(f"/settings/devices/{row.pk}/{end}").status_code == 404
    assert refused(call("get", f"devices?user_id={provider.pk}", client=client), 404, "person_unknown")


def test_sessions_are_counted_by_organization_and_device(provider, clinic):
    phone = sign_in_device(provider, **TABLET)
    for organization in (clinic, clinic, None):
        body = {"name": "Visit", "organization_id": organization and str(organization.pk)}
        assert call("post", "sessions", body, token=phone.tokens.access_token).status_code == 201
    of_the_clinic = Visit.objects.filter(
        organization=clinic, authorization__device=phone.authorization.device
    )
    assert of_the_clinic.count() == 2
