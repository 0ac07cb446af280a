"""The handshake at a session's door, over the API: each step once, in its order, by whom it is for."""

import json
import threading
import uuid

import pytest

from devices.models import Token
from medimic.audit.log import SYSTEM
from medimic.audit.models import AuditEvent
from sessions_app import admission as door_of
from sessions_app import visits
from sessions_app.models import Envelope, Participant, Visit
from tests.devices.test_races import race
from tests.sessions_app.conftest import make_authorization
from tests.sessions_app.room import WRAPPED, Door, Side, access_token, admission, call, join, roster, start

pytestmark = pytest.mark.django_db
OTHER = "v" * 53 + "A"


def refused(answer, status, code):
    assert (answer.status_code, answer.json()["code"]) == (status, code), answer.content


def done(answer):
    assert answer.status_code == 200, answer.content
    return answer.json()


def at_the_door(door):
    """Who waits, as the host reads them."""
    return roster(door.visit.pk, door.host_token).json()["participants"][1]


class TestTheWayIn:
    def test_a_guest_is_let_in_step_by_step(self, phone):
        door = Door(phone)
        waiting = roster(door.visit.pk, door.token).json()
        assert waiting["participant"]["host_key"] is None
        assert (at_the_door(door)["state"], at_the_door(door)["commitment"]) == (
            "waiting",
            door.side.commitment,
        )
        done(door.answer())
        told = roster(door.visit.pk, door.token).json()["participant"]
        assert (told["host_key"], told["host_nonce"]) == (door.host.key, door.host.nonce)
        done(door.reveal())
        assert (at_the_door(door)["public_key"], at_the_door(door)["nonce"]) == (
            door.side.key,
            door.side.nonce,
        )
        assert done(door.admit())["state"] == "admitted"
        inside = roster(door.visit.pk, door.token).json()
        assert [one["state"] for one in inside["participants"]] == ["admitted", "admitted"]
        assert inside["participants"][1]["reserved_up_to"] == 100

    def test_the_key_reaches_the_joiner_alone(self, phone):
        door = Door(phone).open()
        envelope = door.visit.envelopes.get()
        assert (envelope.wrapped, envelope.sender_key) == (WRAPPED, door.host.key)
        path = f"/api/sessions/{door.visit.pk}/envelope?thumbprint={envelope.thumbprint}"
        assert call("get", path, token=door.token).json()["wrapped"] == WRAPPED
        assert call("get", path, token=door.host_token).json()["code"] == "envelope_missing"

    def test_the_revealed_key_becomes_the_device_s(self, phone):
        door = Door(phone)
        door.answer()
        part = Participant.objects.get(pk=door.joined["participant_id"])
        assert not part.authorization.key_pairs.exists()
        door.reveal()
        assert part.authorization.key_pairs.get(ended_at=None).public_key == door.side.key

    def test_the_role_is_what_the_host_confirms(self, phone):
        door = Door(phone, role="patient")
        door.answer(), door.reveal()
        assert done(door.admit(role="interpreter"))["role"] == "interpreter"

    def test_provider_is_only_somebody_who_works_with_an_account(self, phone, tablet):
        guest = Door(phone)
        guest.answer(), guest.reveal()
        refused(guest.admit(role="provider"), 422, "role_refused")
        assert not Envelope.objects.exists()
        colleague = Door(phone, token=access_token(tablet))
        colleague.answer(), colleague.reveal()
        assert done(colleague.admit(role="provider"))["role"] == "provider"

    def test_everything_of_it_is_audited_without_a_name(self, phone, provider):
        door = Door(phone, name="Jane Secret").open()
        door.refuse()
        events = AuditEvent.objects.filter(object_id=str(door.visit.pk)).order_by("id")
        assert {one.kind for one in events} == {
            "sessions.started",
            "sessions.joined",
            "sessions.admitted",
            "sessions.removed",
        }
        for event in events:
            assert event.person_id == provider.pk
            assert "Secret" not in event.details
            assert door.visit.code not in event.details

    def test_nothing_changes_where_it_cannot_be_audited(self, phone, monkeypatch):
        door = Door(phone)
        door.answer(), door.reveal()

        def fail(*args, **kwargs):
            raise RuntimeError("no log")

        monkeypatch.setattr(door_of, "record", fail)
        assert door.admit().status_code == 500
        assert door.refuse().status_code == 500
        part = Participant.objects.get(pk=door.joined["participant_id"])
        assert (part.state, part.left_at) == ("waiting", None)
        assert not Envelope.objects.exists()
        assert roster(door.visit.pk, door.token).status_code == 200


class TestOrder:
    def test_nobody_reveals_before_the_host_answered(self, phone):
        refused(Door(phone).reveal(), 409, "handshake_step")

    def test_nobody_is_admitted_before_they_revealed(self, phone):
        door = Door(phone)
        refused(door.admit(), 409, "handshake_step")
        door.answer()
        refused(door.admit(), 409, "handshake_step")
        assert not Envelope.objects.exists()

    def test_each_step_may_be_repeated_as_it_was(self, phone):
        door = Door(phone)
        for step in (door.answer, door.reveal, door.admit):
            version = Visit.objects.get().version
            assert done(step()) == done(step())
            assert Visit.objects.get().version == version + 1
        assert AuditEvent.objects.filter(kind="sessions.admitted").count() == 1
        assert Envelope.objects.count() == 1

    def test_the_host_answers_once(self, phone):
        door = Door(phone)
        door.answer()
        refused(door.answer(Side()), 409, "handshake_step")
        same_key = Side()
        same_key.key = door.host.key
        refused(door.answer(same_key), 409, "handshake_step")
        assert at_the_door(door)["host_nonce"] == door.host.nonce

    def test_what_is_revealed_is_what_was_committed_to(self, phone):
        door = Door(phone)
        door.answer()
        refused(door.reveal(Side()), 409, "commitment_mismatch")
        other_nonce = Side()
        other_nonce.key = door.side.key
        refused(door.reveal(other_nonce), 409, "commitment_mismatch")
        other_key = Side()
        other_key.nonce = door.side.nonce
        refused(door.reveal(other_key), 409, "commitment_mismatch")
        assert at_the_door(door)["public_key"] is None
        done(door.reveal())
        refused(door.reveal(Side()), 409, "handshake_step")

    def test_admitted_is_admitted(self, phone):
        door = Door(phone).open()
        refused(door.admit(role="interpreter"), 409, "handshake_step")
        refused(door.admit(wrapped=OTHER), 409, "handshake_step")
        assert done(door.answer())["state"] == "admitted"
        refused(door.answer(Side()), 409, "handshake_step")

    def test_after_the_end_there_is_no_door(self, phone):
        door = Door(phone)
        tokens = (door.host_token, door.token)
        visits.end(door.visit, origin=SYSTEM)
        for token in tokens:
            refused(door.step("refuse", token), 401, "token_ended")


class TestRefusal:
    def test_at_the_door_it_ends_the_token_at_once(self, phone):
        door = Door(phone)
        assert done(door.refuse())["state"] == "refused"
        refused(roster(door.visit.pk, door.token), 401, "token_ended")
        part = Participant.objects.get(pk=door.joined["participant_id"])
        assert part.left_at is not None
        assert AuditEvent.objects.filter(kind="sessions.refused").count() == 1

    def test_inside_it_removes(self, phone):
        door = Door(phone).open()
        removed = done(door.refuse())
        assert removed["state"] == "admitted"
        assert removed["left_at"] is not None
        refused(roster(door.visit.pk, door.token), 401, "token_ended")
        assert AuditEvent.objects.filter(kind="sessions.removed").count() == 1

    def test_again_it_changes_nothing(self, phone):
        door = Door(phone)
        assert done(door.refuse()) == done(door.refuse())
        assert AuditEvent.objects.filter(kind="sessions.refused").count() == 1

    def test_is_the_last_word_on_this_participant(self, phone):
        door = Door(phone)
        door.answer(), door.reveal(), door.refuse()
        refused(door.admit(), 409, "handshake_step")
        refused(door.answer(Side()), 409, "handshake_step")

    def test_leaves_the_others_where_they_are(self, phone):
        door = Door(phone)
        other = join(door.visit.code).json()
        door.refuse()
        assert roster(other["session_id"], other["session_token"]).status_code == 200


class TestWhoMayWhat:
    def test_a_joiner_takes_no_step_of_the_host_s(self, phone):
        door = Door(phone)
        refused(door.step("answer", door.token, **door.host.half), 403, "host_only")
        door.answer(), door.reveal()
        refused(door.step("admit", door.token, role="patient", wrapped=WRAPPED), 403, "host_only")
        refused(door.step("refuse", door.token), 403, "host_only")

    def test_somebody_inside_lets_nobody_in(self, phone):
        door = Door(phone).open()
        other = join(door.visit.code).json()
        path = admission(door.visit.pk, other["participant_id"])
        for body in ({"action": "refuse"}, {"action": "answer", **Side().half}):
            refused(call("put", path, body, token=door.token), 403, "host_only")

    def test_nobody_reveals_for_another(self, phone):
        door = Door(phone)
        door.answer()
        other = join(door.visit.code).json()
        for token in (door.host_token, other["session_token"]):
            refused(door.step("reveal", token, **door.side.half), 404, "not_found")

    def test_another_session_s_is_not_told_from_a_missing_one(self, phone, tablet):
        door, foreign = Door(phone), Door(tablet)
        paths = [
            foreign.path,
            admission(foreign.visit.pk, uuid.uuid4()),
            admission(uuid.uuid4(), uuid.uuid4()),
            admission(door.visit.pk, foreign.joined["participant_id"]),
            admission(door.visit.pk, uuid.uuid4()),
        ]
        for body in ({"action": "refuse"}, {"action": "answer", **Side().half}):
            answers = [call("put", path, body, token=door.host_token) for path in paths]
            assert {answer.status_code for answer in answers} == {404}
            # But for the number that each request has of its own.
            assert len({str({**answer.json(), "request_id": ""}) for answer in answers}) == 1
        assert at_the_door(foreign)["state"] == "waiting"

    def test_the_host_neither_admits_nor_refuses_themselves(self, phone):
        door = Door(phone)
        path = admission(door.visit.pk, door.visit.hosting.pk)
        refused(call("put", path, {"action": "refuse"}, token=door.host_token), 404, "not_found")

    def test_it_takes_a_session_token(self, phone):
        door = Door(phone)
        refused(door.step("refuse", None), 401, "token_missing")
        refused(door.step("refuse", access_token(phone)), 401, "token_unknown")

    @pytest.mark.parametrize(
        "body",
        [
            {"action": "open"},
            {"action": "refuse", "role": "patient"},
            {"action": "admit", "role": "patient"},
            {"action": "admit", "role": "patient", "wrapped": "short"},
            {"action": "admit", "role": "admin", "wrapped": WRAPPED},
            {"action": "answer", "nonce": "A" * 43},
            {"action": "answer", "public_key": Side().key, "nonce": "B" * 43},
            {"action": "answer", "public_key": {**Side().key, "x": "A" * 43}, "nonce": "A" * 43},
            {"action": "answer", "public_key": {**Side().key, "d": "A" * 43}, "nonce": "A" * 43},
            {"action": "answer", **Side().half, "state": "admitted"},
        ],
    )
    def test_what_makes_no_step_is_named(self, phone, body):
        door = Door(phone)
        refused(call("put", door.path, body, token=door.host_token), 422, "invalid_content")


class TestWhatIsSeen:
    def test_who_waits_reads_their_own_state_alone(self, phone):
        door = Door(phone)
        join(door.visit.code, name="Another one")
        answer = roster(door.visit.pk, door.token)
        assert answer.json() == {
            "session": {"status": "active"},
            "participant": {
                "id": door.joined["participant_id"],
                "state": "waiting",
                "host_name": phone.account.name,
                "host_key": None,
                "host_nonce": None,
            },
        }
        for path in ("", "/envelope?thumbprint=" + "A" * 43, "/segments"):
            assert call("get", f"/api/sessions/{door.visit.pk}{path}", token=door.token).status_code == 403
        assert door.visit.code not in answer.content.decode()

    def test_the_handshake_is_the_host_s_to_see(self, phone):
        door = Door(phone).open()
        join(door.visit.code, name="Another one")
        inside = roster(door.visit.pk, door.token).json()
        assert [one["name"] for one in inside["participants"]] == [phone.account.name, "Jane"]
        assert inside["invitations"] is None
        hosts = roster(door.visit.pk, door.host_token).json()
        assert [one["commitment"] is not None for one in hosts["participants"]] == [False, False, True]
        assert hosts["invitations"] == []
        assert [one["is_you"] for one in inside["participants"]] == [False, True]

    def test_a_change_at_the_door_is_no_news_to_another_who_waits(self, phone):
        door = Door(phone)
        tag = {"If-None-Match": roster(door.visit.pk, door.token)["ETag"]}
        join(door.visit.code)
        assert roster(door.visit.pk, door.token, **tag).status_code == 304
        door.answer()
        assert roster(door.visit.pk, door.token, **tag).status_code == 200

    def test_who_is_inside_learns_of_each_change(self, phone):
        door = Door(phone).open()
        tag = {"If-None-Match": roster(door.visit.pk, door.token)["ETag"]}
        assert roster(door.visit.pk, door.token, **tag).status_code == 304
        other = join(door.visit.code).json()
        changed = roster(door.visit.pk, door.token, **tag)
        assert changed.status_code == 200
        tag = {"If-None-Match": changed["ETag"]}
        call(
            "put",
            admission(door.visit.pk, other["participant_id"]),
            {"action": "refuse"},
            token=door.host_token,
        )
        assert roster(door.visit.pk, door.token, **tag).status_code == 200

    def test_an_unchanged_answer_costs_one_query(self, phone, django_assert_num_queries):
        door = Door(phone).open()
        for token in (door.host_token, door.token):
            tag = {"If-None-Match": roster(door.visit.pk, token)["ETag"]}
            with django_assert_num_queries(1):
                assert roster(door.visit.pk, token, **tag).status_code == 304

    def test_a_full_answer_costs_the_same_for_many(self, phone, django_assert_max_num_queries):
        door = Door(phone).open()
        for index in range(40):
            Participant.objects.create(visit=door.visit, name=f"Guest {index}", role="patient")
        with django_assert_max_num_queries(5):
            assert len(roster(door.visit.pk, door.host_token).json()["participants"]) == 42


class TestLeaving:
    def leave(self, session_id, token):
        return call("post", f"/api/sessions/{session_id}/leave", {}, token=token)

    @pytest.mark.parametrize("is_in", [True, False])
    def test_ends_the_token_and_is_told(self, phone, is_in):
        door = Door(phone)
        if is_in:
            door.open()
        assert self.leave(door.visit.pk, door.token).status_code == 204
        refused(roster(door.visit.pk, door.token), 401, "token_ended")
        assert at_the_door(door)["left_at"] is not None
        assert at_the_door(door)["commitment"] is None
        assert AuditEvent.objects.filter(kind="sessions.left").count() == 1

    def test_the_host_ends_the_session_instead(self, phone):
        door = Door(phone)
        refused(self.leave(door.visit.pk, door.host_token), 409, "host_stays")

    def test_of_another_session_is_of_none(self, phone, tablet):
        door, other = Door(phone), Door(tablet)
        refused(self.leave(other.visit.pk, door.token), 404, "not_found")


class TestSpeakers:
    @pytest.fixture
    def shared(self, phone):
        return start(phone, "shared_device")

    def add(self, started, token=None, **fields):
        body = {"name": "Jane", "role": "patient", **fields}
        path = f"/api/sessions/{started.visit.pk}/participants"
        return call("post", path, body, token=token or started.session_token)

    def test_speak_on_the_host_s_own_screen(self, shared, phone):
        answer = self.add(shared)
        assert answer.status_code == 201
        out = answer.json()
        assert (out["state"], out["is_you"], out["reserved_up_to"]) == ("admitted", True, 100)
        speaker = Participant.objects.get(pk=out["id"])
        assert (speaker.authorization, speaker.person) == (phone, None)
        assert AuditEvent.objects.filter(kind="sessions.speaker_added").count() == 1
        names = [one["name"] for one in self.roster(shared)]
        assert names == [phone.account.name, "Jane"]

    def roster(self, started):
        return roster(started.visit.pk, started.session_token).json()["participants"]

    def test_the_same_id_is_the_same_speaker(self, shared):
        one = str(uuid.uuid4())
        answers = [self.add(shared, id=one) for _ in range(2)]
        assert [answer.status_code for answer in answers] == [201, 200]
        assert answers[0].json() == answers[1].json()
        refused(self.add(shared, id=one, name="John"), 409, "speaker_taken")

    def test_an_id_of_another_session_s_tells_nothing_of_it(self, shared, tablet):
        door = Door(tablet)
        taken = door.joined["participant_id"]
        refused(self.add(shared, id=taken), 409, "speaker_taken")

    def test_none_is_the_provider(self, shared):
        refused(self.add(shared, role="provider"), 422, "role_refused")

    def test_are_for_one_screen_alone(self, phone):
        refused(self.add(start(phone)), 409, "shared_device_only")

    def test_are_the_host_s_to_add(self, phone):
        door = Door(phone, "shared_device").open()
        refused(self.add(door.started, token=door.token), 403, "host_only")

    def test_take_a_place(self, shared, monkeypatch):
        monkeypatch.setattr("sessions_app.joining.MOST_PARTICIPANTS", 2)
        assert self.add(shared).status_code == 201
        refused(self.add(shared), 409, "session_full")


@pytest.mark.django_db(transaction=True)
class TestAtOnce:
    @pytest.fixture
    def door(self, outsider):
        return Door(make_authorization(outsider))

    def host(self, door):
        return Token.objects.get(session_id=door.visit.pk, participant_id=door.visit.hosting.pk)

    def test_of_two_answers_one_counts(self, door):
        host, sides = self.host(door), [Side() for _ in range(20)]
        pk = uuid.UUID(door.joined["participant_id"])

        def answer(index):
            key = door_of.PublicKey(**sides[index].key)
            door_of.answer(host, pk, key=key, nonce=sides[index].nonce)

        assert race(answer, 20) == {"won": 1, "handshake_step": 19}
        part = Participant.objects.get(pk=pk)
        assert (part.host_key, part.host_nonce) in [(side.key, side.nonce) for side in sides]
        assert part.version == 1

    def test_admitted_and_ended_at_once_nobody_is_left_inside(self, door):
        door.answer(), door.reveal()
        host, pk = self.host(door), uuid.UUID(door.joined["participant_id"])

        def act(index):
            if index % 2:
                visits.end(Visit.objects.get(pk=door.visit.pk), origin=SYSTEM)
            else:
                door_of.admit(host, pk, role="patient", wrapped=WRAPPED, origin=SYSTEM)

        outcome = race(act, 20)
        assert set(outcome) <= {"won", "session_over"}
        part, visit = Participant.objects.get(pk=pk), Visit.objects.get(pk=door.visit.pk)
        assert part.left_at == visit.ended_at
        # Either they came in before the end, with their key, or not at all.
        assert (part.state == "admitted") == Envelope.objects.exists()
        assert not Token.objects.filter(session_id=visit.pk, ended_at=None).exists()

    def test_admitted_and_refused_at_once_they_end_outside(self, door):
        door.answer(), door.reveal()
        host, pk = self.host(door), uuid.UUID(door.joined["participant_id"])

        def act(index):
            if index % 2:
                door_of.refuse(host, pk, origin=SYSTEM)
            else:
                door_of.admit(host, pk, role="patient", wrapped=WRAPPED, origin=SYSTEM)

        outcome = race(act, 20)
        assert set(outcome) <= {"won", "handshake_step"}
        part = Participant.objects.get(pk=pk)
        assert part.left_at is not None
        assert (part.state == "admitted") == Envelope.objects.exists()
        assert not Token.objects.filter(participant_id=pk, ended_at=None).exists()

    def test_one_speaker_added_fifty_times_is_one(self, outsider):
        started = start(make_authorization(outsider), "shared_device")
        host, pk = Token.objects.get(session_id=started.visit.pk), uuid.uuid4()
        outcome = race(
            lambda _: door_of.add_speaker(host, speaker_id=pk, name="Jane", role="patient", origin=SYSTEM)
        )
        assert outcome == {"won": 50}
        assert started.visit.participants.count() == 2

    def test_read_and_then_written_several_answers_would_count(self, door):
        """What the lock is for: who reads that nobody answered, and then writes."""
        pk, all_have_read, answered = door.joined["participant_id"], threading.Barrier(8), []

        def naive(index):
            part = Participant.objects.get(pk=pk)
            assert not part.host_nonce
            all_have_read.wait()
            part.answer(Side().key, Side().nonce)
            answered.append(index)

        race(naive, 8)
        assert len(answered) > 1


def test_the_documents_hold_no_secret(phone):
    """What is refused says what is wrong, and repeats nothing of what was sent."""
    door = Door(phone)
    door.answer()
    side = Side()
    answer = door.reveal(side)
    assert side.nonce not in json.dumps(answer.json())
