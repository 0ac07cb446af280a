import uuid

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from billing.catalogue import FREE_TRIAL
from billing.models import SessionUse, UsagePeriod
from devices import tokens
from devices.models import Token
from medimic.audit.models import AuditEvent
from medimic.problems import Problem
from orgs.models import Membership
from sessions_app import visits
from sessions_app.models import Participant, Visit
from tests import cast
from tests.sessions_app.conftest import ORIGIN, described_device, make_authorization

SECRET_NAME = "Mrs. Brown, knee"


def wanted(name=SECRET_NAME, mode="shared_device", **fields):
    return visits.Wanted(name=name, mode=mode, **fields)


def start(authorization, **fields):
    return visits.start(wanted(**fields), authorization=authorization, origin=ORIGIN)


def test_start_makes_a_session_with_host_token_and_charge(phone, provider, clinic):
    started = start(phone, mode="two_device")

    visit = started.visit
    assert (visit.host, visit.organization, visit.authorization) == (provider, clinic, phone)
    assert visit.status(timezone.now()) == Visit.Status.ACTIVE
    host = visit.participants.get()
    assert (host.person, host.role, host.is_host) == (provider, Participant.Role.PROVIDER, True)
    token = tokens.authenticate(started.session_token, Token.Kind.SESSION)
    assert (token.session_id, token.expires_at) == (visit.pk, visit.expires_at)
    assert SessionUse.objects.get(session_id=visit.pk).period.organization == clinic


def test_start_is_audited_without_its_name(phone, provider, clinic):
    start(phone)
    event = AuditEvent.objects.get(kind="sessions.started")
    assert (event.person_id, event.organization_id) == (provider.pk, clinic.pk)
    assert SECRET_NAME not in event.details


def test_nothing_changes_when_the_audit_row_cannot_be_written(phone, monkeypatch):
    def broken(*args, **kwargs):
        raise RuntimeError("no room")

    monkeypatch.setattr(visits, "record", broken)
    with pytest.raises(RuntimeError):
        start(phone)
    assert not Visit.objects.exists()
    assert not UsagePeriod.objects.filter(used__gt=0).exists()
    assert not Token.objects.exists()


def test_a_revoked_device_starts_nothing_and_keeps_its_history(phone, provider):
    earlier = start(phone).visit
    phone.revoke(by=provider, reason=phone.RevokedReason.SELF)
    with pytest.raises(Problem) as refusal:
        start(phone)
    assert refusal.value.code == "device_revoked"
    assert list(Visit.objects.visible_to(provider)) == [earlier]


def test_a_sign_out_everywhere_meanwhile_is_seen(phone, provider):
    known = type(phone).objects.select_related("account").get(pk=phone.pk)
    provider.end_device_tokens()
    with pytest.raises(Problem) as refusal:
        start(known)
    assert refusal.value.code == "token_ended"


def test_a_patient_starts_nothing(patient):
    with pytest.raises(Problem) as refusal:
        start(make_authorization(patient))
    assert (refusal.value.status, refusal.value.code) == (403, "patients_cannot_create")


def test_a_patient_with_a_plan_of_their_own_does(patient):
    cast.subscribe(patient)
    assert start(make_authorization(patient)).visit.organization is None


def test_the_quota_is_named_when_it_is_used_up(outsider):
    outsider.subscriptions.update(plan_code=FREE_TRIAL.code)
    device = make_authorization(outsider)
    for _ in range(FREE_TRIAL.session_quota):
        start(device)
    with pytest.raises(Problem) as refusal:
        start(device)
    assert refusal.value.code == "quota_exceeded"
    assert refusal.value.extra["quota"] == refusal.value.extra["used"] == 10
    assert refusal.value.extra["plan"] == "free_trial"
    assert Visit.objects.count() == 10


def test_the_organization_is_that_of_last_time(phone, provider, clinic):
    other = cast.make_organization("Zebra House")
    cast.join(other, provider)
    assert start(phone).visit.organization == clinic
    assert start(phone, organization_id=other.pk, chooses_organization=True).visit.organization == other
    assert start(phone).visit.organization == other
    assert start(phone, chooses_organization=True).visit.organization is None
    assert start(phone).visit.organization is None


def test_an_organization_that_was_left_is_not_last_time(phone, provider, clinic):
    start(phone)
    Membership.objects.filter(person=provider).update(ended_at=timezone.now())
    assert start(phone).visit.organization is None


def test_a_foreign_organization_is_not_told_from_a_missing_one(phone):
    for organization_id in (cast.make_organization("Elsewhere").pk, uuid.uuid4()):
        with pytest.raises(Problem) as refusal:
            start(phone, organization_id=organization_id, chooses_organization=True)
        assert (refusal.value.status, refusal.value.code) == (422, "organization_unknown")
    assert not Visit.objects.exists()


def test_the_same_key_finds_the_same_session_with_a_fresh_token(phone):
    first = start(phone, idempotency_key="k-1")
    second = start(phone, idempotency_key="k-1")
    assert second.visit == first.visit
    assert SessionUse.objects.count() == 1
    with pytest.raises(Problem) as refusal:
        tokens.authenticate(first.session_token, Token.Kind.SESSION)
    assert refusal.value.code == "token_ended"
    assert tokens.authenticate(second.session_token, Token.Kind.SESSION)


def test_a_token_that_was_used_survives_a_repeated_call(phone):
    first = start(phone, idempotency_key="k-1")
    tokens.authenticate(first.session_token, Token.Kind.SESSION)
    start(phone, idempotency_key="k-1")
    assert tokens.authenticate(first.session_token, Token.Kind.SESSION)


def test_the_same_key_for_another_wish_is_refused(phone):
    start(phone, idempotency_key="k-1")
    with pytest.raises(Problem) as refusal:
        start(phone, idempotency_key="k-1", mode="two_device")
    assert (refusal.value.status, refusal.value.code) == (422, "idempotency_mismatch")


def test_a_repeated_call_for_a_session_that_is_over_gives_no_token(phone):
    first = start(phone, idempotency_key="k-1")
    visits.end(first.visit, origin=ORIGIN)
    again = start(phone, idempotency_key="k-1")
    assert (again.visit, again.session_token) == (first.visit, None)


def test_keys_of_two_devices_do_not_meet(phone, tablet):
    assert start(phone, idempotency_key="k").visit != start(tablet, idempotency_key="k").visit


def test_a_taken_code_is_not_given_again(phone, monkeypatch):
    codes = iter(["AAAAAA", "AAAAAA", "BBBBBB"])
    monkeypatch.setattr(visits, "new_code", lambda: next(codes))
    assert [start(phone).visit.code for _ in range(2)] == ["AAAAAA", "BBBBBB"]


def test_the_code_of_a_session_that_is_over_is_given_again(phone, monkeypatch):
    monkeypatch.setattr(visits, "new_code", lambda: "AAAAAA")
    first = start(phone).visit
    visits.end(first, origin=ORIGIN)
    second = start(phone).visit
    expired_at = second.started_at + timezone.timedelta(microseconds=1)
    Visit.objects.filter(pk=second.pk).update(expires_at=expired_at)
    assert start(phone).visit.code == first.code


def test_the_database_refuses_a_code_twice(phone):
    first = start(phone).visit
    second = start(phone).visit
    with pytest.raises(IntegrityError), transaction.atomic():
        Visit.objects.filter(pk=second.pk).update(code=first.code, open_code=first.code)


def test_end_ends_tokens_and_is_audited_once(phone):
    started = start(phone)
    assert visits.end(started.visit, origin=ORIGIN)
    assert not visits.end(started.visit, origin=ORIGIN)
    assert started.visit.status(timezone.now()) == Visit.Status.ENDED
    assert started.visit.participants.get().left_at
    with pytest.raises(Problem):
        tokens.authenticate(started.session_token, Token.Kind.SESSION)
    assert AuditEvent.objects.filter(kind="sessions.ended").count() == 1


def test_a_guest_gets_tokens_and_three_sessions_in_all(db):
    device = described_device()
    first = visits.start_as_guest(wanted(), device=device, origin=ORIGIN)
    assert tokens.authenticate(first.tokens.access_token, Token.Kind.ACCESS)
    assert first.visit.host is None
    visits.start_as_guest(wanted(), device=device, origin=ORIGIN)
    visits.start_as_guest(wanted(), device=device, origin=ORIGIN)
    with pytest.raises(Problem) as refusal:
        visits.start_as_guest(wanted(), device=device, origin=ORIGIN)
    assert refusal.value.code == "quota_exceeded"
    assert refusal.value.extra["plan"] == "guest"


def test_knowing_a_device_id_reads_no_earlier_session(db):
    device = described_device()
    first = visits.start_as_guest(wanted(), device=device, origin=ORIGIN)
    second = visits.start_as_guest(wanted(), device=device, origin=ORIGIN)
    reachable = Visit.objects.visible_to_device(second.visit.authorization)
    assert list(reachable) == [second.visit]
    assert first.visit.authorization != second.visit.authorization


def test_a_guest_whose_answer_was_lost_gets_the_same_session(db):
    device = described_device()
    first = visits.start_as_guest(wanted(idempotency_key="k"), device=device, origin=ORIGIN)
    second = visits.start_as_guest(wanted(idempotency_key="k"), device=device, origin=ORIGIN)
    assert second.visit == first.visit
    assert SessionUse.objects.count() == 1
    assert tokens.authenticate(second.tokens.access_token, Token.Kind.ACCESS)
    for lost in (first.tokens.access_token, first.tokens.refresh_token):
        kind = Token.Kind.ACCESS if lost == first.tokens.access_token else Token.Kind.REFRESH
        with pytest.raises(Problem):
            tokens.authenticate(lost, kind)


def test_a_guest_whose_tokens_are_in_use_is_not_answered_again(db):
    device = described_device()
    first = visits.start_as_guest(wanted(idempotency_key="k"), device=device, origin=ORIGIN)
    tokens.authenticate(first.tokens.access_token, Token.Kind.ACCESS)
    with pytest.raises(Problem) as refusal:
        visits.start_as_guest(wanted(idempotency_key="k"), device=device, origin=ORIGIN)
    assert (refusal.value.status, refusal.value.code) == (409, "answer_received")


def test_a_guest_key_with_another_wish_is_refused(db):
    device = described_device()
    visits.start_as_guest(wanted(idempotency_key="k"), device=device, origin=ORIGIN)
    with pytest.raises(Problem) as refusal:
        visits.start_as_guest(wanted("Other", idempotency_key="k"), device=device, origin=ORIGIN)
    assert refusal.value.code == "idempotency_mismatch"


@pytest.mark.parametrize("second", [{"name": "Other"}, {"chooses_organization": True}])
def test_the_digest_tells_wishes_apart(db, second):
    assert wanted().digest() != wanted(**second).digest()
    assert SECRET_NAME not in wanted().digest()
