"""What a revocation ended: tried on every channel, and compared with what the receipt says."""

import json

import pytest
from django.contrib.sessions.models import Session
from django.test import Client
from django.utils import timezone

from accounts.models import Person
from devices import actions, browser_sign_ins, guests, receipts
from devices.models import DeviceAuthorization, RevocationReceipt, Token, TokenFamily
from medimic.audit.log import SYSTEM
from medimic.audit.presenters import sentence
from tests.devices.kit import (
    call,
    device_in,
    events,
    link_for,
    log_in,
    push,
    refused,
    sign_in_device,
    token_in,
)

pytestmark = pytest.mark.django_db
LIST = "/settings/devices/"
NOTHING = dict.fromkeys(RevocationReceipt.CHANNELS, 0)


def page_of(row) -> str:
    return f"{LIST}{row.pk}/revocation/"


def revoke(row, **fields) -> bool:
    return actions.revoke(authorization=row, by=row.account, origin=SYSTEM, **fields)


def refresh(token: str):
    return call("post", "token", {"grant_type": "refresh_token", "refresh_token": token})


def browser_on(row) -> Client:
    """A browser that is this device, signed in."""
    client = Client()
    client.force_login(row.account)
    client.get(LIST)
    session = client.session
    session[browser_sign_ins.NOTE] = str(row.pk)
    session.save()
    return client


def in_use(person: Person) -> tuple[DeviceAuthorization, dict[str, list]]:
    """A device with something living on every channel: its row, and how to try each of them."""
    signed_in = sign_in_device(person, push=push())
    row = signed_in.authorization
    # A rotation leaves the older access token as good as it was, and spends the refresh token.
    newer = refresh(signed_in.tokens.refresh_token).json()
    sessions = [
        call("post", "sessions", {"name": f"Visit {i}"}, token=newer["access_token"]).json() for i in range(3)
    ]
    over = sessions.pop()
    call("post", f"sessions/{over['id']}/end", token=newer["access_token"])
    return row, {
        "browser_sign_ins": [browser_on(row), browser_on(row)],
        "access_tokens": [signed_in.tokens.access_token, newer["access_token"]],
        "refresh_tokens": [newer["refresh_token"]],
        "session_tokens": [(session["id"], session["session_token"]) for session in sessions],
        "push_routes": [row.pk],
        "pending_registrations": [],
    }


def accepted(channels: dict[str, list]) -> dict[str, int]:
    """Tries every channel for real, and counts what still reaches the account."""
    return {
        "browser_sign_ins": sum(
            client.get(LIST).status_code == 200 for client in channels["browser_sign_ins"]
        ),
        "access_tokens": sum(
            call("get", "device", token=token).status_code == 200 for token in channels["access_tokens"]
        ),
        "session_tokens": sum(
            call("get", f"sessions/{session_id}", token=token).status_code == 200
            for session_id, token in channels["session_tokens"]
        ),
        "push_routes": DeviceAuthorization.objects.filter(pk__in=channels["push_routes"]).exclude(
            push_hash=""
        ).count(),
        "pending_registrations": sum(
            log_in(token).status_code == 200 for token in channels["pending_registrations"]
        ),
        # Last: what is tried is spent.
        "refresh_tokens": sum(refresh(token).status_code == 200 for token in channels["refresh_tokens"]),
    }  # fmt: skip


class TestCounts:
    def test_what_the_receipt_counts_is_what_was_accepted_before_and_nothing_is_after(self, provider):
        row, channels = in_use(provider)
        assert revoke(row)
        assert row.receipt.counts == {name: len(tries) for name, tries in channels.items()}
        assert row.receipt.counts == {
            "browser_sign_ins": 2,
            "access_tokens": 2,
            "refresh_tokens": 1,
            "session_tokens": 2,
            "push_routes": 1,
            "pending_registrations": 0,
        }
        assert accepted(channels) == NOTHING

    def test_each_of_them_was_good_until_then(self, provider):
        _row, channels = in_use(provider)
        assert accepted(channels) == {name: len(tries) for name, tries in channels.items()}

    def test_a_pending_registration(self, provider):
        issued = link_for(provider)
        assert revoke(issued.authorization)
        assert issued.authorization.receipt.counts == NOTHING | {"pending_registrations": 1}
        assert (
            accepted({name: [] for name in NOTHING} | {"pending_registrations": [token_in(issued.link)]})
            == NOTHING
        )

    def test_a_guest_s_device(self):
        row, issued = guests.first_use(device_in(push=push()), SYSTEM)
        actions.revoke(
            authorization=row, by=None, origin=SYSTEM, reason=DeviceAuthorization.RevokedReason.STAFF
        )
        assert row.receipt.counts == NOTHING | {"access_tokens": 1, "refresh_tokens": 1, "push_routes": 1}
        assert refused(call("get", "device", token=issued.access_token), 401, "device_revoked")

    @pytest.mark.parametrize(
        "end",
        [
            lambda row: row.sign_out(),
            lambda row: row.account.end_device_tokens(),
            lambda row: Token.objects.update(expires_at=timezone.now()),
            lambda row: Token.objects.update(ended_at=timezone.now()),
            lambda row: Person.objects.update(is_active=False),
        ],
    )
    def test_what_had_ended_before_is_not_counted(self, provider, end):
        row, _channels = in_use(provider)
        end(row)
        revoke(row)
        counted = row.receipt.counts
        assert [counted[f"{kind}_tokens"] for kind in ("access", "refresh", "session")] == [0, 0, 0]

    def test_a_family_past_its_absolute_end_is_not_counted(self, provider):
        row, _channels = in_use(provider)
        TokenFamily.objects.update(expires_at=timezone.now())
        revoke(row)
        assert (row.receipt.access_tokens, row.receipt.refresh_tokens, row.receipt.session_tokens) == (
            0,
            0,
            2,
        )

    def test_another_account_s_on_the_same_device_are_not_counted_and_live_on(self, provider, colleague):
        shared = {"device_id": "the-tablet-in-exam-room-2"}
        mine = sign_in_device(provider, **shared).authorization
        other = sign_in_device(colleague, **shared)
        elsewhere = browser_on(other.authorization)
        revoke(mine)
        assert mine.receipt.counts == NOTHING | {"access_tokens": 1, "refresh_tokens": 1}
        assert call("get", "device", token=other.tokens.access_token).status_code == 200
        assert elsewhere.get(LIST).status_code == 200

    def test_a_sign_in_of_another_browser_lives_on(self, provider, sign_in):
        row, _channels = in_use(provider)
        elsewhere = sign_in(provider)
        elsewhere.get(LIST)
        revoke(row)
        assert elsewhere.get(LIST).status_code == 200

    def test_is_written_once(self, provider):
        row, _channels = in_use(provider)
        revoke(row)
        first = row.receipt.counts
        assert not revoke(row)
        assert RevocationReceipt.objects.get().counts == first

    def test_needs_a_revocation(self, provider):
        row = sign_in_device(provider).authorization
        with pytest.raises(ValueError, match="is not revoked"):
            receipts.end_and_count(row, push_routes=0, pending_registrations=0)

    def test_stands_or_falls_with_the_revocation(self, provider, monkeypatch):
        row, channels = in_use(provider)

        def fail(*args, **kwargs):
            raise RuntimeError("no log")

        monkeypatch.setattr(actions, "record", fail)
        with pytest.raises(RuntimeError):
            revoke(row)
        assert not RevocationReceipt.objects.exists()
        assert accepted(channels) == {name: len(tries) for name, tries in channels.items()}


class TestLog:
    def test_holds_the_same_figures(self, provider):
        row, _channels = in_use(provider)
        revoke(row, is_unrecognized=True)
        (event,) = events("devices.revoked")
        details = json.loads(event.details)
        assert {name: details[name] for name in NOTHING} == row.receipt.counts
        assert (details["reason"], details["unrecognized"]) == ("self", True)

    def test_reads_as_a_sentence(self, provider):
        row, _channels = in_use(provider)
        revoke(row, is_unrecognized=True)
        (event,) = events("devices.revoked")
        assert sentence(event) == (
            "Revoked iPhone 15 Pro · iOS 17.4, not recognized. Ended: Browser sign-ins on it 2, "
            "Access tokens 2, Refresh tokens 1, Session tokens 2, Push route 1"
        )


class TestBrowser:
    def test_that_is_revoked_while_its_key_changes_is_signed_out_on_its_next_request(self, provider):
        """The sign-in moved to another key after the revocation had looked for it."""
        row, _another = sign_in_device(provider).authorization, sign_in_device(provider)
        client = browser_on(row)
        DeviceAuthorization.objects.filter(pk=row.pk).update(
            revoked_at=timezone.now(), revoked_reason=DeviceAuthorization.RevokedReason.SELF
        )
        assert client.get(LIST).url.startswith("/accounts/login/")
        assert not Session.objects.filter(session_key=client.cookies["sign-in"].value).exists()

    def test_costs_a_sign_in_without_a_device_no_query(
        self, provider, sign_in, django_assert_max_num_queries
    ):
        client = sign_in(provider)
        client.get("/accessibility/")
        with django_assert_max_num_queries(20) as queries:
            client.get("/accessibility/")
        assert not [query for query in queries if "devices_deviceauthorization" in query["sql"]]

    def test_may_revoke_itself_and_is_signed_out(self, provider):
        row = sign_in_device(provider, name="This browser").authorization
        client = browser_on(row)
        assert "the browser that you are using" in client.get(page_of(row)).content.decode()
        response = client.post(page_of(row), follow=True)
        assert response.redirect_chain == [("/accounts/login/", 302)]
        assert "This browser is revoked and signed out." in response.content.decode()
        assert client.get(LIST).status_code == 302


class TestPage:
    @pytest.fixture
    def row(self, provider) -> DeviceAuthorization:
        row, _channels = in_use(provider)
        return row

    def test_follows_the_revocation_and_shows_every_channel(self, row, provider, sign_in):
        response = sign_in(provider).post(page_of(row), follow=True)
        assert response.redirect_chain == [(f"{page_of(row)}receipt/", 302)]
        page = response.content.decode()
        for label in receipts.LABELS.values():
            assert str(label) in page
        assert [line.ended for line in response.context["lines"]] == list(
            RevocationReceipt.objects.get().counts.values()
        )
        assert page.count(response.context["revoked"]) >= 6
        assert "data-print" in page

    def test_of_a_device_that_is_not_recognized_leads_on(self, row, provider, sign_in):
        client = sign_in(provider)
        assert "recognize this device" in client.get(page_of(row)).content.decode()
        page = client.post(page_of(row), {"unrecognized": "on"}, follow=True).content.decode()
        assert "go on from here" in page
        assert 'href="/accounts/password/change/"' in page
        assert 'href="/settings/security/sign-out-everywhere/"' in page
        assert RevocationReceipt.objects.get().is_unrecognized

    def test_is_not_there_before(self, row, provider, sign_in):
        assert sign_in(provider).get(f"{page_of(row)}receipt/").status_code == 404

    def test_is_not_there_for_anybody_else(self, row, colleague, admin, outsider, support, sign_in):
        revoke(row)
        for other in (colleague, admin, outsider, support):
            assert sign_in(other).get(f"{page_of(row)}receipt/").status_code == 404
        assert Client().get(f"{page_of(row)}receipt/").status_code == 302

    def test_takes_no_post(self, row, provider, sign_in):
        revoke(row)
        assert sign_in(provider).post(f"{page_of(row)}receipt/").status_code == 405

    def test_is_found_from_the_device_s_page(self, row, provider, sign_in):
        client = sign_in(provider)
        assert "receipt/" not in client.get(f"{LIST}{row.pk}/").content.decode()
        revoke(row)
        assert f"{page_of(row)}receipt/" in client.get(f"{LIST}{row.pk}/").content.decode()
