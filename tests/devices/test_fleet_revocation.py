"""Many devices revoked in one act: exactly those that the preview lists, and what becomes of each."""

import pytest

from devices import fleet_revocation
from devices.models import BulkRevocation, DeviceAuthorization
from medimic.audit.log import SYSTEM
from medimic.flows import memberships
from medimic.outbox.models import Delivery
from tests import cast
from tests.devices.kit import events, just_now, sign_in_device

pytestmark = pytest.mark.django_db


@pytest.fixture
def root(clinic) -> str:
    return f"/organizations/{clinic.slug}/devices/"


@pytest.fixture
def phones(provider, colleague) -> list[DeviceAuthorization]:
    return [sign_in_device(person).authorization for person in (provider, provider, colleague)]


@pytest.fixture
def client(admin, sign_in):
    return just_now(sign_in(admin))


def living() -> set:
    return set(DeviceAuthorization.objects.living().values_list("pk", flat=True))


def tick(*rows) -> dict:
    return {"chosen": "rows", "row": [f"a{row.pk.hex}" for row in rows]}


def test_the_preview_names_whom_it_touches_and_touches_nobody(client, root, phones, provider, colleague):
    page = client.post(f"{root}revocations/", tick(*phones[:2]), follow=True).content.decode()
    assert provider.get_full_name() in page
    assert colleague.get_full_name() not in page
    assert "Revoke 2 devices?" in page
    assert len(living()) == 3
    assert not events("devices.bulk_revoked")


def test_confirmed_it_ends_those_alone_and_tells_their_owners(client, root, phones, provider, clinic, admin):
    client.post(f"{root}revocations/", tick(*phones[:2]))
    bulk = BulkRevocation.objects.get()
    page = client.post(f"{root}revocations/{bulk.pk}/", follow=True).content.decode()
    assert "2 devices are revoked" in page
    assert living() == {phones[2].pk}
    assert Delivery.objects.filter(kind="devices.revoked", person_id=provider.pk).count() == 2
    for event in events("devices.revoked"):
        assert (event.person_id, event.organization_id, event.actor_id) == (provider.pk, clinic.pk, admin.pk)
    phones[0].refresh_from_db()
    assert (phones[0].revoked_reason, phones[0].revoked_in) == ("organization", clinic)
    assert '"devices":2' in events("devices.bulk_revoked")[0].details


def test_all_that_the_filter_finds_but_one_s_own(client, root, phones, admin, colleague):
    own = sign_in_device(admin).authorization
    client.post(f"{root}revocations/", {"chosen": "all", "query": f"provider={colleague.pk}"})
    assert BulkRevocation.objects.get().total == 1
    client.post(f"{root}revocations/", {"chosen": "all", "query": ""})
    bulk = BulkRevocation.objects.order_by("-created_at").first()
    assert (bulk.total, bulk.people) == (3, 2)
    client.post(f"{root}revocations/{bulk.pk}/")
    assert living() == {own.pk}


def test_what_came_after_the_preview_is_not_touched(client, root, phones, provider):
    client.post(f"{root}revocations/", {"chosen": "all", "query": ""})
    later = sign_in_device(provider).authorization
    client.post(f"{root}revocations/{BulkRevocation.objects.get().pk}/")
    assert living() == {later.pk}


def test_who_left_after_the_preview_keeps_their_devices(client, root, phones, colleague, admin):
    client.post(f"{root}revocations/", {"chosen": "all", "query": ""})
    memberships.remove(membership=colleague.memberships.get(), by=admin, origin=SYSTEM)
    bulk = BulkRevocation.objects.get()
    client.post(f"{root}revocations/{bulk.pk}/")
    bulk.refresh_from_db()
    assert living() == {phones[2].pk}
    assert (bulk.done, bulk.ended) == (3, 2)


def test_the_worker_goes_on_where_the_page_stopped(client, root, phones, monkeypatch):
    monkeypatch.setattr(fleet_revocation, "AT_ONCE", 0)
    client.post(f"{root}revocations/", {"chosen": "all", "query": ""})
    bulk = BulkRevocation.objects.get()
    page = client.post(f"{root}revocations/{bulk.pk}/", follow=True).content.decode()
    assert "of 3 done" in page
    fleet_revocation.go_on_all()
    assert not living()
    state = client.get(f"{root}revocations/{bulk.pk}/state/").json()
    assert state == {"done": 3, "total": 3, "is_finished": True}


def test_confirmed_twice_it_happens_once(client, root, phones):
    client.post(f"{root}revocations/", {"chosen": "all", "query": ""})
    path = f"{root}revocations/{BulkRevocation.objects.get().pk}/"
    for _ in range(2):
        client.post(path)
    assert len(events("devices.bulk_revoked")) == 1
    assert len(events("devices.revoked")) == 3


def test_rows_of_others_are_not_taken_along(client, root, phones, outsider):
    foreign = sign_in_device(outsider).authorization
    client.post(f"{root}revocations/", {"chosen": "rows", "row": [f"a{foreign.pk.hex}", "nonsense", "d"]})
    assert not BulkRevocation.objects.exists()


def test_another_admin_looks_and_does_not_confirm(client, root, phones, clinic, sign_in):
    client.post(f"{root}revocations/", {"chosen": "all", "query": ""})
    second = cast.make_person("Anton", "Second")
    cast.join(clinic, second, "admin")
    path = f"{root}revocations/{BulkRevocation.objects.get().pk}/"
    assert just_now(sign_in(second)).get(path).status_code == 200
    assert just_now(sign_in(second)).post(path).status_code == 403
    assert len(living()) == 3


def test_asks_for_a_recent_authentication(root, phones, admin, sign_in):
    client = sign_in(admin)
    answer = client.post(f"{root}revocations/", tick(phones[0]))
    assert "reauthenticate" in client.post(answer["Location"])["Location"]
    assert len(living()) == 3
