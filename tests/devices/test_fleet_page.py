"""Organization → Devices: who sees what, filters, order, bars, the export."""

import csv
import io
import re
import uuid

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from billing.catalogue import ENTERPRISE
from devices import actions, fleet, pool
from devices.models import Device, DeviceAuthorization, FleetEntry
from devices.versions import version_key
from medimic.audit.log import SYSTEM
from medimic.outbox.models import Delivery
from orgs.models import Policy
from tests import cast
from tests.devices.kit import call, events, just_now, link_for, log_in, refused, sign_in_device, token_in

pytestmark = [pytest.mark.django_db, pytest.mark.both]
TABLET = {"device_id": "the-tablet-in-exam-room-2", "model": "iPad Air", "device_type_id": "tablet"}


@pytest.fixture
def root(clinic) -> str:
    return f"/organizations/{clinic.slug}/devices/"


def names(response) -> list[str]:
    """Of the listed devices, in their order."""
    return [row.name for row in response.context["rows"]]


def many(people, number: int) -> None:
    """So many devices at once, dealt out to these people."""
    now = timezone.now()
    devices = Device.objects.bulk_create(
        Device(
            identifier_hash=uuid.uuid4().hex * 2,
            owner_person=people[place % len(people)],
            model=f"Model {place}",
            device_type="phone",
            platform="ios",
            os_version="17.4",
            os_version_key=version_key("17.4"),
            app_version="3.2.0",
            app_version_key=version_key("3.2.0"),
        )
        for place in range(number)
    )
    DeviceAuthorization.objects.bulk_create(
        DeviceAuthorization(
            account=people[place % len(people)], device=device, activated_at=now, last_seen_at=now
        )
        for place, device in enumerate(devices)
    )
    fleet.refresh_all()


class TestPrivacy:
    def test_the_pages_name_no_session(self, provider, admin, root, clinic, sign_in):
        phone = sign_in_device(provider)
        body = {"name": "A very private matter", "organization_id": str(clinic.pk)}
        call("post", "sessions", body, token=phone.tokens.access_token)
        client = just_now(sign_in(admin))
        for path in (root, f"{root}{phone.authorization.pk}/"):
            assert "private matter" not in client.get(path).content.decode()
        export = b"".join(client.get(f"{root}export/").streaming_content).decode()
        assert "private matter" not in export
        assert FleetEntry.objects.get().sessions == 1

    def test_nothing_crosses_to_an_organization_of_the_same_name(self, provider, root, sign_in):
        phone = sign_in_device(provider).authorization
        twin = cast.make_organization("Lakeside Clinic")
        boss = cast.make_person("Otto", "Other")
        cast.join(twin, boss, "admin")
        client = sign_in(boss)
        assert names(client.get(f"/organizations/{twin.slug}/devices/")) == []
        for end in ("", "revocation/", "allowance/", "pooling/"):
            assert client.get(f"/organizations/{twin.slug}/devices/{phone.pk}/{end}").status_code == 404
        answer = client.get(f"/organizations/{twin.slug}/devices/?provider={provider.pk}")
        assert provider.get_full_name() not in answer.content.decode()

    def test_a_block_of_another_organization_is_no_business_of_this_one(
        self, provider, admin, root, clinic, sign_in
    ):
        other = cast.make_organization("Hilltop")
        cast.join(other, provider)
        row = sign_in_device(provider).authorization
        reason = DeviceAuthorization.RevokedReason.ORGANIZATION
        actions.revoke(authorization=row, by=None, origin=SYSTEM, reason=reason, organization=other)
        client = sign_in(admin)
        page = client.get(root).content.decode()
        assert "revoked by the organization" not in page
        assert "Allow again" not in page
        client.post(f"{root}{row.pk}/allowance/")
        row.refresh_from_db()
        assert row.revoked_reason == "organization"


class TestFilters:
    @pytest.fixture(autouse=True)
    def devices(self, provider, colleague):
        sign_in_device(provider, name="Phone", model="iPhone 15 Pro")
        sign_in_device(
            provider, name="Old", model="Pixel 5", platform="android", os_version="11", app_version="2.9.0"
        )
        sign_in_device(colleague, name="Tablet", model="iPad Air", platform="ipados", device_type_id="tablet")

    @pytest.mark.parametrize(
        ("query", "found"),
        [
            ("", {"Phone", "Old", "Tablet"}),
            ("q=pixel", {"Old"}),
            ("q=colin+tablet", {"Tablet"}),
            ("q=%25", set()),
            ("platform=ios", {"Phone"}),
            ("platform=nonsense", {"Phone", "Old", "Tablet"}),
            ("pooled=yes", set()),
            ("pooled=no", {"Phone", "Old", "Tablet"}),
            ("status=active", {"Phone", "Old", "Tablet"}),
            ("status=inactive", set()),
            ("unused=7", set()),
            ("os=android+11", {"Old"}),
            ("provider=nonsense", {"Phone", "Old", "Tablet"}),
        ],
    )
    def test_narrow_the_list_down(self, admin, root, sign_in, query, found):
        assert set(names(sign_in(admin).get(f"{root}?{query}"))) == found

    def test_outdated_is_what_the_policy_says_where_it_says_so(self, admin, clinic, root, sign_in):
        client = sign_in(admin)
        assert names(client.get(f"{root}?outdated=app")) == []
        Policy.objects.create(organization=clinic, lowest_app={"android": "3.1"}, lowest_os={"ios": "18"})
        assert names(client.get(f"{root}?outdated=app")) == ["Old"]
        assert names(client.get(f"{root}?outdated=os")) == ["Phone"]

    def test_without_a_policy_the_newest_of_the_list_is_the_measure(self, admin, colleague, root, sign_in):
        sign_in_device(colleague, name="New", platform="android", os_version="14", app_version="3.2.0")
        client = sign_in(admin)
        assert names(client.get(f"{root}?outdated=app")) == ["Old"]
        assert names(client.get(f"{root}?outdated=os")) == ["Old"]

    def test_marks_what_breaks_the_policy_in_words(self, admin, clinic, root, sign_in):
        Policy.objects.create(organization=clinic, lowest_app={"android": "3.1"}, lowest_os={"android": "12"})
        page = sign_in(admin).get(root).content.decode()
        assert "App below 3.1" in page
        assert "Below Android 12" in page

    def test_one_provider_s(self, admin, provider, root, sign_in):
        answer = sign_in(admin).get(f"{root}?provider={provider.pk}")
        assert set(names(answer)) == {"Phone", "Old"}
        assert provider.get_full_name() in answer.content.decode()

    def test_a_bar_leads_to_as_many_rows_as_it_counts(self, admin, root, sign_in):
        client = sign_in(admin)
        bars = client.get(root).context["bars"]
        assert [bar.total for bar in bars] == [3, 3]
        for bar in bars:
            for segment in bar.segments:
                assert len(names(client.get(f"{root}{segment.href}"))) == segment.count

    @pytest.mark.parametrize("column", ["name", "provider", "os", "app", "sessions", "last_seen", "status"])
    def test_every_column_sorts_both_ways(self, admin, root, sign_in, column):
        client = sign_in(admin)
        up, down = (names(client.get(f"{root}?sort={sign}{column}")) for sign in ("", "-"))
        assert up == down[::-1]
        assert len(up) == 3


class TestManyDevices:
    def test_five_and_five_hundred_cost_the_same_queries(self, admin, provider, colleague, root, sign_in):
        client = sign_in(admin)
        client.get(root)
        numbers = []
        for more in (5, 495):
            many([provider, colleague], more)
            with CaptureQueriesContext(
                connection,
            ) as queries:
                client.get(root)
            numbers.append(len(queries))
        assert numbers[0] == numbers[1]

    @pytest.mark.parametrize("sort", ["name", "-last_seen", "status"])
    def test_pages_show_each_row_once(self, admin, provider, colleague, root, sign_in, sort):
        many([provider, colleague], 130)
        client, path, seen = sign_in(admin), f"?sort={sort}", []
        while path:
            answer = client.get(root + path)
            seen += [row.url for row in answer.context["rows"]]
            path = answer.context["page"].next_url
        assert len(seen) == len(set(seen)) == 130


class TestExport:
    def lines(self, response) -> list[list[str]]:
        text = b"".join(response.streaming_content).decode("utf-8-sig")
        return list(csv.reader(io.StringIO(text)))

    def test_holds_what_the_filter_finds_and_is_in_the_log(self, admin, provider, clinic, root, sign_in):
        sign_in_device(provider, name="Phone")
        sign_in_device(provider, name="=cmd()", platform="android")
        client = just_now(sign_in(admin))
        assert len(self.lines(client.get(f"{root}export/"))) == 3
        lines = self.lines(client.get(f"{root}export/?platform=android"))
        assert [line[2] for line in lines[1:]] == ["'=cmd()"]
        assert [event.organization_id for event in events("devices.fleet_exported")] == [clinic.pk] * 2
        assert '"filter":"platform=android"' in events("devices.fleet_exported")[1].details

    def test_asks_for_a_recent_authentication(self, admin, root, sign_in):
        answer = sign_in(admin).get(f"{root}export/")
        assert answer.status_code == 302
        assert "reauthenticate" in answer["Location"]

    def test_is_not_for_others(self, provider, outsider, root, sign_in):
        assert just_now(sign_in(provider)).get(f"{root}export/").status_code == 403
        assert just_now(sign_in(outsider)).get(f"{root}export/").status_code == 404


class TestOneDevice:
    @pytest.fixture
    def row(self, provider):
        return sign_in_device(provider, **TABLET).authorization

    def test_revoked_it_stays_so_until_the_organization_allows_it(
        self, row, admin, provider, clinic, root, sign_in
    ):
        client = sign_in(admin)
        assert (
            "Revoke iPad Air of Paula Provider?" in client.get(f"{root}{row.pk}/revocation/").content.decode()
        )
        client.post(f"{root}{row.pk}/revocation/")
        row.refresh_from_db()
        assert (row.revoked_reason, row.revoked_in, row.revoked_by) == ("organization", clinic, admin)
        assert events("devices.revoked")[0].organization_id == clinic.pk
        assert Delivery.objects.filter(kind="devices.revoked", person_id=provider.pk).count() == 1
        assert refused(log_in(token_in(link_for(provider).link), **TABLET), 403, "device_blocked")
        assert "Allow again" in client.get(root).content.decode()
        client.post(f"{root}{row.pk}/allowance/")
        assert len(events("devices.allowed_again")) == 1
        assert Delivery.objects.filter(kind="devices.allowed_again").count() == 1
        assert log_in(token_in(link_for(provider).link), **TABLET).status_code == 200

    def test_a_colleague_revokes_nothing(self, row, colleague, root, sign_in):
        assert sign_in(colleague).post(f"{root}{row.pk}/revocation/").status_code == 403
        row.refresh_from_db()
        assert row.is_active

    def test_one_s_own_is_revoked_under_connected_devices(self, admin, root, sign_in):
        row = sign_in_device(admin).authorization
        answer = sign_in(admin).post(f"{root}{row.pk}/revocation/")
        assert answer["Location"] == f"/settings/devices/{row.pk}/revocation/"
        row.refresh_from_db()
        assert row.is_active


def test_memory_of_an_export_does_not_grow_with_its_rows(admin, provider, clinic):
    import tracemalloc

    from devices import fleet_export, policies
    from devices.fleet_list import rows_of
    from devices.fleet_presenters import FleetPresenter
    from medimic.csv_export import stream
    from medimic.formatting import Dates

    def peak() -> int:
        present = FleetPresenter(clinic, policies.policy_of(clinic), Dates.of(admin), viewer=admin)
        rows = rows_of(clinic).order_by("-last_seen_at", "-id")
        tracemalloc.start()
        for _parcel in stream(fleet_export.header(), fleet_export.lines(rows, present), "d.csv"):
            pass
        return tracemalloc.get_traced_memory()[1]

    many([provider], 600)
    few = peak()
    tracemalloc.stop()
    many([provider], 2400)
    assert peak() < few + 2_000_000
    tracemalloc.stop()


def test_pooled_rows_say_so(provider, admin, sign_in):
    house = cast.make_organization("Hospital", ENTERPRISE)
    cast.join(house, admin, "admin")
    row = sign_in_device(admin, **TABLET).authorization
    pool.ask(authorization=row, organization=house, place="Exam room 2", by=admin, origin=SYSTEM)
    page = sign_in(admin).get(f"/organizations/{house.slug}/devices/").content.decode()
    assert re.search(r"Exam room 2</a>.*?Pooled.*?1 account", page, re.DOTALL)
