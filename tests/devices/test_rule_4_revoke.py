"""Rule 4. From the very next request on. What exactly it ends: `test_receipt.py`; while
others call: `test_revocation_races.py`."""

import pytest

from devices import actions, limits
from devices.models import DeviceAuthorization
from medimic.audit.log import SYSTEM
from sessions_app.models import Visit
from tests.accounts.phones import signed_in as phone_sign_in
from tests.devices.kit import call, events, facts, link_for, log_in, push, refused, sign_in_device, token_in

pytestmark = pytest.mark.django_db
PHONE = {"device_id": "the-secure-store-of-one-phone"}
Reason = DeviceAuthorization.RevokedReason


def revoke(row, by=None, **fields) -> bool:
    return actions.revoke(authorization=row, by=by or row.account, origin=SYSTEM, **fields)


@pytest.fixture
def phone(provider) -> actions.SignedIn:
    return sign_in_device(provider, **PHONE, push=push())


class TestEnds:
    def test_every_token_on_the_next_request(self, phone):
        started = call("post", "sessions", {"name": "Visit"}, token=phone.tokens.access_token).json()
        revoke(phone.authorization)
        for token in (phone.tokens.access_token, started["session_token"]):
            assert refused(call("get", f"sessions/{started['id']}", token=token), 401, "device_revoked")
        refresh = {"grant_type": "refresh_token", "refresh_token": phone.tokens.refresh_token}
        assert refused(call("post", "token", refresh), 401, "device_revoked")

    def test_push_routing(self, phone):
        revoke(phone.authorization)
        phone.authorization.refresh_from_db()
        assert (phone.authorization.push_token, phone.authorization.push_hash) == ("", "")

    def test_new_sessions_under_the_account(self, phone):
        revoke(phone.authorization)
        answer = call("post", "sessions", {"name": "After"}, token=phone.tokens.access_token)
        assert refused(answer, 401, "device_revoked")
        assert not Visit.objects.exists()

    def test_a_pending_link(self, provider):
        issued = link_for(provider)
        revoke(issued.authorization)
        assert refused(log_in(token_in(issued.link)), 410, "registration_cancelled")
        assert limits.places(provider).taken == 0
        assert issued.authorization.revoked_reason == Reason.CANCELLED
        assert len(events("devices.link_cancelled")) == 1

    def test_once(self, phone):
        assert (revoke(phone.authorization), revoke(phone.authorization)) == (True, False)
        assert len(events("devices.revoked")) == 1

    def test_as_a_whole_with_its_audit_row_or_not_at_all(self, phone, monkeypatch):
        def fail(*args, **kwargs):
            raise RuntimeError("no log")

        monkeypatch.setattr(actions, "record", fail)
        with pytest.raises(RuntimeError):
            revoke(phone.authorization)
        assert call("get", "device", token=phone.tokens.access_token).status_code == 200


class TestLeaves:
    def test_sessions(self, phone, provider):
        call("post", "sessions", {"name": "Before"}, token=phone.tokens.access_token)
        revoke(phone.authorization)
        assert Visit.objects.visible_to(provider).count() == 1

    def test_other_accounts_on_the_device(self, phone, colleague):
        other = sign_in_device(colleague, **PHONE)
        revoke(phone.authorization)
        assert call("get", "device", token=other.tokens.access_token).status_code == 200

    def test_other_devices_of_the_account(self, phone, provider):
        other = sign_in_device(provider)
        revoke(phone.authorization)
        assert call("get", "device", token=other.tokens.access_token).status_code == 200


class TestComesBack:
    """Revoked by oneself or for disuse: by a sign-in or a new link. By others: if they allow it."""

    @pytest.mark.parametrize("reason", [Reason.SELF, Reason.DISUSE])
    def test_with_a_new_link(self, phone, provider, reason):
        revoke(phone.authorization, reason=reason)
        assert log_in(token_in(link_for(provider).link), **PHONE).status_code == 200

    @pytest.mark.parametrize("reason", [Reason.SELF, Reason.DISUSE])
    def test_with_the_password(self, phone, provider, reason):
        revoke(phone.authorization, reason=reason)
        body = {"sign_in_proof": phone_sign_in(provider), "device": facts(**PHONE)}
        assert call("post", "device-login", body).status_code == 200

    @pytest.mark.parametrize("reason", [Reason.ORGANIZATION, Reason.STAFF])
    def test_not_where_others_ended_it(self, phone, provider, admin, reason):
        revoke(phone.authorization, by=admin, reason=reason)
        assert refused(log_in(token_in(link_for(provider).link), **PHONE), 403, "device_blocked")
        body = {"sign_in_proof": phone_sign_in(provider), "device": facts(**PHONE)}
        assert refused(call("post", "device-login", body), 403, "device_blocked")

    def test_the_tokens_of_before_do_not(self, phone, provider):
        revoke(phone.authorization)
        log_in(token_in(link_for(provider).link), **PHONE)
        assert refused(call("get", "device", token=phone.tokens.access_token), 401, "device_revoked")


class TestSigningOutIsLess:
    """On the device, everywhere, or by a new password: tokens end, the row stays and counts."""

    @pytest.mark.parametrize(
        "sign_out",
        [
            lambda phone: call("post", "revoke", {"token": phone.tokens.access_token}),
            lambda phone: phone.authorization.account.end_device_tokens(),
        ],
    )
    def test_the_row_stays_counts_and_says_so(self, phone, provider, sign_in, sign_out):
        sign_out(phone)
        assert refused(call("get", "device", token=phone.tokens.access_token), 401, "token_ended")
        assert limits.places(provider).taken == 1
        page = sign_in(provider).get(f"/settings/devices/{phone.authorization.pk}/").content.decode()
        assert "Active" in page
        assert "signed out" in page
