"""Policies: the dry run and enforcement ask the same, warn before they revoke, and do so once."""

import datetime as dt

import pytest
from django.utils import timezone

from devices import confirmation, fleet, policies, policy_enforcement
from devices.models import DeviceAuthorization, FleetEntry, PolicyWarning
from medimic.outbox.models import Delivery
from orgs.models import Policy
from tests.devices.kit import events, link_for, log_in, sign_in_device, token_in

pytestmark = pytest.mark.django_db
DAY = dt.timedelta(days=1)


@pytest.fixture
def path(clinic) -> str:
    return f"/organizations/{clinic.slug}/policies/"


@pytest.fixture
def clock(monkeypatch):
    """The time as the portal reads it; `clock(DAY)` lets it pass."""
    started = timezone.now()
    passed = [dt.timedelta(0)]
    monkeypatch.setattr("django.utils.timezone.now", lambda: started + passed[0])

    def pass_(time: dt.timedelta) -> None:
        passed[0] += time

    return pass_


def unused_for(person, days: int, **facts) -> DeviceAuthorization:
    row = sign_in_device(person, **facts).authorization
    DeviceAuthorization.objects.filter(pk=row.pk).update(last_seen_at=timezone.now() - days * DAY)
    fleet.device_changed(row.device_id)
    return row


def ids(rows) -> set:
    return set(rows.values_list("authorization", flat=True))


def warned(kind: str) -> set:
    return set(PolicyWarning.objects.filter(kind=kind).values_list("authorization", flat=True))


def revoked() -> set:
    return set(DeviceAuthorization.objects.filter(revoked_reason="disuse").values_list("pk", flat=True))


@pytest.fixture
def policy(clinic) -> Policy:
    return Policy.objects.create(
        organization=clinic, lowest_app={"ios": "3.1"}, lowest_os={"android": "13"}, unused_days=60
    )


class TestTheSameSet:
    def test_of_versions_is_foreseen_warned_and_marked(self, policy, provider, colleague, admin, sign_in):
        old_app = sign_in_device(provider, app_version="3.0.9").authorization
        sign_in_device(provider, app_version="3.10.0")
        old_os = sign_in_device(colleague, platform="android", os_version="12").authorization
        sign_in_device(colleague, platform="android", os_version="14")
        foreseen = policies.touched(policy, timezone.now())
        assert (ids(foreseen.app), ids(foreseen.os)) == ({old_app.pk}, {old_os.pk})
        policy_enforcement.enforce()
        assert warned("app") == ids(foreseen.app)
        assert warned("os") == ids(foreseen.os)
        rows = sign_in(admin).get(f"/organizations/{policy.organization.slug}/devices/").context["rows"]
        assert {row.url.split("/")[-2] for row in rows if row.marks} == {str(old_app.pk), str(old_os.pk)}
        # Never revoked.
        assert DeviceAuthorization.objects.living().count() == 4

    def test_of_disuse_is_foreseen_told_and_a_week_later_revoked(self, policy, provider, colleague, clock):
        for person, days in ((provider, 10), (provider, 52), (colleague, 53), (colleague, 400)):
            unused_for(person, days)
        foreseen = ids(policies.touched(policy, timezone.now()).unused)
        assert len(foreseen) == 2
        policy_enforcement.enforce()
        assert warned("disuse") == foreseen
        assert not revoked()
        clock(policies.TOLD_BEFORE)
        policy_enforcement.enforce()
        assert revoked() == foreseen

    def test_holds_no_patient_s_device(self, policy, patient):
        row = sign_in_device(patient, app_version="1.0").authorization
        assert row.pk not in ids(policies.touched(policy, timezone.now()).app)


class TestDisuse:
    def test_tells_the_owner_a_week_before(self, policy, provider, clock):
        row = unused_for(provider, 53)
        policy_enforcement.enforce()
        assert Delivery.objects.get(kind="devices.disuse").person_id == provider.pk
        clock(policies.TOLD_BEFORE - DAY)
        policy_enforcement.enforce()
        row.refresh_from_db()
        assert row.is_active
        clock(DAY)
        policy_enforcement.enforce()
        row.refresh_from_db()
        assert (row.revoked_reason, row.revoked_in) == ("disuse", policy.organization)
        assert events("devices.revoked")[0].organization_id == policy.organization_id

    def test_spares_what_was_used_after_the_warning(self, policy, provider, clock):
        signed_in = sign_in_device(provider)
        row = signed_in.authorization
        DeviceAuthorization.objects.filter(pk=row.pk).update(last_seen_at=timezone.now() - 59 * DAY)
        fleet.device_changed(row.device_id)
        policy_enforcement.enforce()
        DeviceAuthorization.objects.filter(pk=row.pk).update(last_seen_at=timezone.now())
        fleet.device_changed(row.device_id)
        clock(policies.TOLD_BEFORE)
        policy_enforcement.enforce()
        row.refresh_from_db()
        assert row.is_active

    def test_a_sign_in_brings_it_back(self, policy, provider, clock):
        facts = {"device_id": "a-tablet-that-lay-in-a-drawer"}
        unused_for(provider, 90, **facts)
        policy_enforcement.enforce()
        clock(policies.TOLD_BEFORE)
        policy_enforcement.enforce()
        assert log_in(token_in(link_for(provider).link), **facts).status_code == 200

    def test_done_over_and_over_it_tells_once(self, policy, provider):
        unused_for(provider, 100, app_version="2.0")
        for _ in range(3):
            policy_enforcement.enforce()
        assert Delivery.objects.filter(kind="devices.disuse").count() == 1
        assert Delivery.objects.filter(kind="devices.below_policy").count() == 1


class TestThePage:
    def test_shows_whom_it_touches_before_anything_is_saved(self, path, admin, provider, sign_in):
        sign_in_device(provider, name="Old phone", app_version="2.9")
        page = sign_in(admin).post(path, {"app_ios": "3.1", "unused_days": "30"}).content.decode()
        assert "Older apps: 1" in page
        assert "Old phone" in page
        assert not Policy.objects.exists()

    def test_saves_what_was_shown_and_is_in_the_log(self, path, admin, clinic, sign_in):
        form = {"app_ios": "3.1", "os_android": "13", "unused_days": "30", "save": "yes"}
        assert sign_in(admin).post(path, form).status_code == 302
        policy = Policy.objects.get()
        assert (policy.lowest_app, policy.lowest_os) == ({"ios": "3.1"}, {"android": "13"})
        assert (policy.unused_days, policy.confirm_devices) == (30, False)
        event = events("devices.policy_changed")[0]
        assert (event.organization_id, event.actor_id) == (clinic.pk, admin.pk)

    def test_saved_as_it_was_it_leaves_no_trace(self, path, policy, admin, sign_in):
        form = {"app_ios": "3.1", "os_android": "13", "unused_days": "60", "save": "yes"}
        sign_in(admin).post(path, form)
        assert not events("devices.policy_changed")

    @pytest.mark.parametrize(
        ("field", "typed"), [("app_ios", "three"), ("os_macos", "14."), ("unused_days", "3")]
    )
    def test_keeps_what_was_typed_where_it_makes_no_sense(self, path, admin, sign_in, field, typed):
        page = sign_in(admin).post(path, {field: typed, "save": "yes"}).content.decode()
        assert f'value="{typed}"' in page
        assert "There is a problem" in page
        assert not Policy.objects.exists()

    def test_is_for_admins(self, path, provider, outsider, sign_in):
        assert sign_in(provider).post(path, {"save": "yes"}).status_code == 403
        assert sign_in(outsider).get(path).status_code == 404


def test_confirmation_is_demanded_of_the_members_alone(clinic, provider, patient, outsider):
    Policy.objects.create(organization=clinic, confirm_devices=True)
    assert confirmation.is_wanted(provider)
    assert not confirmation.is_wanted(patient)
    assert not confirmation.is_wanted(outsider)
    assert log_in(token_in(link_for(provider).link)).status_code == 202


def test_a_device_with_no_policy_is_left_alone(provider):
    unused_for(provider, 700, app_version="0.1")
    policy_enforcement.enforce()
    assert not PolicyWarning.objects.exists()
    assert FleetEntry.objects.get().state == FleetEntry.State.ACTIVE
