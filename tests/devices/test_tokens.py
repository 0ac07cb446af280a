import datetime as dt
import uuid

import pytest
from django.utils import timezone

from devices import actions, tokens
from devices.models import DeviceAuthorization, Token, TokenFamily
from medimic.audit.log import SYSTEM
from medimic.problems import Problem
from tests.devices.kit import call, events, refused, sign_in_device

pytestmark = [pytest.mark.django_db, pytest.mark.both]


@pytest.fixture
def signed_in(provider) -> actions.SignedIn:
    return sign_in_device(provider)


def refresh(token: str):
    return call("post", "token", {"grant_type": "refresh_token", "refresh_token": token})


def device(token: str):
    return call("get", "device", token=token)


def code_of(bearer: str, kind: Token.Kind) -> str:
    with pytest.raises(Problem) as caught:
        tokens.authenticate(bearer, kind)
    return caught.value.code


class TestRefresh:
    def test_rotates(self, signed_in):
        answer = refresh(signed_in.tokens.refresh_token).json()
        assert device(answer["access_token"]).status_code == 200
        assert refresh(answer["refresh_token"]).status_code == 200

    def test_a_lost_answer_may_be_asked_for_once_more(self, signed_in):
        spent = signed_in.tokens.refresh_token
        lost, second = refresh(spent).json(), refresh(spent).json()
        assert refused(device(lost["access_token"]), 401, "token_ended")
        assert device(second["access_token"]).status_code == 200
        # A third time is one too many, and ends the family.
        assert refused(refresh(spent), 401, "token_reused")
        assert refused(device(second["access_token"]), 401, "token_ended")

    @pytest.mark.parametrize("used", ["access_token", "refresh_token"])
    def test_a_second_use_ends_the_family_once_a_successor_was_used(self, signed_in, used):
        successor = refresh(signed_in.tokens.refresh_token).json()
        newest = successor
        if used == "access_token":
            device(successor["access_token"])
        else:
            newest = refresh(successor["refresh_token"]).json()
        assert refused(refresh(signed_in.tokens.refresh_token), 401, "token_reused")
        assert refused(device(newest["access_token"]), 401, "token_ended")
        assert refused(refresh(newest["refresh_token"]), 401, "token_ended")
        assert len(events("devices.token_reused")) == 1

    def test_a_second_use_after_a_minute_ends_the_family(self, signed_in):
        successor = refresh(signed_in.tokens.refresh_token).json()
        Token.objects.exclude(rotated_at=None).update(rotated_at=timezone.now() - dt.timedelta(seconds=61))
        assert refused(refresh(signed_in.tokens.refresh_token), 401, "token_reused")
        assert refused(device(successor["access_token"]), 401, "token_ended")

    def test_a_discarded_successor_ends_the_family(self, signed_in):
        lost = refresh(signed_in.tokens.refresh_token).json()
        kept = refresh(signed_in.tokens.refresh_token).json()
        assert refused(refresh(lost["refresh_token"]), 401, "token_reused")
        assert refused(device(kept["access_token"]), 401, "token_ended")

    def test_has_an_absolute_end(self, signed_in):
        TokenFamily.objects.update(expires_at=timezone.now() + dt.timedelta(minutes=5))
        answer = refresh(signed_in.tokens.refresh_token).json()
        assert (
            Token.objects.order_by("-created_at").first().expires_at == TokenFamily.objects.get().expires_at
        )
        TokenFamily.objects.update(expires_at=timezone.now())
        assert refused(refresh(answer["refresh_token"]), 401, "token_expired")

    def test_an_access_token_is_no_refresh_token(self, signed_in):
        assert refused(refresh(signed_in.tokens.access_token), 401, "token_unknown")

    def test_another_grant_is_refused(self, db):
        body = {"grant_type": "password", "refresh_token": "x"}
        assert refused(call("post", "token", body), 422, "invalid_content")


class TestAuthenticate:
    def test_missing_unknown_and_expired_are_told_apart(self, signed_in):
        assert refused(call("get", "device"), 401, "token_missing")
        assert refused(device("x" * 43), 401, "token_unknown")
        assert refused(device(signed_in.tokens.refresh_token), 401, "token_unknown")
        Token.objects.update(expires_at=timezone.now())
        assert refused(device(signed_in.tokens.access_token), 401, "token_expired")

    def test_is_one_query_once_the_token_was_used(self, signed_in, django_assert_num_queries):
        tokens.authenticate(signed_in.tokens.access_token, Token.Kind.ACCESS)
        with django_assert_num_queries(1):
            tokens.authenticate(signed_in.tokens.access_token, Token.Kind.ACCESS)

    @pytest.mark.parametrize(
        ("change", "code"),
        [
            (lambda row: actions.revoke(authorization=row, by=row.account, origin=SYSTEM), "device_revoked"),
            (lambda row: row.account.end_device_tokens(), "token_ended"),
            (lambda row: type(row.account).objects.update(is_active=False), "token_ended"),
        ],
    )
    def test_every_kind_is_refused_on_the_next_request(self, signed_in, change, code):
        row = signed_in.authorization
        session = tokens.issue_session_token(
            row, uuid.uuid4(), uuid.uuid4(), timezone.now() + dt.timedelta(hours=1)
        )
        assert tokens.authenticate(session, Token.Kind.SESSION)
        assert tokens.authenticate(signed_in.tokens.access_token, Token.Kind.ACCESS)
        change(row)
        assert code_of(session, Token.Kind.SESSION) == code
        assert refused(device(signed_in.tokens.access_token), 401, code)
        assert refused(refresh(signed_in.tokens.refresh_token), 401, code)

    def test_a_session_token_ends_with_its_session(self, signed_in):
        session_id = uuid.uuid4()
        ending = timezone.now() + dt.timedelta(hours=1)
        token = tokens.issue_session_token(signed_in.authorization, session_id, uuid.uuid4(), ending)
        assert tokens.end_session_tokens(session_id=session_id) == 1
        assert code_of(token, Token.Kind.SESSION) == "token_ended"


class TestSignOut:
    @pytest.mark.parametrize("kind", ["access_token", "refresh_token"])
    def test_ends_all_tokens_and_keeps_the_row(self, signed_in, kind):
        token = getattr(signed_in.tokens, kind)
        assert call("post", "revoke", {"token": token}).status_code == 200
        assert refused(device(signed_in.tokens.access_token), 401, "token_ended")
        assert refused(refresh(signed_in.tokens.refresh_token), 401, "token_ended")
        row = DeviceAuthorization.objects.get()
        assert (row.is_active, row.signed_out_at is not None) == (True, True)
        assert len(events("devices.signed_out")) == 1

    def test_answers_alike_for_unknown_and_ended_tokens(self, signed_in):
        for token in ("x" * 43, signed_in.tokens.access_token, signed_in.tokens.access_token):
            response = call("post", "revoke", {"token": token, "token_type_hint": "access_token"})
            assert (response.status_code, response.content) == (200, b"")
        assert len(events("devices.signed_out")) == 1


class TestOwnRecord:
    def test_takes_over_versions_name_and_push_token(self, signed_in):
        body = {"app_version": "3.3.0", "name": "Ward", "push": {"service": "fcm", "token": "abc"}}
        answer = call("patch", "device", body, token=signed_in.tokens.access_token).json()
        assert (answer["app_version"], answer["name"], answer["os"]) == ("3.3.0", "Ward", "iOS 17.4")
        assert DeviceAuthorization.objects.get().push_token == "abc"
        assert len(events("devices.updated")) == 1

    def test_null_leaves_push_routing(self, signed_in):
        call(
            "patch", "device", {"push": {"service": "fcm", "token": "a"}}, token=signed_in.tokens.access_token
        )
        call("patch", "device", {"push": None}, token=signed_in.tokens.access_token)
        assert DeviceAuthorization.objects.get().push_token == ""

    @pytest.mark.parametrize(
        "body", [{"owner": "x"}, {"id": "x"}, {"device_status_id": "ACTIVE"}, {"model": "x"}]
    )
    def test_changes_nothing_else(self, signed_in, body):
        answer = call("patch", "device", body, token=signed_in.tokens.access_token)
        assert refused(answer, 422, "invalid_content")


class TestLastSeen:
    def test_is_written_once_a_minute_at_most(self, signed_in, django_assert_num_queries):
        token = signed_in.tokens.access_token
        DeviceAuthorization.objects.update(last_seen_at=timezone.now() - dt.timedelta(seconds=61))
        device(token)
        written = DeviceAuthorization.objects.get().last_seen_at
        assert timezone.now() - written < dt.timedelta(seconds=10)
        device(token)
        assert DeviceAuthorization.objects.get().last_seen_at == written


class TestList:
    def test_a_device_lists_its_own_account(self, signed_in, colleague):
        sign_in_device(colleague)
        rows = call("get", "devices", token=signed_in.tokens.access_token).json()["devices"]
        assert [row["id"] for row in rows] == [str(signed_in.authorization.pk)]

    def test_the_portal_lists_oneself_and_nobody_else(self, signed_in, provider, colleague, sign_in):
        client = sign_in(provider)
        mine = call("get", f"devices?user_id={provider.pk}", client=client).json()["devices"]
        assert len(mine) == 1
        assert refused(call("get", f"devices?user_id={colleague.pk}", client=client), 404, "person_unknown")

    def test_anonymous_is_refused(self, db):
        assert refused(call("get", "devices"), 401, "not_signed_in")
