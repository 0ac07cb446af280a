"""`GET /api/sync`: everything at first, then what changed; for the account of the device alone."""

import datetime as dt

import pytest
from django.db import transaction
from django.utils import timezone
from fhir.resources.R4B.questionnaire import Questionnaire

from medimic.audit.log import SYSTEM
from medimic.changes import feeds
from medimic.changes.models import Kind
from medimic.flows import sync
from orgs import founding, invitations, memberships, questionnaires
from orgs.invitations import Wish
from orgs.models import Membership
from sessions_app import visits
from sessions_app.models import Participant, Visit
from tests import cast
from tests.devices.kit import call, refused, sign_in_device
from tests.orgs import care
from tests.sessions_app.test_claims import TABLET, claim, start_as_guest, token_of

pytestmark = [pytest.mark.django_db, pytest.mark.both]
Role = Membership.Role
KINDS = ("sessions", "invitations", "organizations", "enrollments", "questionnaires")


class Phone:
    """A device that keeps what it was told, as the app does."""

    def __init__(self, person, **facts) -> None:
        self.signed_in = sign_in_device(person, **facts)
        self.cursor = ""
        self.known: dict[str, dict[str, dict]] = {kind: {} for kind in KINDS}

    def ask(self, cursor: str | None = None):
        cursor = self.cursor if cursor is None else cursor
        path = f"sync?cursor={cursor}" if cursor else "sync"
        return call("get", path, token=self.signed_in.tokens.access_token)

    def sync(self) -> "Phone":
        """Until nothing is waiting any more."""
        while True:
            answer = self.ask().json()
            for kind in KINDS:
                self.known[kind] |= {row["id"]: row for row in answer[kind]}
            for gone in answer["deleted"]:
                self.known[f"{gone['kind']}s"].pop(gone["id"], None)
            self.cursor = answer["cursor"]
            if not answer["has_more"]:
                return self

    def ids(self, kind: str) -> set[str]:
        return set(self.known[kind])


def start(person, name="Morning round") -> Visit:
    authorization = sign_in_device(person).authorization
    return visits.start(
        visits.Wanted(name=name, mode="two_device"), authorization=authorization, origin=SYSTEM
    ).visit


def many_visits(person, number: int) -> None:
    authorization = person.device_authorizations.first()
    now = timezone.now()
    rows = Visit.objects.bulk_create(
        Visit(
            name=f"Visit {n}",
            code="ABCDEF",
            mode="two_device",
            host=person,
            authorization=authorization,
            started_at=now - dt.timedelta(hours=n + 9),
            expires_at=now - dt.timedelta(hours=n + 1),
        )
        for n in range(number)
    )
    Participant.objects.bulk_create(
        Participant(
            visit=visit,
            visit_started_at=visit.started_at,
            person=person,
            name="",
            role="provider",
            is_host=True,
        )
        for visit in rows
    )


def test_a_first_round_tells_all_that_there_is(clinic):
    membership, version = care.make_patient(clinic), care.make_questionnaire(clinic)
    enrollment = care.enroll(membership, version)
    answer = Phone(membership.person).ask().json()
    assert answer["is_first_round"]
    assert not answer["has_more"]
    assert [(row["name"], row["role"]) for row in answer["organizations"]] == [(clinic.name, "patient")]
    assert [row["id"] for row in answer["enrollments"]] == [str(enrollment.pk)]
    (told,) = answer["questionnaires"]
    assert told["canonical"] == version.canonical
    assert Questionnaire.model_validate(told["resource"]).title == "Sleep diary"


def test_the_next_round_tells_what_changed_alone(clinic):
    membership, version = care.make_patient(clinic), care.make_questionnaire(clinic)
    phone = Phone(membership.person).sync()
    care.enroll(membership, version)
    answer = phone.ask().json()
    assert not answer["is_first_round"]
    assert answer["organizations"] == []
    assert [row["id"] for row in answer["questionnaires"]] == [str(version.questionnaire_id)]
    phone.sync()
    assert [phone.ask().json()[kind] for kind in (*KINDS, "deleted")] == [[]] * 6


def test_a_call_whose_answer_was_lost_is_answered_the_same(clinic):
    membership, version = care.make_patient(clinic), care.make_questionnaire(clinic)
    phone = Phone(membership.person).sync()
    care.enroll(membership, version)
    assert phone.ask().json() == phone.ask().json()


@pytest.mark.parametrize("ending", ["retire", "end_enrollment", "leave", "other role"])
def test_what_is_not_to_be_answered_any_more_goes(clinic, admin, ending):
    membership, version = care.make_patient(clinic), care.make_questionnaire(clinic)
    enrollment = care.enroll(membership, version)
    phone = Phone(membership.person).sync()
    match ending:
        case "retire":
            questionnaires.retire(version=version, origin=SYSTEM)
        case "end_enrollment":
            questionnaires.end_enrollment(enrollment=enrollment, origin=SYSTEM)
        case "leave":
            memberships.end(membership=membership, by=admin, origin=SYSTEM)
        case "other role":
            memberships.change_role(membership=membership, role=Role.PROVIDER, by=admin, origin=SYSTEM)
    phone.sync()
    assert phone.ids("questionnaires") == set()
    assert phone.ids("enrollments") == ({str(enrollment.pk)} if ending == "retire" else set())
    assert phone.ids("organizations") == (set() if ending == "leave" else {str(clinic.pk)})


def test_a_new_version_takes_the_old_ones_place(clinic):
    membership, first = care.make_patient(clinic), care.make_questionnaire(clinic)
    care.enroll(membership, first)
    phone = Phone(membership.person).sync()
    second = questionnaires.rewrite(
        questionnaire=first.questionnaire, title="Diary", items=care.ITEMS[:1], origin=SYSTEM
    )
    assert phone.ask().json()["questionnaires"] == []
    questionnaires.publish(version=second, origin=SYSTEM)
    phone.sync()
    assert [row["canonical"] for row in phone.known["questionnaires"].values()] == [second.canonical]


def test_nobody_is_told_of_what_another_is_to_answer(clinic, provider):
    enrolled, other = care.make_patient(clinic), care.make_patient(clinic, "Yusuf")
    care.enroll(enrolled, care.make_questionnaire(clinic))
    for person in (other.person, provider):
        phone = Phone(person).sync()
        assert phone.ids("questionnaires") | phone.ids("enrollments") == set()


def test_a_change_that_was_noted_for_the_wrong_person_tells_them_nothing(clinic, outsider):
    version = care.make_questionnaire(clinic)
    visit = start(cast.make_person())
    phone = Phone(outsider).sync()
    with transaction.atomic():
        feeds.note(
            [outsider.pk],
            (Kind.QUESTIONNAIRE, version.questionnaire_id),
            (Kind.ORGANIZATION, clinic.pk),
            (Kind.SESSION, visit.pk),
        )
    answer = phone.ask().json()
    assert [answer[kind] for kind in KINDS] == [[]] * 5
    assert len(answer["deleted"]) == 3


class TestSessions:
    def test_start_and_end_are_told(self, outsider):
        phone = Phone(outsider).sync()
        visit = start(outsider)
        assert phone.sync().known["sessions"][str(visit.pk)]["status"] == "active"
        visits.end(visit, origin=SYSTEM)
        assert phone.sync().known["sessions"][str(visit.pk)]["status"] == "ended"

    def test_those_of_a_guest_are_told_once_they_were_claimed(self, outsider):
        guest = start_as_guest()
        phone = Phone(outsider, **TABLET).sync()
        assert phone.ids("sessions") == set()
        claim(token_of(guest), phone.signed_in.tokens.access_token)
        assert phone.sync().ids("sessions") == {guest["id"]}

    def test_a_first_round_brings_all_of_them_page_by_page(self, outsider):
        phone = Phone(outsider)
        many_visits(outsider, 2 * sync.SESSIONS_AT_ONCE + 3)
        first = phone.ask().json()
        assert (len(first["sessions"]), first["has_more"]) == (sync.SESSIONS_AT_ONCE, True)
        assert len(phone.sync().ids("sessions")) == 2 * sync.SESSIONS_AT_ONCE + 3

    def test_what_changes_during_a_first_round_comes_after_it(self, outsider):
        phone = Phone(outsider)
        many_visits(outsider, sync.SESSIONS_AT_ONCE + 3)
        phone.cursor = phone.ask().json()["cursor"]
        visit = start(outsider)
        assert str(visit.pk) in phone.sync().ids("sessions")

    def test_costs_the_same_with_five_and_with_five_hundred(self, outsider, django_assert_max_num_queries):
        phone = Phone(outsider)
        many_visits(outsider, 5)
        phone.sync()
        counts = []
        for number in (0, 495):
            many_visits(outsider, number)
            with django_assert_max_num_queries(20) as captured:
                phone.ask("")
            counts.append(len(captured))
        assert counts[0] == counts[1]


class TestChanges:
    def test_come_in_pages(self, outsider, monkeypatch):
        monkeypatch.setattr(sync, "PAGE_SIZE", 2)
        phone = Phone(outsider).sync()
        started = {str(start(outsider, f"Visit {n}").pk) for n in range(2)}
        with transaction.atomic():
            feeds.note([outsider.pk], *((Kind.SESSION, Visit(name="").pk) for _ in range(3)))
        answer = phone.ask().json()
        assert answer["has_more"]
        assert {row["id"] for row in answer["sessions"]} <= started
        assert phone.sync().ids("sessions") == started
        assert not phone.ask().json()["has_more"]

    def test_cost_the_same_with_five_and_with_a_hundred(self, clinic, django_assert_max_num_queries):
        membership = care.make_patient(clinic)
        phone = Phone(membership.person).sync()
        counts = []
        for number in (5, 40):
            for n in range(number):
                care.enroll(membership, care.make_questionnaire(clinic, title=f"Diary {n}"))
            with django_assert_max_num_queries(12) as captured:
                assert len(phone.ask().json()["questionnaires"]) == number
            counts.append(len(captured))
            phone.sync()
        assert counts[0] == counts[1]


class TestOrganizations:
    def test_a_new_name_is_told_to_all_members(self, clinic, admin, provider):
        phones = [Phone(person).sync() for person in (admin, provider)]
        founding.rename(organization=clinic, name="Hill Clinic", by=admin, origin=SYSTEM)
        for phone in phones:
            assert phone.sync().known["organizations"][str(clinic.pk)]["name"] == "Hill Clinic"

    def test_an_invitation_is_told_to_whom_it_went_and_goes_once_it_is_settled(self, clinic, admin, outsider):
        phone, other = Phone(outsider).sync(), Phone(admin).sync()
        invitation = invitations.invite(
            organization=clinic, wish=Wish(outsider.email, Role.PATIENT), by=admin, origin=SYSTEM
        )
        assert phone.sync().known["invitations"][str(invitation.pk)]["organization"] == clinic.name
        assert other.sync().ids("invitations") == set()
        invitations.withdraw(invitation=invitation, by=admin, origin=SYSTEM)
        assert phone.sync().ids("invitations") == set()

    def test_accepting_one_is_told_as_a_membership(self, clinic, admin, outsider):
        phone = Phone(outsider).sync()
        invitation = invitations.invite(
            organization=clinic, wish=Wish(outsider.email, Role.PROVIDER), by=admin, origin=SYSTEM
        )
        token = invitation.renew()
        phone.sync()
        invitations.accept(token=token, person=outsider, origin=SYSTEM)
        phone.sync()
        assert phone.ids("invitations") == set()
        assert phone.known["organizations"][str(clinic.pk)]["role"] == "provider"


class TestCursor:
    @pytest.mark.parametrize("cursor", ["ME", "ME.x", "0", "ME.0.mangled", "ME.99999", "-1", "ME.0.."])
    def test_that_is_not_ours_is_refused(self, outsider, cursor):
        cursor = cursor.replace("ME", outsider.pk.hex[:8])
        assert refused(Phone(outsider).ask(cursor), 410, "cursor_unknown")

    def test_of_another_account_is_refused(self, outsider, provider):
        # A device that changed hands would otherwise never hear of what came before.
        cursor = Phone(outsider).sync().cursor
        assert refused(Phone(provider).ask(cursor), 410, "cursor_unknown")

    def test_needs_a_token(self, outsider):
        assert refused(call("get", "sync"), 401, "token_missing")

    def test_of_a_revoked_device_is_worth_nothing(self, outsider):
        phone = Phone(outsider)
        phone.signed_in.authorization.revoke(by=None, reason="self")
        assert refused(phone.ask(), 401, "device_revoked")
