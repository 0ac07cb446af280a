"""The table of Connected Devices: its orders, pages, search and filter, and who gets to see it."""

import datetime as dt
import json
import re
from html import unescape
from pathlib import Path

import pytest
from django.conf import settings
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from devices import actions, identity
from devices.models import Device, DeviceAuthorization
from devices.table import COLUMNS, SORTS, STORAGE_KEY
from devices.versions import version_key
from medimic.audit.log import SYSTEM
from tests.devices.kit import call, link_for, sign_in_device

pytestmark = [pytest.mark.django_db, pytest.mark.both]
LIST = "/settings/devices/"
MODELS = ("iPhone 15 Pro", "Pixel 8", "iPad Air", "ThinkPad", "")
NAMES = ("Work phone", "", "Żaneta's tablet", "work Phone", "Ward 3")


def make_devices(person, number: int) -> list[DeviceAuthorization]:
    """Devices of all kinds and states, many alike in what they are sorted by."""
    now = timezone.now()
    authorizations = []
    for i in range(number):
        device = Device.objects.create(
            identifier_hash=identity.identifier_hash(f"{person.pk} {i} {now.isoformat()}"),
            owner_person=person,
            model=MODELS[i % 5],
            device_type=("phone", "tablet", "computer")[i % 3],
            platform=("ios", "android", "windows")[i % 3],
            os_version=("9.1", "10.2", "17.4")[i % 3],
            app_version=("3.9.0", "3.10.0", "3.2.1", "")[i % 4],
        )
        authorizations.append(
            DeviceAuthorization(
                account=person,
                device=None if i % 7 == 3 else device,
                activated_at=None if i % 7 == 3 else now,
                name=NAMES[i % 5],
                created_at=now - dt.timedelta(days=i // 3),
                last_seen_at=None if i % 6 == 0 else now - dt.timedelta(hours=i // 2),
                revoked_at=now if i % 5 == 2 else None,
                revoked_reason="self" if i % 5 == 2 else "",
            )
        )
    return DeviceAuthorization.objects.bulk_create(authorizations)


@pytest.fixture
def client(provider, sign_in) -> Client:
    return sign_in(provider)


def names(response) -> list[str]:
    return [row.name for row in response.context["rows"]]


def ids(response) -> list[str]:
    return [str(row.pk) for row in response.context["page"].rows]


class TestColumns:
    def test_are_those_of_the_document_and_last_active(self, client, provider):
        sign_in_device(provider)
        head = re.search(r"<thead>.*?</thead>", client.get(LIST).content.decode(), re.DOTALL)[0]
        shown = [
            unescape(re.sub(r"<[^>]+>", "", cell))
            for cell in re.findall(r"<th.*?>(.*?)</th>", head, re.DOTALL)
        ]
        assert shown == [
            *("Name", "Model", "Type", "Phone Number", "OS", "App Version", "Registered At", "Last active"),
            *("Status", "Actions"),
        ]

    def test_are_named_as_the_api_names_them(self, client, provider):
        sign_in_device(provider)
        (record,) = call("get", "devices", client=client).json()["devices"]
        assert {column.name for column in COLUMNS} == record.keys() - {"id"}

    def test_each_can_be_hidden_but_the_name(self):
        sheet = (Path(settings.BASE_DIR) / "static/css/columns.css").read_text()
        hidden = re.findall(
            r'\[data-hidden-columns~="(\w+)"\] \.is-devices :is\(th, td\):nth-child\((\d)\)', sheet
        )
        assert hidden == [(column.name, str(place)) for place, column in enumerate(COLUMNS[1:], 2)]

    def test_the_choice_is_kept_under_the_name_of_the_document(self, client, provider):
        sign_in_device(provider)
        page = client.get(LIST).content.decode()
        assert STORAGE_KEY == "table-settings-devices-column-visibility"
        assert page.count(f'data-columns="{STORAGE_KEY}"') == 2

    def test_dates_are_in_the_person_s_locale(self, client, provider):
        sign_in_device(provider)
        DeviceAuthorization.objects.update(created_at=dt.datetime(2026, 3, 4, 23, 30, tzinfo=dt.UTC))
        for locale, zone, text in (
            ("en_US", "UTC", "Mar 4, 2026"),
            ("de_DE", "Europe/Berlin", "05.03.2026"),
            ("pl_PL", "Europe/Warsaw", "5 mar 2026"),
        ):
            provider.change_profile(date_locale=locale, time_zone=zone)
            assert text in client.get(LIST).content.decode()


class TestOrder:
    @pytest.mark.parametrize("sort", SORTS)
    def test_pages_meet_every_row_once_forwards_and_backwards(self, client, provider, sort):
        made = {str(row.pk) for row in make_devices(provider, 130)}
        page = client.get(LIST, {"sort": sort})
        forwards = [ids(page)]
        while page.context["page"].next_url:
            page = client.get(LIST + page.context["page"].next_url)
            forwards.append(ids(page))
        assert len(forwards) == 3
        assert sorted(row for page_ids in forwards for row in page_ids) == sorted(made)

        backwards = [ids(page)]
        while page.context["page"].previous_url:
            page = client.get(LIST + page.context["page"].previous_url)
            backwards.insert(0, ids(page))
        assert backwards == forwards

    @pytest.mark.parametrize("sort", [sort for sort in SORTS if not sort.startswith("-")])
    def test_a_column_backwards_is_the_column_turned_round(self, client, provider, sort):
        make_devices(provider, 40)
        key = [row.sort_key for row in client.get(LIST, {"sort": sort}).context["page"].rows]
        backwards = [row.sort_key for row in client.get(LIST, {"sort": f"-{sort}"}).context["page"].rows]
        assert backwards == key[::-1]
        assert None not in key

    def test_is_newest_first_at_first(self, client, provider):
        make_devices(provider, 10)
        instants = [row.created_at for row in client.get(LIST).context["page"].rows]
        assert instants == sorted(instants, reverse=True)

    def test_a_name_that_nobody_gave_is_the_model_s(self, client, provider):
        sign_in_device(provider, model="Nokia")
        sign_in_device(provider, name="alpha", model="Zeta")
        sign_in_device(provider, name="Zulu", model="Alpha")
        assert names(client.get(LIST, {"sort": "name"})) == ["alpha", "Nokia", "Zulu"]

    def test_versions_come_as_versions(self, client, provider):
        for version in ("3.9.1", "3.10.0", "3.2.0"):
            sign_in_device(provider, app_version=version)
        shown = [row.app_version for row in client.get(LIST, {"sort": "app_version"}).context["rows"]]
        assert shown == ["3.2.0", "3.9.1", "3.10.0"]
        assert version_key("14.2 beta 10") > version_key("14.2 beta 9")

    def test_follows_a_version_that_changes(self, provider):
        signed_in = sign_in_device(provider, app_version="3.2.0")
        call("patch", "device", {"app_version": "3.10.0"}, token=signed_in.tokens.access_token)
        assert Device.objects.get().app_version_key == version_key("3.10.0")

    def test_says_which_column_it_is_and_keeps_the_search(self, client, provider):
        sign_in_device(provider)
        page = client.get(LIST, {"sort": "model", "q": "iPhone", "status": "active"}).content.decode()
        assert page.count("aria-sort=") == 1
        assert re.search(
            r'aria-sort="ascending"><a href="\?q=iPhone&amp;status=active&amp;sort=-model">', page
        )
        assert '<input type="hidden" name="sort" value="model">' in page

    def test_nothing_can_be_sorted_by_what_is_encrypted(self, client, provider):
        sign_in_device(provider)
        assert "sort=phone_number" not in client.get(LIST).content.decode()
        assert client.get(LIST, {"sort": "phone_number"}).status_code == 200

    @pytest.mark.parametrize("sort", ["nonsense", "--name", "id", "account__password", "\0"])
    def test_an_order_that_is_none_is_the_first_one(self, client, provider, sort):
        make_devices(provider, 5)
        assert ids(client.get(LIST, {"sort": sort})) == ids(client.get(LIST))

    @pytest.mark.parametrize("sort", SORTS)
    @pytest.mark.parametrize(
        "cursor", ["!", "W10", json.dumps([1]), "WzFlOTksICJ4Il0", "WyJcdTAwMDAiLCAieCJd", "W251bGwsIG51bGxd"]
    )
    def test_a_mangled_cursor_is_a_404(self, client, sort, cursor):
        assert client.get(LIST, {"sort": sort, "after": cursor}).status_code == 404

    def test_a_cursor_holds_the_longest_name(self, client, provider):
        for row in make_devices(provider, 60):
            row.name = "\U0001f9d1" * 95 + row.pk.hex[:5]
            row.save()
        page = client.get(LIST, {"sort": "name"})
        assert client.get(LIST + page.context["page"].next_url).status_code == 200


class TestNarrowing:
    def test_search_finds_name_and_model(self, client, provider):
        sign_in_device(provider, name="Ward tablet", model="iPad")
        sign_in_device(provider, name="Mine", model="WARDROBE 3")
        sign_in_device(provider, name="Other", model="Pixel")
        assert sorted(names(client.get(LIST, {"q": "ward"}))) == ["Mine", "Ward tablet"]

    def test_signs_of_patterns_are_themselves(self, client, provider):
        sign_in_device(provider, name="100% mine")
        sign_in_device(provider, name="Other")
        assert names(client.get(LIST, {"q": "%"})) == ["100% mine"]
        assert names(client.get(LIST, {"q": "_"})) == []

    def test_status_is_that_of_the_badge(self, client, provider):
        make_devices(provider, 30)
        for status in ("Active", "Inactive"):
            rows = client.get(LIST, {"status": status.lower()}).context["rows"]
            assert rows
            assert {row.status.label for row in rows} == {status}

    def test_nothing_found_is_not_no_devices(self, client, provider):
        assert "No devices yet" in client.get(LIST).content.decode()
        sign_in_device(provider)
        page = client.get(LIST, {"q": "nowhere"}).content.decode()
        assert "No device fits" in page
        assert "No devices yet" not in page
        assert f'href="{LIST}">Show all' in page

    @pytest.mark.parametrize("query", [{"q": "a\0b"}, {"q": "x" * 5000}, {"status": "lost"}])
    def test_what_makes_no_sense_narrows_nothing(self, client, provider, query):
        sign_in_device(provider)
        assert len(client.get(LIST, query).context["rows"]) == 1

    def test_the_search_is_text_on_the_page(self, client, provider):
        sign_in_device(provider)
        assert "<b>" not in client.get(LIST, {"q": '"><b>'}).content.decode()

    def test_goes_on_over_the_pages(self, client, provider):
        make_devices(provider, 130)
        page = client.get(LIST, {"status": "active", "sort": "model"})
        following = client.get(LIST + page.context["page"].next_url)
        assert {row.status.label for row in following.context["rows"]} == {"Active"}


class TestCost:
    @pytest.mark.parametrize("sort", ["", *SORTS])
    def test_needs_the_same_queries_for_5_and_500_rows(self, client, provider, sort):
        counts = []
        for number in (5, 495):
            make_devices(provider, number)
            client.get(LIST, {"sort": sort})
            with CaptureQueriesContext(connection) as queries:
                assert client.get(LIST, {"sort": sort}).status_code == 200
            counts.append(len(queries))
        assert counts[0] == counts[1]


class TestAccess:
    def test_everybody_sees_their_own_alone(self, provider, colleague, admin, patient, outsider, sign_in):
        sign_in_device(provider, name="Paula's phone")
        for other in (colleague, admin, patient, outsider):
            for query in ({}, {"q": "Paula"}, {"sort": "name"}, {"status": "active"}):
                assert "Paula's phone" not in unescape(sign_in(other).get(LIST, query).content.decode())

    def test_anonymous_is_led_to_the_sign_in(self):
        assert Client().get(f"{LIST}?q=x").url.startswith("/accounts/login/")

    def test_a_cursor_of_somebody_else_s_reaches_nothing_of_theirs(self, provider, outsider, sign_in):
        make_devices(provider, 60)
        cursor = sign_in(provider).get(LIST).context["page"].next_url
        assert not sign_in(outsider).get(LIST + cursor).context["rows"]


def test_a_pending_row_says_nothing_that_it_does_not_know(client, provider):
    link_for(provider, name="New phone")
    (row,) = client.get(LIST).context["rows"]
    assert (row.model, row.type, row.os, row.app_version) == ("", "", "", "")


def test_revoked_rows_stay_and_have_no_action(client, provider):
    row = sign_in_device(provider).authorization
    actions.revoke(authorization=row, by=provider, origin=SYSTEM)
    (shown,) = client.get(LIST).context["rows"]
    assert shown.revocation_url == ""
