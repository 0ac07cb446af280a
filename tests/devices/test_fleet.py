"""An organization's list of devices agrees with what it is made of, whatever happens."""

import pytest
from django.db import transaction
from django.db.models import Q

from billing.catalogue import ENTERPRISE
from devices import actions, fleet, pool
from devices.models import DeviceAuthorization, FleetCount, FleetEntry
from devices.schemas import DevicePatch
from medimic.audit.log import SYSTEM
from medimic.flows import memberships
from orgs.models import Membership
from sessions_app import tallies
from tests import cast
from tests.devices.kit import call, device_in, link_for, sign_in_device, token_in

pytestmark = [pytest.mark.django_db, pytest.mark.both]
TABLET = {"device_id": "the-tablet-in-exam-room-2", "model": "iPad Air", "device_type_id": "tablet"}
ORGANIZATION = DeviceAuthorization.RevokedReason.ORGANIZATION


def rows() -> dict:
    """The list as it stands, by what makes a row; without the keys that the database gives."""
    found = FleetEntry.objects.all().values()
    return {
        (row["organization_id"], row["device_id"], row["person_id"]): {
            name: value for name, value in row.items() if name != "id"
        }
        for row in found
    }


def agrees() -> bool:
    """Whether it says what a comparison with the truth would make of it, counts included."""
    before = rows()
    counts = [fleet.counts(row) for row in {key[0] for key in before}]
    FleetEntry.objects.all().delete()
    FleetCount.objects.all().delete()
    fleet.refresh_all()
    after = rows()
    assert before == after
    assert counts == [fleet.counts(row) for row in {key[0] for key in before}]
    return True


@pytest.fixture
def clinic(db):
    """On Enterprise, here."""
    return cast.make_organization("Lakeside Clinic", ENTERPRISE)


@pytest.fixture
def phone(provider):
    return sign_in_device(provider)


def only(**fields) -> FleetEntry:
    return FleetEntry.objects.get(**fields)


def test_lists_a_member_s_device_from_its_sign_in_on(phone, provider, clinic):
    entry = only()
    assert (entry.organization, entry.person, entry.device) == (clinic, provider, phone.authorization.device)
    assert agrees()


def test_lists_no_patient_s_and_no_outsider_s(patient, outsider):
    for person in (patient, outsider):
        sign_in_device(person)
    assert not FleetEntry.objects.exists()
    assert agrees()


def test_follows_a_revocation_and_the_next_sign_in(provider, clinic):
    row = sign_in_device(provider, **TABLET).authorization
    actions.revoke(authorization=row, by=provider, origin=SYSTEM)
    assert only().state == FleetEntry.State.ENDED
    assert fleet.counts(clinic.pk).total() == 0
    again = sign_in_device(provider, **TABLET).authorization
    entry = only()
    assert (entry.state, entry.authorization) == (FleetEntry.State.ACTIVE, again)
    assert fleet.counts(clinic.pk).total() == 1
    assert agrees()


def test_follows_versions_that_a_device_reports(phone, clinic):
    changes = DevicePatch(os_version="18.1", app_version="3.10.0")
    actions.update_record(authorization=phone.authorization, changes=changes, origin=SYSTEM)
    entry = only()
    assert (entry.os_group, fleet.plain_version(entry.app_key)) == ("ios 18", "3.10.0")
    assert list(fleet.counts(clinic.pk)) == [("ios", "ios 18", entry.app_key)]
    assert agrees()


def test_follows_names_of_device_and_person(phone, provider):
    actions.rename(authorization=phone.authorization, name="Ward phone", origin=SYSTEM)
    with transaction.atomic():
        provider.change_profile(last_name="Aaronson")
    entry = only()
    assert entry.provider_key.startswith("aaronson")
    assert "ward phone" in entry.words
    assert agrees()


def test_follows_who_leaves_and_who_joins(phone, provider, clinic, admin):
    membership = provider.memberships.get()
    memberships.remove(membership=membership, by=admin, origin=SYSTEM)
    assert not FleetEntry.objects.exists()
    cast.join(clinic, provider)
    fleet.member_changed(provider.pk, clinic.pk)
    assert FleetEntry.objects.count() == 1
    assert agrees()


def test_follows_who_becomes_a_patient(phone, provider, admin):
    membership = provider.memberships.get()
    memberships.change_role(membership=membership, role=Membership.Role.PATIENT, by=admin, origin=SYSTEM)
    assert not FleetEntry.objects.exists()
    assert agrees()


def test_counts_this_organization_s_sessions_as_they_start(phone, provider, clinic):
    other = cast.make_organization("Hilltop")
    cast.join(other, provider)
    fleet.member_changed(provider.pk, other.pk)
    for organization in (clinic, clinic, other, None):
        body = {"name": "Visit", "organization_id": organization and str(organization.pk)}
        assert call("post", "sessions", body, token=phone.tokens.access_token).status_code == 201
    assert (only(organization=clinic).sessions, only(organization=other).sessions) == (2, 1)
    tallies.rebuild()
    assert agrees()


def test_shows_a_pooled_device_once_whoever_uses_it(provider, colleague, admin, clinic):
    row = sign_in_device(provider, **TABLET).authorization
    token = sign_in_device(colleague, **TABLET).tokens.access_token
    assert FleetEntry.objects.count() == 2
    asked = pool.ask(authorization=row, organization=clinic, place="Exam 2", by=admin, origin=SYSTEM)
    device = pool.accept(request=asked, by=provider, origin=SYSTEM)
    entry = only()
    assert (entry.person, entry.device) == (None, device)
    body = {"name": "Visit", "organization_id": str(clinic.pk)}
    assert call("post", "sessions", body, token=token).status_code == 201
    assert only().sessions == 1
    assert agrees()
    pool.give_back(device=device, organization=clinic, to=provider, by=admin, origin=SYSTEM)
    assert sorted(FleetEntry.objects.values_list("sessions", flat=True)) == [0, 1]
    assert agrees()


def test_is_read_as_often_as_devices_are_used(phone):
    row = phone.authorization
    row.last_seen_at = None
    DeviceAuthorization.objects.update(last_seen_at="2026-01-01T00:00:00Z")
    fleet.refresh_all()
    call("get", "device", token=phone.tokens.access_token)
    assert only().last_seen_at == DeviceAuthorization.objects.get().last_seen_at
    assert agrees()


def test_counts_stay_the_same_when_they_are_added_up(provider, colleague, clinic):
    for person in (provider, colleague, colleague):
        row = sign_in_device(person).authorization
    actions.revoke(authorization=row, by=colleague, origin=SYSTEM)
    before = fleet.counts(clinic.pk)
    assert FleetCount.objects.count() > 1
    fleet.add_up_counts()
    assert fleet.counts(clinic.pk) == before
    assert FleetCount.objects.filter(organization=clinic).count() == 1


def test_the_job_mends_what_was_written_past_it(phone, provider):
    FleetEntry.objects.update(sessions=7, provider_key="nobody")
    fleet.refresh_all()
    entry = only()
    assert (entry.sessions, entry.provider_key) == (0, fleet.provider_key(provider))


def test_a_change_rolled_back_leaves_the_list_alone(provider, monkeypatch):
    token = token_in(link_for(provider).link)

    def fail(*args, **options):
        raise RuntimeError("too late")

    monkeypatch.setattr("devices.actions.tokens.issue_pair", fail)
    with pytest.raises(RuntimeError):
        actions.log_in(token=token, device=device_in(), origin=SYSTEM)
    assert not FleetEntry.objects.filter(Q()).exists()
