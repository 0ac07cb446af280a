"""At the limit: a device makes room for another one, whole or not at all."""

import pytest
from django.utils import timezone

from billing.catalogue import INDIVIDUAL
from devices import actions, browser_sign_ins, limits
from devices.models import DeviceAuthorization, Registration
from devices.schemas import DeviceIn
from medimic.audit.log import SYSTEM
from medimic.outbox.models import Delivery
from tests import cast
from tests.devices.kit import (
    call,
    events,
    facts,
    just_now,
    link_for,
    log_in,
    refused,
    sign_in_device,
    token_in,
)

pytestmark = pytest.mark.django_db
PAGE = "/settings/devices/authentication/"


@pytest.fixture
def trial():
    return cast.make_person("Tom", "Trial")


@pytest.fixture
def client(trial, sign_in):
    return just_now(sign_in(trial))


def exchange(account, row, **fields) -> actions.IssuedLink:
    return actions.issue_link(account=account, by=account, origin=SYSTEM, instead_of=row, **fields)


class TestAction:
    def test_revokes_the_one_and_makes_the_link(self, trial):
        old = sign_in_device(trial)
        issued = exchange(trial, old.authorization, name="New phone")
        assert refused(call("get", "device", token=old.tokens.access_token), 401, "device_revoked")
        assert log_in(token_in(issued.link)).status_code == 200
        assert (len(events("devices.revoked")), len(events("devices.link_issued"))) == (1, 2)

    def test_a_pending_link_makes_room_as_well(self, trial):
        old = link_for(trial)
        new = exchange(trial, old.authorization)
        assert refused(log_in(token_in(old.link)), 410, "registration_cancelled")
        assert log_in(token_in(new.link)).status_code == 200

    def test_leaves_the_old_device_untouched_where_the_link_cannot_be_made(self, trial, monkeypatch):
        old = sign_in_device(trial, push={"service": "apns", "token": "route"})
        before = rows()

        def fail(token: str) -> str:
            raise RuntimeError("no link")

        monkeypatch.setattr("devices.actions.crypto.new_token", fail)
        with pytest.raises(TypeError):
            exchange(trial, old.authorization)
        assert rows() == before
        assert call("get", "device", token=old.tokens.access_token).status_code == 200
        assert not events("devices.revoked")
        assert not Delivery.objects.filter(kind="devices.revoked").exists()

    def test_leaves_the_old_device_untouched_where_the_audit_row_fails(self, trial, monkeypatch):
        old = sign_in_device(trial)
        before = rows()
        record = actions.record

        def fail_at_the_link(kind, **fields):
            if kind == "devices.link_issued":
                raise RuntimeError("no log")
            return record(kind, **fields)

        monkeypatch.setattr(actions, "record", fail_at_the_link)
        with pytest.raises(RuntimeError):
            exchange(trial, old.authorization)
        assert rows() == before

    def test_leaves_the_old_device_untouched_where_one_is_not_enough(self, outsider):
        signed_in = [sign_in_device(outsider) for _ in range(3)]
        outsider.subscriptions.update(ended_at=timezone.now())
        before = rows()
        with pytest.raises(limits.DeviceLimitReached):
            exchange(outsider, signed_in[0].authorization)
        assert rows() == before
        assert call("get", "device", token=signed_in[0].tokens.access_token).status_code == 200

    def test_nobody_makes_room_with_another_s_device(self, trial, colleague):
        row = sign_in_device(colleague).authorization
        with pytest.raises(ValueError, match="one account's device"):
            exchange(trial, row)
        row.refresh_from_db()
        assert row.is_active


class TestPage:
    def test_names_plan_limit_and_devices(self, trial, client):
        row = sign_in_device(trial, name="Old phone").authorization
        page = client.get(PAGE).content.decode()
        for words in ("Free Trial, allows 1 device", "Old phone", f'value="{row.pk}"', "Revoke it and make"):
            assert words in page

    def test_revokes_and_goes_on_in_one_step(self, trial, client):
        row = sign_in_device(trial).authorization
        response = client.post(PAGE, {"instead_of": str(row.pk), "name": "New phone"})
        assert log_in(token_in(response.context["link"])).status_code == 200
        row.refresh_from_db()
        assert row.revoked_by == trial

    def test_may_revoke_the_very_browser_and_still_shows_the_link(self, trial, client):
        row = sign_in_device(trial, name="This browser").authorization
        session = client.session
        session[browser_sign_ins.NOTE] = str(row.pk)
        session.save()
        client.get("/settings/devices/")
        response = client.post(PAGE, {"instead_of": str(row.pk)})
        assert log_in(token_in(response.context["link"])).status_code == 200
        assert client.get("/settings/devices/").url.startswith("/accounts/login/")

    def test_asks_which_one(self, trial, client):
        sign_in_device(trial)
        response = client.post(PAGE, {"name": "New phone"})
        assert "Choose the device to revoke." in response.content.decode()
        assert "New phone" in response.content.decode()
        assert DeviceAuthorization.objects.active().count() == 1

    def test_offers_and_takes_nobody_else_s(self, trial, client, colleague):
        sign_in_device(trial)
        other = sign_in_device(colleague).authorization
        assert str(other.pk) not in client.get(PAGE).content.decode()
        response = client.post(PAGE, {"instead_of": str(other.pk)})
        assert "takes no place any more" in response.content.decode()
        other.refresh_from_db()
        assert other.is_active

    def test_below_the_limit_nothing_is_revoked(self, trial, client):
        row = sign_in_device(trial).authorization
        cast.subscribe(trial, INDIVIDUAL)
        assert client.post(PAGE, {"instead_of": str(row.pk)}).context["link"]
        row.refresh_from_db()
        assert row.is_active

    def test_after_a_downgrade_says_how_many_have_to_go(self, outsider, sign_in):
        for _ in range(3):
            sign_in_device(outsider)
        outsider.subscriptions.update(ended_at=timezone.now())
        page = just_now(sign_in(outsider)).get(PAGE).content.decode()
        assert "Free Trial plan allows 1 device, and more are there" in page
        assert "Revoke 3 of these first" in page
        assert page.count('/revocation/"') == 3


class TestApi:
    def test_names_limit_plan_and_devices_longest_unused_first(self, outsider, sign_in):
        rows = [sign_in_device(outsider, name=f"Phone {i}").authorization for i in range(3)]
        DeviceAuthorization.objects.filter(pk=rows[1].pk).update(
            last_seen_at=timezone.now().replace(year=2020)
        )
        answer = call("post", "device-register", {}, client=just_now(sign_in(outsider)))
        assert refused(answer, 409, "device_limit")
        problem = answer.json()
        assert (problem["limit"], problem["plan"], problem["plan_name"]) == (3, "individual", "Individual")
        assert [row["name"] for row in problem["devices"]] == ["Phone 1", "Phone 0", "Phone 2"]
        assert problem["revoke_at"].endswith("/settings/devices/")


class TestDowngrade:
    """Nothing is deleted; new ones are refused until the number fits."""

    @pytest.fixture
    def three(self, outsider) -> list[actions.SignedIn]:
        found = [sign_in_device(outsider) for _ in range(3)]
        outsider.subscriptions.update(ended_at=timezone.now())
        return found

    def test_all_devices_go_on_working(self, three):
        for signed_in in three:
            assert call("get", "device", token=signed_in.tokens.access_token).status_code == 200
            refresh = {"grant_type": "refresh_token", "refresh_token": signed_in.tokens.refresh_token}
            assert call("post", "token", refresh).status_code == 200

    def test_new_ones_are_refused_until_the_number_fits(self, three, outsider):
        for signed_in in three:
            with pytest.raises(limits.DeviceLimitReached):
                link_for(outsider)
            actions.revoke(authorization=signed_in.authorization, by=outsider, origin=SYSTEM)
        assert link_for(outsider)

    def test_an_upgrade_lifts_the_limit_at_once(self, three, outsider):
        with pytest.raises(limits.DeviceLimitReached):
            link_for(outsider)
        cast.subscribe(outsider, INDIVIDUAL)
        actions.revoke(authorization=three[0].authorization, by=outsider, origin=SYSTEM)
        assert link_for(outsider)

    def test_a_link_made_before_holds_no_place_after(self, outsider):
        """The limit counts again when the phone signs in."""
        kept = sign_in_device(outsider)
        links = [link_for(outsider), link_for(outsider)]
        outsider.subscriptions.update(ended_at=timezone.now())
        for issued in links:
            assert refused(log_in(token_in(issued.link)), 409, "device_limit")
        actions.revoke(authorization=kept.authorization, by=outsider, origin=SYSTEM)
        actions.revoke(authorization=links[1].authorization, by=outsider, origin=SYSTEM)
        assert log_in(token_in(links[0].link)).status_code == 200

    def test_a_device_that_is_known_keeps_its_place_at_the_next_sign_in(self, outsider):
        known = facts()
        sign_in_device(outsider)
        link = token_in(link_for(outsider).link)
        assert call("post", "device-login", {"token": link, "device": known}).status_code == 200
        again = token_in(link_for(outsider).link)
        outsider.subscriptions.update(ended_at=timezone.now())
        answer = actions.log_in(token=again, device=DeviceIn.model_validate(known), origin=SYSTEM)
        assert answer.authorization.is_active


def rows() -> list:
    return [
        *DeviceAuthorization.objects.order_by("pk").values(),
        *Registration.objects.order_by("pk").values(),
    ]
