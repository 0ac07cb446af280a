"""What leaving means on every floor: each row of the table in docs/organizations.md."""

import pytest
from django.test import Client

from accounts.models import Person
from billing.catalogue import ENTERPRISE
from billing.entitlements import device_allowance
from devices import actions
from devices.models import DeviceAuthorization, Token
from medimic.audit.log import SYSTEM
from medimic.audit.models import AuditEvent
from medimic.flows import memberships
from medimic.problems import Problem
from orgs.models import Membership
from sessions_app import visits
from sessions_app.models import Participant, Visit
from sessions_app.visits import Wanted
from tests import cast
from tests.devices import kit as devices
from tests.orgs import kit

pytestmark = pytest.mark.django_db
ADMIN, PROVIDER, PATIENT = Membership.Role.ADMIN, Membership.Role.PROVIDER, Membership.Role.PATIENT
LEFT = DeviceAuthorization.RevokedReason.LEFT


@pytest.fixture
def hospital(admin, provider, colleague):
    """An organization with a pool, in which the admin, the provider and the colleague work."""
    organization = cast.make_organization("Hill Hospital", ENTERPRISE)
    cast.join(organization, admin, ADMIN)
    for person in (provider, colleague):
        cast.join(organization, person)
    return organization


@pytest.fixture
def tablet(hospital, provider, colleague):
    """A pooled device with its two users: `tablet[provider]` is signed in on it."""
    facts = devices.facts(model="iPad", device_type_id="tablet", platform="ipados")
    signed_in = {person: devices.sign_in_device(person, **facts) for person in (colleague, provider)}
    device = signed_in[provider].authorization.device
    device.owner_person, device.owner_organization, device.place = None, hospital, "Exam room 2"
    device.save()
    signed_in["facts"] = facts
    return signed_in


def remove(person, organization, by):
    return memberships.remove(membership=kit.membership(person, organization), by=by, origin=kit.origin(by))


def works(signed_in) -> bool:
    answer = devices.call("get", "device", token=signed_in.tokens.access_token)
    assert answer.status_code in (200, 401)
    return answer.status_code == 200


def start(signed_in, organization):
    return visits.start(
        Wanted("Morning round", "two_device", organization.pk, chooses_organization=True),
        authorization=signed_in.authorization,
        origin=SYSTEM,
    )


class TestDevices:
    def test_own_devices_and_their_tokens_stay(self, provider, hospital, admin):
        phone = devices.sign_in_device(provider)
        remove(provider, hospital, admin)
        assert works(phone)
        phone.authorization.refresh_from_db()
        assert phone.authorization.device.owner_person == provider

    def test_own_devices_count_by_the_plan_that_is_left(self, provider, hospital, clinic, admin):
        assert device_allowance(provider).limit is None
        phones = [devices.sign_in_device(provider) for _ in range(6)]
        remove(provider, hospital, admin)
        assert device_allowance(provider).limit == 5
        assert all(works(phone) for phone in phones)
        with pytest.raises(Problem) as refused:
            devices.link_for(provider)
        assert refused.value.code == "device_limit"

    def test_pooled_devices_are_closed_from_the_next_request_on(
        self, provider, colleague, hospital, admin, tablet
    ):
        started = start(tablet[provider], hospital)
        remove(provider, hospital, admin)
        assert not works(tablet[provider])
        assert works(tablet[colleague])
        refresh = {"grant_type": "refresh_token", "refresh_token": tablet[provider].tokens.refresh_token}
        assert devices.call("post", "token", refresh).status_code in (400, 401)
        assert not Token.objects.filter(session_id=started.visit.pk, ended_at=None).exists()
        row = tablet[provider].authorization
        row.refresh_from_db()
        assert (row.revoked_reason, row.revoked_by) == (LEFT, admin)
        told = AuditEvent.objects.get(kind="devices.revoked", object_id=str(row.pk))
        assert told.organization_id == hospital.pk
        row.device.refresh_from_db()
        assert row.device.owner_organization == hospital

    def test_they_cannot_sign_in_on_it_again_until_they_come_back(self, provider, hospital, admin, tablet):
        remove(provider, hospital, admin)
        with pytest.raises(Problem) as refused:
            devices.sign_in_device(provider, **tablet["facts"])
        assert refused.value.code == "device_blocked"
        cast.join(hospital, provider)
        assert works(devices.sign_in_device(provider, **tablet["facts"]))

    def test_a_pool_of_another_organization_is_not_touched(self, provider, clinic, admin, tablet):
        remove(provider, clinic, admin)
        assert works(tablet[provider])

    def test_becoming_a_patient_closes_them_too(self, provider, hospital, admin, tablet):
        memberships.change_role(
            membership=kit.membership(provider, hospital), role=PATIENT, by=admin, origin=kit.origin(admin)
        )
        assert not works(tablet[provider])
        assert kit.roles(hospital)["Paula"] == PATIENT

    def test_between_admin_and_provider_nothing_ends(self, provider, hospital, admin, tablet):
        for role in (ADMIN, PROVIDER):
            memberships.change_role(
                membership=kit.membership(provider, hospital), role=role, by=admin, origin=kit.origin(admin)
            )
        assert works(tablet[provider])

    def test_a_refusal_undoes_everything(self, provider, hospital, admin, tablet, monkeypatch):
        def fail(*args, **kwargs):
            raise RuntimeError

        monkeypatch.setattr("orgs.memberships.record", fail)
        with pytest.raises(RuntimeError):
            remove(provider, hospital, admin)
        assert works(tablet[provider])
        assert "Paula" in kit.roles(hospital)


class TestSessions:
    def test_a_running_session_of_theirs_ends_with_its_tokens(self, provider, clinic, admin):
        started = start(devices.sign_in_device(provider), clinic)
        remove(provider, clinic, admin)
        started.visit.refresh_from_db()
        assert started.visit.ended_at is not None
        assert (
            devices.call(
                "get", f"sessions/{started.visit.pk}/participants", token=started.session_token
            ).status_code
            == 401
        )
        assert len(kit.events("sessions.ended")) == 1

    def test_sessions_elsewhere_go_on(self, provider, clinic, hospital, admin):
        phone = devices.sign_in_device(provider)
        elsewhere = start(phone, hospital)
        own = visits.start(
            Wanted("Own", "two_device", None, chooses_organization=True),
            authorization=phone.authorization,
            origin=SYSTEM,
        )
        remove(provider, clinic, admin)
        assert Visit.objects.filter(pk__in=[elsewhere.visit.pk, own.visit.pk], ended_at=None).count() == 2

    def test_a_colleagues_session_goes_on_without_them(self, provider, colleague, clinic, admin):
        started = start(devices.sign_in_device(colleague), clinic)
        phone = devices.sign_in_device(provider)
        part = started.visit.participants.create(
            person=provider,
            authorization=phone.authorization,
            visit_started_at=started.visit.started_at,
            name="Paula",
            role=Participant.Role.PROVIDER,
        )
        remove(provider, clinic, admin)
        part.refresh_from_db()
        started.visit.refresh_from_db()
        assert part.left_at is not None
        assert started.visit.ended_at is None

    def test_what_is_over_stays_theirs_to_read_and_the_organizations_to_count(
        self, provider, clinic, admin, sign_in
    ):
        started = start(devices.sign_in_device(provider), clinic)
        visits.end(started.visit, origin=SYSTEM)
        remove(provider, clinic, admin)
        assert sign_in(provider).get(f"/sessions/{started.visit.pk}/").status_code == 200
        assert sign_in(admin).get(f"/sessions/{started.visit.pk}/").status_code == 404
        started.visit.refresh_from_db()
        assert started.visit.organization == clinic

    def test_no_new_one_can_be_started_for_it(self, provider, clinic, admin):
        phone = devices.sign_in_device(provider)
        remove(provider, clinic, admin)
        with pytest.raises(Problem) as refused:
            start(phone, clinic)
        assert refused.value.code == "organization_unknown"


class TestLinks:
    def pending(self, patient, by, clinic):
        return actions.issue_link(
            account=patient, by=by, origin=SYSTEM, organization_id=clinic.pk
        ).authorization

    def test_unused_ones_for_its_patients_are_cancelled(self, provider, colleague, patient, clinic, admin):
        theirs = self.pending(patient, provider, clinic)
        others = self.pending(patient, colleague, clinic)
        remove(provider, clinic, admin)
        for row in (theirs, others):
            row.refresh_from_db()
        assert (theirs.revoked_reason, others.revoked_at) == ("cancelled", None)

    def test_for_a_patient_whom_they_see_elsewhere_it_stays_good(
        self, provider, patient, clinic, hospital, admin
    ):
        cast.join(hospital, patient, PATIENT)
        theirs = self.pending(patient, provider, clinic)
        remove(provider, clinic, admin)
        theirs.refresh_from_db()
        assert theirs.revoked_at is None

    def test_their_own_stays_good(self, provider, clinic, admin):
        own = devices.link_for(provider).authorization
        remove(provider, clinic, admin)
        own.refresh_from_db()
        assert own.revoked_at is None


class TestPatients:
    def test_one_without_a_sign_in_who_belongs_nowhere_else_loses_their_devices(
        self, clinic, admin, provider
    ):
        person = cast.make_person("Una", email=None)
        cast.join(clinic, person, PATIENT)
        phone = devices.sign_in_device(person)
        remove(person, clinic, admin)
        assert not works(phone)

    def test_one_who_belongs_elsewhere_keeps_them(self, clinic, hospital, admin):
        person = cast.make_person("Una", email=None)
        cast.join(clinic, person, PATIENT)
        cast.join(hospital, person, PATIENT)
        phone = devices.sign_in_device(person)
        remove(person, clinic, admin)
        assert works(phone)

    def test_one_with_a_sign_in_keeps_them(self, clinic, patient, admin):
        phone = devices.sign_in_device(patient)
        remove(patient, clinic, admin)
        assert works(phone)
        assert Person.objects.get(pk=patient.pk).is_active


def test_the_page_that_asks_counts_what_then_ends(provider, colleague, hospital, admin, tablet):
    cast.join(hospital, patient := cast.make_person("Una", email=None), PATIENT)
    TestLinks().pending(patient, provider, hospital)
    start(tablet[provider], hospital)
    foreseen = memberships.consequences(kit.membership(provider, hospital))
    assert vars(foreseen) == {
        "pooled_devices": 1,
        "running_sessions": 1,
        "taken_part_in": 0,
        "issued_links": 1,
        "own_devices": 0,
    }
    client = Client()
    client.force_login(admin)
    page = client.get(
        kit.home(hospital, f"members/{kit.membership(provider, hospital).pk}/removal/")
    ).content.decode()
    for told in ("1 shared device", "1 session that is running now ends", "1 unused link"):
        assert told in page
    member = kit.membership(provider, hospital)
    remove(provider, hospital, admin)
    assert memberships.consequences(member).is_nothing


def test_rows_of_the_log_stay(provider, clinic, admin):
    before = len(kit.events("devices.signed_in"))
    devices.sign_in_device(provider)
    remove(provider, clinic, admin)
    assert len(kit.events("devices.signed_in")) == before + 1
