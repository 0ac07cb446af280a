"""A guest signs up, and takes along what they started, and nothing else."""

import datetime as dt
import json

import pytest
from django.utils import timezone

from billing.catalogue import GUEST
from billing.models import SessionUse, UsagePeriod
from devices import actions
from devices.models import DeviceAuthorization, Token, TokenFamily
from medimic.audit.log import SYSTEM
from sessions_app import claims
from sessions_app.models import Envelope, Participant, Visit
from tests import cast
from tests.devices.kit import call, events, facts, push, refused, sign_in_device
from tests.devices.test_races import race
from tests.sessions_app.conftest import make_authorization
from tests.sessions_app.room import WRAPPED, Side, join
from tests.sessions_app.room import start as make_session

TABLET = {"device_id": "the-tablet-in-exam-room-2", "model": "iPad Air", "device_type_id": "tablet"}


def start_as_guest(name="Before", **device) -> dict:
    """A session on the tablet without an account: the answer of the API."""
    answer = call("post", "sessions", {"name": name, "device": facts(**TABLET | device)})
    assert answer.status_code == 201, answer.content
    return answer.json()


def token_of(answer: dict, kind="access_token") -> str:
    return answer["tokens"][kind]


def claim(guest_token: str, access_token: str):
    return call("post", "sessions/claim", {"guest_token": guest_token}, token=access_token)


def sessions(access_token: str) -> list[str]:
    return [row["id"] for row in call("get", "sessions", token=access_token).json()["sessions"]]


@pytest.mark.django_db
class TestClaim:
    @pytest.fixture
    def guest(self) -> dict:
        return start_as_guest()

    @pytest.fixture
    def signed_in(self, guest, provider) -> actions.SignedIn:
        """The provider, on the device that the guest used."""
        return sign_in_device(provider, **TABLET)

    def test_brings_nothing_by_itself(self, guest, signed_in):
        assert sessions(signed_in.tokens.access_token) == []

    @pytest.mark.parametrize("kind", ["access_token", "refresh_token"])
    def test_brings_what_the_guest_started(self, guest, signed_in, provider, kind):
        second = call("post", "sessions", {"name": "Second"}, token=token_of(guest)).json()
        answer = claim(token_of(guest, kind), signed_in.tokens.access_token)
        assert [row["id"] for row in answer.json()["sessions"]] == [guest["id"], second["id"]]
        assert set(sessions(signed_in.tokens.access_token)) == {guest["id"], second["id"]}
        hosts = Participant.objects.filter(is_host=True)
        assert {(host.person, host.name) for host in hosts} == {(provider, provider.name)}

    def test_goes_on_with_a_running_session(self, guest, signed_in):
        (row,) = claim(token_of(guest), signed_in.tokens.access_token).json()["sessions"]
        assert call("get", f"sessions/{guest['id']}", token=row["session_token"]).status_code == 200
        ended = call("post", f"sessions/{guest['id']}/end", token=row["session_token"]).json()
        assert ended["status"] == "ended"

    def test_gives_no_token_for_a_session_that_is_over(self, guest, signed_in):
        call("post", f"sessions/{guest['id']}/end", token=token_of(guest))
        (row,) = claim(token_of(guest), signed_in.tokens.access_token).json()["sessions"]
        assert row == {"id": guest["id"], "session_token": None}

    def test_ends_the_guest_s_tokens(self, guest, signed_in):
        claim(token_of(guest), signed_in.tokens.access_token)
        for token in (token_of(guest), guest["session_token"]):
            assert refused(call("get", f"sessions/{guest['id']}", token=token), 401, "device_revoked")
        refresh = {"grant_type": "refresh_token", "refresh_token": token_of(guest, "refresh_token")}
        assert refused(call("post", "token", refresh), 401, "device_revoked")
        row = DeviceAuthorization.objects.get(account=None)
        assert (row.revoked_reason, row.successor) == ("succeeded", signed_in.authorization)

    def test_leaves_the_transcript_readable_with_the_guest_s_key(self, guest, signed_in, provider):
        """The key to it stays wrapped for the key that the device had as a guest."""
        path, side = f"sessions/{guest['id']}", Side()
        speaker = Participant.objects.create(
            visit_id=guest["id"],
            visit_started_at=timezone.now(),
            authorization=Visit.objects.get().authorization,
            name="Speaker",
            role="patient",
        )
        envelope = {"public_key": side.key, "wrapped": WRAPPED}
        kept = call("put", f"{path}/envelope", envelope, token=guest["session_token"])
        mark = kept.json()["thumbprint"]
        (row,) = claim(token_of(guest), signed_in.tokens.access_token).json()["sessions"]
        # While it runs, and after it, from the account's device.
        for token in (row["session_token"], signed_in.tokens.access_token):
            answer = call("get", f"{path}/envelope?thumbprint={mark}", token=token)
            assert answer.json()["wrapped"] == WRAPPED
            call("post", f"{path}/end", token=token)
        own = Envelope.objects.get()
        assert (own.person, own.authorization) == (provider, signed_in.authorization)
        speaker.refresh_from_db()
        assert (speaker.authorization, speaker.person) == (signed_in.authorization, None)

    def test_takes_a_key_along_that_the_account_has_already(self, guest, signed_in, provider):
        visit = Visit.objects.get()
        both = {"visit": visit, "thumbprint": "t" * 43, "sender_key": {}, "wrapped": WRAPPED}
        Envelope.objects.create(authorization=visit.authorization, **both)
        Envelope.objects.create(person=provider, authorization=signed_in.authorization, **both)
        assert claim(token_of(guest), signed_in.tokens.access_token).status_code == 200
        assert Envelope.objects.get().person == provider

    def test_leaves_what_the_guest_joined_with_its_host(self, signed_in, outsider):
        """Another's session is not the guest's to take along, nor is the name that they gave there."""
        visit = make_session(make_authorization(outsider)).visit
        joined = join(visit.code, device=facts(**TABLET)).json()
        started = call("post", "sessions", {"name": "Own", "device": facts(**TABLET)}).json()
        claim(token_of(started), signed_in.tokens.access_token)
        part = Participant.objects.get(pk=joined["participant_id"])
        assert (part.person, part.visit.host) == (None, outsider)

    def test_leaves_the_quota_with_the_guest(self, guest, signed_in, provider):
        use = SessionUse.objects.get(session_id=guest["id"])
        claim(token_of(guest), signed_in.tokens.access_token)
        assert SessionUse.objects.get(session_id=guest["id"]).period == use.period
        assert not UsagePeriod.objects.filter(person=provider).exists()
        for _ in range(GUEST.session_quota - 1):
            start_as_guest()
        answer = call("post", "sessions", {"name": "One more", "device": facts(**TABLET)})
        assert refused(answer, 409, "quota_exceeded")

    def test_repeated_finds_the_same(self, guest, signed_in):
        first = claim(token_of(guest), signed_in.tokens.access_token).json()["sessions"]
        again = claim(token_of(guest), signed_in.tokens.access_token).json()["sessions"]
        assert [row["id"] for row in again] == [row["id"] for row in first]
        # The first answer was lost; so was the token in it.
        lost, kept = first[0]["session_token"], again[0]["session_token"]
        assert refused(call("get", f"sessions/{guest['id']}", token=lost), 401, "token_ended")
        assert call("get", f"sessions/{guest['id']}", token=kept).status_code == 200
        assert len(events("sessions.claimed")) == 1

    def test_is_audited_without_names(self, guest, signed_in, provider):
        claim(token_of(guest), signed_in.tokens.access_token)
        (event,) = events("sessions.claimed")
        assert (event.person_id, event.actor_id) == (provider.pk, provider.pk)
        assert json.loads(event.details) == {"device": "iPad Air · iOS 17.4", "sessions": 1}

    def test_stands_or_falls_with_its_audit_row(self, guest, signed_in, monkeypatch):
        def fail(*args, **kwargs):
            raise RuntimeError("no log")

        monkeypatch.setattr(claims, "record", fail)
        caller = Token.objects.get(authorization=signed_in.authorization, kind="access")
        with pytest.raises(RuntimeError):
            claims.claim(token_of(guest), caller=caller, origin=SYSTEM)
        assert call("get", "device", token=token_of(guest)).status_code == 200
        assert Visit.objects.get().host is None


@pytest.mark.django_db
class TestRefused:
    @pytest.fixture
    def guest(self) -> dict:
        return start_as_guest()

    @pytest.fixture
    def access(self, guest, provider) -> str:
        return sign_in_device(provider, **TABLET).tokens.access_token

    def test_without_a_token_of_the_guest(self, guest, access):
        for text in ("x" * 43, access, guest["session_token"]):
            assert refused(claim(text, access), 403, "guest_token_refused")

    def test_to_a_guest(self, guest):
        assert refused(claim(token_of(guest), token_of(guest)), 403, "account_needed")

    def test_to_an_account_on_another_device(self, guest, colleague):
        elsewhere = sign_in_device(colleague).tokens.access_token
        assert refused(claim(token_of(guest), elsewhere), 403, "guest_token_refused")

    def test_to_a_second_account_on_the_device(self, guest, access, colleague):
        claim(token_of(guest), access)
        other = sign_in_device(colleague, **TABLET).tokens.access_token
        assert refused(claim(token_of(guest), other), 403, "guest_token_refused")
        assert sessions(other) == []

    def test_to_whoever_merely_knows_the_device_s_identifier(self, guest, colleague):
        """They sign in as themselves with it, or call as a guest of it: neither brings anything."""
        other = sign_in_device(colleague, **TABLET).tokens.access_token
        impostor = start_as_guest("Impostor")
        answer = claim(token_of(impostor), other).json()["sessions"]
        assert [row["id"] for row in answer] == [impostor["id"]]
        assert guest["id"] not in sessions(other)

    def test_an_impostor_takes_nothing_from_the_guest_either(self, guest, access):
        start_as_guest("Impostor")
        answer = claim(token_of(guest, "refresh_token"), access).json()["sessions"]
        assert [row["id"] for row in answer] == [guest["id"]]

    def test_with_a_token_that_is_over(self, guest, access):
        Token.objects.filter(authorization__account=None).update(expires_at=timezone.now())
        assert refused(claim(token_of(guest), access), 403, "guest_token_refused")

    def test_with_a_token_that_was_signed_out(self, guest, access):
        call("post", "revoke", {"token": token_of(guest)})
        assert refused(claim(token_of(guest), access), 403, "guest_token_refused")

    def test_with_a_refresh_token_that_was_spent(self, guest, access):
        refresh = {"grant_type": "refresh_token", "refresh_token": token_of(guest, "refresh_token")}
        newer = call("post", "token", refresh).json()
        assert refused(claim(token_of(guest, "refresh_token"), access), 403, "guest_token_refused")
        assert claim(newer["refresh_token"], access).status_code == 200

    def test_with_a_token_that_another_answer_took_the_place_of(self, guest, access):
        refresh = {"grant_type": "refresh_token", "refresh_token": token_of(guest, "refresh_token")}
        lost, kept = call("post", "token", refresh).json(), call("post", "token", refresh).json()
        for kind in ("access_token", "refresh_token"):
            assert refused(claim(lost[kind], access), 403, "guest_token_refused")
        assert claim(kept["access_token"], access).status_code == 200

    def test_with_a_token_whose_family_ended(self, guest, access):
        TokenFamily.objects.filter(authorization__account=None).update(
            expires_at=timezone.now() - dt.timedelta(seconds=1)
        )
        assert refused(claim(token_of(guest), access), 403, "guest_token_refused")

    def test_with_a_guest_whom_support_ended(self, guest, access, support):
        row = DeviceAuthorization.objects.get(account=None)
        reason = DeviceAuthorization.RevokedReason.STAFF
        actions.revoke(authorization=row, by=support, origin=SYSTEM, reason=reason)
        assert refused(claim(token_of(guest), access), 403, "guest_token_refused")

    def test_where_the_guest_s_key_is_not_proven(self, guest, access):
        """A guest whose tokens are bound to a key: the account's must be bound to the same."""
        TokenFamily.objects.filter(authorization__account=None).update(jkt="k" * 43)
        assert refused(claim(token_of(guest), access), 403, "guest_token_refused")

    def test_without_a_sign_in(self, guest):
        answer = call("post", "sessions/claim", {"guest_token": token_of(guest)})
        assert refused(answer, 401, "token_missing")

    def test_other_members(self, guest, access):
        body = {"guest_token": token_of(guest), "host": "me"}
        assert refused(call("post", "sessions/claim", body, token=access), 422, "invalid_content")


@pytest.mark.django_db
class TestQuotaOfADevice:
    def test_is_not_reset_by_a_reinstall(self):
        for _ in range(GUEST.session_quota):
            start_as_guest(push=push())
        answer = call("post", "sessions", {"name": "After", "device": facts(**TABLET, app_version="4.0")})
        assert refused(answer, 409, "quota_exceeded")

    def test_is_not_reset_by_an_account_that_came_and_went(self):
        for _ in range(GUEST.session_quota):
            start_as_guest()
        row = sign_in_device(cast.make_person(), **TABLET).authorization
        actions.revoke(authorization=row, by=row.account, origin=SYSTEM)
        answer = call("post", "sessions", {"name": "After", "device": facts(**TABLET)})
        assert refused(answer, 409, "quota_exceeded")


@pytest.mark.django_db(transaction=True)
class TestAtOnce:
    def test_two_accounts_claim_and_one_gets_all(self, provider, colleague):
        guest = start_as_guest()
        callers = [sign_in_device(person, **TABLET).authorization for person in (provider, colleague)]
        held = [Token.objects.select_related("family", "authorization__account").get(
            authorization=row, kind="access") for row in callers]  # fmt: skip
        outcome = race(lambda i: claims.claim(token_of(guest), caller=held[i % 2], origin=SYSTEM), 10)
        assert outcome == {"won": 5, "guest_token_refused": 5}
        assert Visit.objects.get().host in (provider, colleague)
        assert len(events("sessions.claimed")) == 1

    def test_a_session_that_starts_meanwhile_is_taken_or_refused(self, provider):
        guest = start_as_guest()
        signed_in = sign_in_device(provider, **TABLET)
        caller = Token.objects.select_related("family", "authorization__account").get(
            authorization=signed_in.authorization, kind="access"
        )
        answers = []

        def act(index: int) -> None:
            if index % 2:
                claims.claim(token_of(guest), caller=caller, origin=SYSTEM)
            else:
                answer = call("post", "sessions", {"name": f"{index}"}, token=token_of(guest))
                answers.append((answer.status_code, answer.json().get("code", "")))

        race(act, 6)
        claims.claim(token_of(guest), caller=caller, origin=SYSTEM)
        started = [status for status, _code in answers if status == 201]
        assert Visit.objects.filter(host=provider).count() == 1 + len(started)
        assert not Visit.objects.filter(host=None).exists()
        assert {code for status, code in answers if status == 401} <= {"device_revoked"}
