"""What support does: with a reason, in the log, read by the person, and all of it or nothing."""

import pytest
from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from django.test import Client
from django.urls import reverse

from accounts.models import Person
from devices import actions, blocks
from devices.models import DeviceAuthorization
from medimic.audit.log import SYSTEM
from medimic.audit.models import AuditEvent
from medimic.outbox.models import Delivery
from orgs.models import Membership
from tests.devices.kit import call, sign_in_device

pytestmark = pytest.mark.django_db

REASON = "Asked for by phone, ticket 4711"
Reason = DeviceAuthorization.RevokedReason


@pytest.fixture
def signed_in(provider):
    return sign_in_device(provider)


@pytest.fixture
def phone(signed_in):
    return signed_in.authorization


def revocation(row) -> str:
    return reverse("desk_device_revocation", args=[row.pk])


def allowance(row) -> str:
    return reverse("desk_device_allowance", args=[row.pk])


def removal(person) -> str:
    return reverse("desk_factor_removal", args=[person.pk])


def told(person: Person, kind: str) -> AuditEvent:
    return AuditEvent.objects.get(kind=kind, person_id=person.pk)


def activity(person, sign_in) -> str:
    return sign_in(person).get("/settings/activity/").text


class TestRevoking:
    def test_asks_first_and_changes_nothing(self, desk, phone):
        text = desk.get(revocation(phone)).text
        assert "Revoke" in text
        phone.refresh_from_db()
        assert phone.revoked_at is None

    def test_ends_the_access_and_says_why(self, desk, support, provider, signed_in, phone, sign_in):
        assert desk.post(revocation(phone), {"reason": REASON}).status_code == 302
        phone.refresh_from_db()
        assert (phone.revoked_reason, phone.revoked_by) == (Reason.STAFF, support)
        assert call("get", "device", token=signed_in.tokens.access_token).status_code == 401
        row = told(provider, "desk.device_revoked")
        assert (row.actor_kind, row.actor_id) == ("staff", support.pk)
        assert REASON in activity(provider, sign_in)
        assert Delivery.objects.filter(person_id=provider.pk, kind="devices.revoked").exists()

    @pytest.mark.parametrize("reason", ["", "   ", "too short", "x" * 281])
    def test_without_a_reason_nothing_happens(self, desk, phone, reason):
        answer = desk.post(revocation(phone), {"reason": reason})
        assert answer.status_code == 400
        assert "Nothing was done yet" in answer.text
        phone.refresh_from_db()
        assert phone.revoked_at is None
        assert not AuditEvent.objects.filter(kind__startswith="desk.device").exists()

    def test_a_second_time_says_so(self, desk, phone):
        desk.post(revocation(phone), {"reason": REASON})
        assert "no access any more" in desk.get(revocation(phone)).text
        desk.post(revocation(phone), {"reason": REASON})
        assert AuditEvent.objects.filter(kind="desk.device_revoked").count() == 1

    def test_without_its_row_of_the_log_nothing_happens(self, desk, phone, monkeypatch):
        from medimic.desk import acts

        def fail(*args, **kwargs):
            raise RuntimeError("no log")

        monkeypatch.setattr(acts, "record", fail)
        desk.raise_request_exception = False
        assert desk.post(revocation(phone), {"reason": REASON}).status_code == 500
        phone.refresh_from_db()
        assert phone.revoked_at is None


class TestLiftingABlock:
    def block(self, row, *, organization=None, by=None):
        reason = Reason.ORGANIZATION if organization else Reason.STAFF
        actions.revoke(authorization=row, by=by, origin=SYSTEM, reason=reason, organization=organization)

    def test_lets_what_support_ended_be_used_again(self, desk, provider, phone, sign_in):
        self.block(phone)
        assert "Lift the block" in desk.get(f"/admin/accounts/person/{provider.pk}/change/").text
        assert desk.post(allowance(phone), {"reason": REASON}).status_code == 302
        phone.refresh_from_db()
        assert phone.revoked_reason == Reason.ALLOWED
        assert REASON in activity(provider, sign_in)
        assert Delivery.objects.filter(person_id=provider.pk, kind="devices.allowed_again").exists()

    def test_leaves_an_organizations_to_its_admins(self, desk, clinic, admin, phone):
        self.block(phone, organization=clinic, by=admin)
        answer = desk.get(allowance(phone))
        assert "does not overrule" in answer.text
        assert "<textarea" not in answer.text
        desk.post(allowance(phone), {"reason": REASON})
        phone.refresh_from_db()
        assert phone.revoked_reason == Reason.ORGANIZATION
        with pytest.raises(blocks.AskThem):
            blocks.lift(authorization=phone, by=admin, origin=SYSTEM)

    @pytest.mark.parametrize("gone", ["person", "admins"])
    def test_but_for_one_that_nobody_there_can_lift(self, desk, clinic, admin, provider, phone, gone):
        self.block(phone, organization=clinic, by=admin)
        rows = Membership.objects.filter(organization=clinic)
        rows = rows.filter(person=provider) if gone == "person" else rows.filter(role="admin")
        from django.utils import timezone

        rows.update(ended_at=timezone.now())
        assert desk.post(allowance(phone), {"reason": REASON}).status_code == 302
        phone.refresh_from_db()
        assert phone.revoked_reason == Reason.ALLOWED

    @pytest.mark.parametrize("state", ["living", "by the person"])
    def test_does_nothing_where_nothing_blocks(self, desk, provider, phone, state):
        if state != "living":
            actions.revoke(authorization=phone, by=provider, origin=SYSTEM)
        assert "Nothing blocks it" in desk.post(allowance(phone), {"reason": REASON}).text
        assert not AuditEvent.objects.filter(kind="desk.block_lifted").exists()


class TestEndingSignIns:
    def test_signs_browsers_and_devices_out(self, desk, provider, signed_in, sign_in):
        theirs = sign_in(provider)
        address = reverse("desk_sign_outs", args=[provider.pk])
        assert desk.get(address).status_code == 200
        assert theirs.get("/settings/").status_code == 200
        assert desk.post(address, {"reason": REASON}).status_code == 302
        assert theirs.get("/settings/").status_code == 302
        assert call("get", "device", token=signed_in.tokens.access_token).status_code == 401
        assert told(provider, "accounts.signed_out_everywhere").actor_kind == "staff"
        assert REASON in activity(Person.objects.get(pk=provider.pk), sign_in)


class TestResendingAVerification:
    def test_writes_to_the_address_that_waits(self, desk, outsider):
        EmailAddress.objects.filter(user=outsider).update(verified=False)
        page = desk.get(f"/admin/accounts/person/{outsider.pk}/change/").text
        assert "Resend verification" in page
        address = reverse("desk_verification", args=[outsider.pk])
        assert desk.post(address, {"reason": REASON}).status_code == 302
        mail = Delivery.objects.get(kind="accounts.verification_resent")
        assert mail.recipient == outsider.email
        assert "This wasn" not in mail.body
        assert told(outsider, "desk.verification_sent")

    def test_and_to_nobody_where_none_waits(self, desk, outsider):
        address = reverse("desk_verification", args=[outsider.pk])
        assert "waits to be verified" in desk.post(address, {"reason": REASON}).text
        assert not Delivery.objects.filter(kind="accounts.verification_resent").exists()


class TestRemovingFactors:
    FORM = {"reason": REASON, "identity": "document"}

    @pytest.fixture
    def factors(self, outsider, enrol):
        enrol(outsider)
        return Authenticator.objects.filter(user=outsider)

    def test_removes_all_of_them_signs_out_and_tells(self, desk, support, outsider, factors, sign_in):
        theirs = sign_in(outsider)
        page = f"/admin/accounts/person/{outsider.pk}/change/"
        assert "Remove second factors" in desk.get(page).text
        assert desk.post(removal(outsider), self.FORM).status_code == 302
        assert not factors.exists()
        assert theirs.get("/settings/").status_code == 302
        row = told(outsider, "desk.factors_removed")
        assert '"identity":"document"' in row.details
        assert told(outsider, "accounts.factor_removed").actor_kind == "staff"
        mail = Delivery.objects.get(kind="accounts.factors_removed")
        assert mail.recipient == outsider.email
        # The way out for whoever did not ask for it.
        assert "/accounts/" in mail.body or "/alerts/" in mail.body
        outsider.refresh_from_db()
        seen = activity(outsider, sign_in)
        assert "an identity document in a video call" in seen
        assert "Sam" not in seen

    @pytest.mark.parametrize("form", [{"reason": REASON}, {"reason": REASON, "identity": "email"}, {}])
    def test_needs_to_know_who_asks(self, desk, outsider, factors, form):
        assert desk.post(removal(outsider), form).status_code == 400
        assert factors.count() == 2

    def test_not_for_staff(self, desk, auditor, enrol):
        enrol(auditor)
        assert "Not for staff" in desk.get(removal(auditor)).text
        desk.post(removal(auditor), self.FORM)
        assert Authenticator.objects.filter(user=auditor).count() == 2
        assert "Remove second factors" not in desk.get(f"/admin/accounts/person/{auditor.pk}/change/").text

    def test_asks_for_the_factor_again_after_a_while(self, desk, outsider, factors, settings):
        settings.ACCOUNT_REAUTHENTICATION_TIMEOUT = 0
        answer = desk.post(removal(outsider), self.FORM)
        assert answer.status_code == 302
        assert "reauthenticate" in answer.url
        assert factors.count() == 2


ACTS = ["desk_device_revocation", "desk_device_allowance"]
OF_PEOPLE = ["desk_sign_outs", "desk_verification", "desk_factor_removal"]


@pytest.mark.parametrize("name", [*ACTS, *OF_PEOPLE])
class TestEachAct:
    @pytest.fixture
    def address(self, name, phone, provider):
        return reverse(name, args=[phone.pk if name in ACTS else provider.pk])

    def test_is_not_for_auditors(self, audit_desk, address):
        assert audit_desk.get(address).status_code == 403
        assert audit_desk.post(address, {"reason": REASON}).status_code == 403

    def test_is_not_for_support_without_a_proved_factor(self, support, sign_in, address, desk):
        browser = sign_in(support)
        for answer in (browser.get(address), browser.post(address, {"reason": REASON})):
            assert answer.status_code == 302
            assert answer.url.startswith("/admin/login/")
        assert not AuditEvent.objects.filter(kind__startswith="desk.").exclude(kind="desk.viewed").exists()

    def test_is_not_for_the_person(self, provider, sign_in, address):
        assert sign_in(provider).post(address, {"reason": REASON}).status_code == 302
        assert Client().post(address).status_code == 302
        assert not AuditEvent.objects.filter(kind__startswith="desk.").exists()

    def test_takes_no_other_method(self, desk, address):
        assert desk.put(address).status_code == 405

    def test_needs_the_forms_token(self, desk, address):
        strict = Client(enforce_csrf_checks=True)
        strict.cookies = desk.cookies
        assert strict.post(address, {"reason": REASON}).status_code == 403
