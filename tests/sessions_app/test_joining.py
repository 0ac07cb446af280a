"""Joining a session by its code."""

import datetime as dt
import re
import threading
import uuid
from typing import get_args

import pytest
from django.core.cache import cache
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from billing.models import SessionUse
from devices.models import DeviceAuthorization, Token
from devices.schemas import DeviceIn
from medimic.audit.log import SYSTEM
from medimic.audit.models import ActorKind, AuditEvent
from sessions_app import joining, visits
from sessions_app.models import Participant, Visit
from sessions_app.schemas_join import Role, State
from tests.answers import told
from tests.devices.test_races import race
from tests.sessions_app.conftest import make_authorization
from tests.sessions_app.room import Door, Side, access_token, admission, call, described, join, roster, start

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _nobody_guessed():
    cache.clear()


def refused(answer, status, code):
    assert (answer.status_code, answer.json()["code"]) == (status, code), answer.content
    return answer.json()


def code_of(phone):
    return start(phone).visit.code


def fill(visit, number=joining.MOST_PARTICIPANTS, **fields):
    """As many as fit, the host counted."""
    missing = number - visit.participants.filter(left_at=None).count()
    for index in range(missing):
        visit.participants.create(
            visit_started_at=visit.started_at,
            name=f"Guest {index}",
            role="patient",
            state="waiting",
            **fields,
        )


class TestWhoJoins:
    def test_a_guest_s_device_is_registered_and_waits(self, phone):
        visit = start(phone).visit
        answer = join(visit.code, name="Jane", role="patient").json()
        assert answer["session_id"] == str(visit.pk)
        assert (answer["state"], answer["host_name"]) == ("waiting", phone.account.name)
        expires_at = dt.datetime.fromisoformat(answer["expires_at"])
        assert abs(expires_at - visit.expires_at) < dt.timedelta(seconds=1)
        part = Participant.objects.get(pk=answer["participant_id"])
        assert (part.person, part.name, part.role, part.is_host) == (None, "Jane", "patient", False)
        assert part.authorization.account is None
        assert part.authorization.device.guest_owned

    def test_a_guest_s_device_gets_no_tokens_but_that_of_the_session(self, phone):
        join(code_of(phone))
        guest = DeviceAuthorization.objects.get(account=None)
        assert list(guest.tokens.values_list("kind", flat=True)) == ["session"]

    def test_joining_uses_nobody_s_quota(self, phone, outsider):
        code = code_of(phone)
        before = SessionUse.objects.count()
        join(code)
        join(code, token=access_token(make_authorization(outsider)))
        assert SessionUse.objects.count() == before

    def test_an_account_joins_on_its_device(self, phone, tablet, outsider):
        answer = join(code_of(phone), token=access_token(tablet), role="provider", name="Olga")
        assert answer.status_code == 201
        part = Participant.objects.get(pk=answer.json()["participant_id"])
        assert (part.person, part.authorization, part.role) == (outsider, tablet, "provider")

    def test_a_patient_joins(self, phone, patient):
        answer = join(code_of(phone), token=access_token(make_authorization(patient)))
        assert answer.status_code == 201

    def test_a_guest_joins_with_the_tokens_that_it_has(self, phone):
        guest = make_authorization(None)
        answer = join(code_of(phone), token=access_token(guest))
        assert Participant.objects.get(pk=answer.json()["participant_id"]).authorization == guest

    @pytest.mark.parametrize("typed", ["{}", " {} ", "{a}-{b}", "{a} {b}"])
    def test_the_code_is_taken_as_people_write_it(self, phone, typed):
        code = code_of(phone)
        written = typed.format(code, a=code[:3], b=code[3:]).lower()
        assert join(written).status_code == 201

    def test_a_session_in_either_mode_is_joined(self, phone):
        for mode in Visit.Mode.values:
            assert join(start(phone, mode).visit.code).status_code == 201

    def test_it_is_audited_without_a_name(self, phone, provider, clinic):
        visit = start(phone, name="Secret visit").visit
        join(visit.code, name="Jane Secret")
        event = AuditEvent.objects.get(kind="sessions.joined")
        assert (event.actor_kind, event.person_id, event.organization_id) == (
            ActorKind.GUEST,
            provider.pk,
            clinic.pk,
        )
        assert event.object_id == str(visit.pk)
        assert "Secret" not in event.details

    def test_an_account_finds_it_in_its_own_log(self, phone, tablet, outsider):
        join(code_of(phone), token=access_token(tablet))
        assert AuditEvent.objects.get(kind="sessions.joined").person_id == outsider.pk

    def test_nothing_changes_where_it_cannot_be_audited(self, phone, monkeypatch):
        code = code_of(phone)

        def fail(*args, **kwargs):
            raise RuntimeError("no log")

        monkeypatch.setattr(joining, "record", fail)
        with pytest.raises(RuntimeError):
            joining.join_as_guest(
                joining.Joining(code, "Jane", "patient", Side().commitment),
                device=DeviceIn(**described()),
                origin=SYSTEM,
            )
        assert Participant.objects.count() == 1
        assert not DeviceAuthorization.objects.filter(account=None).exists()


class TestRole:
    @pytest.mark.parametrize("who", ["guest", "patient"])
    def test_nobody_is_provider_who_works_with_no_account(self, phone, patient, who):
        code = code_of(phone)
        token = access_token(make_authorization(patient)) if who == "patient" else None
        refused(join(code, role="provider", token=token), 422, "role_refused")
        assert Participant.objects.count() == 1

    def test_refused_before_the_code_is_looked_at(self, phone):
        assert told(join(code_of(phone), role="provider")) == told(join("XXXXXX", role="provider"))

    def test_the_schema_s_are_those_of_the_model(self):
        assert set(get_args(Role)) == set(Participant.Role.values)
        assert set(get_args(State)) == set(Participant.State.values)


class TestStrangers:
    """Unknown, ended, expired and full are one to them."""

    @pytest.fixture(autouse=True)
    def _roomy(self, monkeypatch):
        monkeypatch.setattr(joining.guessing, "MOST", 100)

    @pytest.fixture
    def codes(self, phone):
        ended, expired, full = (start(phone).visit for _ in range(3))
        ended.end(timezone.now())
        now = timezone.now()
        Visit.objects.filter(pk=expired.pk).update(
            started_at=now - dt.timedelta(hours=9), expires_at=now - dt.timedelta(seconds=1)
        )
        fill(full)
        return {"unknown": "XXXXXX", "ended": ended.code, "expired": expired.code, "full": full.code}

    def test_are_answered_alike(self, codes):
        answers = {why: join(code) for why, code in codes.items()}
        assert {answer.status_code for answer in answers.values()} == {404}
        # But for the number that each request has of its own.
        assert len({str({**answer.json(), "request_id": ""}) for answer in answers.values()}) == 1
        for answer in answers.values():
            del answer.headers["X-Request-ID"]
        assert len({tuple(sorted(answer.headers.items())) for answer in answers.values()}) == 1
        assert answers["full"].json()["code"] == "code_unknown"

    def test_cost_the_same_queries(self, codes):
        shapes, device = {}, described()
        for why, code in codes.items():
            cache.clear()
            with CaptureQueriesContext(connection) as queries:
                join(code, device=device)
            shapes[why] = [re.sub(r"'[^']*'|s\d+_x\d+", "?", query["sql"]) for query in queries]
        assert len({repr(shape) for shape in shapes.values()}) == 1, shapes
        # One query finds a session, or none.
        assert len([one for one in shapes["full"] if "sessions_app" in one]) == 1

    def test_leave_no_device_behind(self, codes):
        for code in codes.values():
            join(code)
        assert not DeviceAuthorization.objects.filter(account=None).exists()

    def test_who_was_refused_or_left_takes_no_place(self, phone):
        visit = start(phone).visit
        fill(visit)
        gone = visit.participants.filter(is_host=False)[:2]
        gone[0].refuse()
        gone[1].leave()
        assert [join(visit.code).status_code for _ in range(3)] == [201, 201, 404]

    def test_one_session_keeps_so_many_rows_and_no_more(self, phone, monkeypatch):
        monkeypatch.setattr(joining, "MOST_ROWS", 3)
        door = Door(phone)
        door.refuse()
        assert join(door.visit.code).status_code == 201
        assert join(door.visit.code).status_code == 404


class TestAgain:
    def test_the_same_call_finds_the_same_participant_with_a_fresh_token(self, phone):
        code, side, device = code_of(phone), Side(), described()
        first, second = (join(code, side, device=device).json() for _ in range(2))
        assert first["participant_id"] == second["participant_id"]
        assert first["session_token"] != second["session_token"]
        for answer in (first, second):
            assert roster(answer["session_id"], answer["session_token"]).status_code == 200
        assert AuditEvent.objects.filter(kind="sessions.joined").count() == 1
        assert AuditEvent.objects.filter(kind="devices.guest_registered").count() == 1

    def test_of_an_account_s_device_too(self, phone, tablet):
        code, side, token = code_of(phone), Side(), access_token(tablet)
        first, second = (join(code, side, token=token).json()["participant_id"] for _ in range(2))
        assert first == second

    def test_also_where_the_session_is_full_by_now(self, phone):
        visit, side, device = start(phone).visit, Side(), described()
        join(visit.code, side, device=device)
        fill(visit)
        assert join(visit.code, side, device=device).status_code == 201

    def test_another_device_with_the_same_commitment_is_somebody_else(self, phone):
        code, side = code_of(phone), Side()
        first, second = (join(code, side).json() for _ in range(2))
        assert first["participant_id"] != second["participant_id"]

    def test_a_device_that_begins_anew_has_left_what_it_was(self, phone, tablet):
        code, token = code_of(phone), access_token(tablet)
        first, second = (join(code, token=token).json() for _ in range(2))
        assert first["participant_id"] != second["participant_id"]
        before = Participant.objects.get(pk=first["participant_id"])
        assert before.left_at is not None
        refused(roster(first["session_id"], first["session_token"]), 401, "token_ended")
        assert roster(second["session_id"], second["session_token"]).status_code == 200

    def test_after_a_refusal_the_same_commitment_is_spent(self, phone, tablet):
        token, side = access_token(tablet), Side()
        door = Door(phone)
        mine = join(door.visit.code, side, token=token).json()
        call(
            "put",
            admission(door.visit.pk, mine["participant_id"]),
            {"action": "refuse"},
            token=door.host_token,
        )
        refused(join(door.visit.code, side, token=token), 409, "handshake_step")
        assert join(door.visit.code, token=token).status_code == 201

    def test_at_most_five_tokens_of_one_participant_live(self, phone, tablet):
        code, side, token = code_of(phone), Side(), access_token(tablet)
        answers = [join(code, side, token=token).json() for _ in range(7)]
        statuses = [roster(one["session_id"], one["session_token"]).status_code for one in answers]
        assert statuses == [401, 401, 200, 200, 200, 200, 200]

    def test_the_host_s_own_device_need_not_join(self, phone):
        refused(join(code_of(phone), token=access_token(phone)), 409, "already_host")

    def test_another_device_of_the_host_may(self, phone, provider):
        token = access_token(make_authorization(provider, "iPad Air"))
        assert join(code_of(phone), token=token).status_code == 201


class TestRefusals:
    def test_a_call_says_by_what_it_comes(self, phone, tablet):
        code = code_of(phone)
        refused(join(code, device=None), 422, "guest_device_needed")
        refused(join(code, token=access_token(tablet), device=described()), 422, "guest_device_needed")

    def test_a_session_token_joins_nothing(self, phone):
        started = start(phone)
        refused(join(started.visit.code, token=started.session_token), 401, "token_unknown")

    def test_a_revoked_device_joins_nothing(self, phone, tablet, outsider):
        token = access_token(tablet)
        tablet.revoke(by=outsider, reason="self")
        refused(join(code_of(phone), token=token), 401, "device_revoked")

    def test_a_device_that_support_ended_joins_nothing_as_a_guest(self, phone):
        code, device = code_of(phone), described()
        join(code, device=device)
        DeviceAuthorization.objects.get(account=None).revoke(by=None, reason="staff")
        refused(join(code, device=device), 403, "device_blocked")

    @pytest.mark.parametrize(
        "fields",
        [
            {"key_commitment": "short"},
            {"key_commitment": "B" * 43},  # not the one spelling of its bytes
            {"key_commitment": None},
            {"name": ""},
            {"name": "x" * 121},
            {"name": "a\u202eb"},
            {"role": "admin"},
            {"role": None},
            {"code": ""},
            {"code": "A" * 21},
            {"state": "admitted"},
            {"is_host": True},
            {"person": str(uuid.uuid4())},
        ],
    )
    def test_what_makes_no_participant_is_named(self, phone, fields):
        code = fields.pop("code", code_of(phone))
        document = refused(join(code, **fields), 422, "invalid_content")
        assert document["errors"]
        assert Participant.objects.count() == 1


@pytest.mark.django_db(transaction=True)
class TestAtOnce:
    def test_the_last_place_goes_to_one_of_fifty(self, outsider):
        visit = start(make_authorization(outsider)).visit
        fill(visit, joining.MOST_PARTICIPANTS - 1)
        outcome = race(lambda _: join_directly(visit.code))
        assert outcome == {"won": 1, "code_unknown": 49}
        assert visit.participants.filter(left_at=None).count() == joining.MOST_PARTICIPANTS

    def test_counted_without_the_lock_it_would_go_to_several(self, outsider):
        visit = start(make_authorization(outsider)).visit
        fill(visit, joining.MOST_PARTICIPANTS - 1)
        all_have_counted = threading.Barrier(8)

        def naive(_):
            if not joining._has_room(visit):
                raise joining.CodeUnknown
            all_have_counted.wait()
            fill(visit, visit.participants.count() + 1)

        race(naive, 8)
        assert visit.participants.count() > joining.MOST_PARTICIPANTS

    def test_one_wish_sent_fifty_times_is_one_participant(self, outsider):
        visit = start(make_authorization(outsider)).visit
        side, device = Side(), described()
        outcome = race(lambda _: join_directly(visit.code, side, device))
        assert outcome == {"won": 50}
        assert visit.participants.filter(is_host=False).count() == 1
        living = Token.objects.filter(kind="session", session_id=visit.pk, ended_at=None)
        assert living.exclude(participant_id=visit.hosting.pk).count() == joining.MOST_TOKENS

    def test_joined_while_it_ends_nobody_is_left_inside(self, outsider):
        visit = start(make_authorization(outsider)).visit

        def act(index):
            if index == 10:
                visits.end(Visit.objects.get(pk=visit.pk), origin=SYSTEM)
            else:
                join_directly(visit.code)

        outcome = race(act, 19)
        assert set(outcome) <= {"won", "code_unknown"}
        visit.refresh_from_db()
        assert visit.ended_at is not None
        assert not visit.participants.filter(left_at=None).exists()
        assert not Token.objects.filter(session_id=visit.pk, ended_at=None).exists()


def join_directly(code, side=None, device=None):
    wanted = joining.Joining(code, "Jane", "patient", (side or Side()).commitment)
    facts = DeviceIn(**(device or described()))
    return joining.join_as_guest(wanted, device=facts, origin=SYSTEM)
