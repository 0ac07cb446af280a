"""The pool's verbs and pages: asking, answering, moving, giving back."""

import pytest

from billing.catalogue import ENTERPRISE
from devices import actions, limits, pool
from devices.models import Device, PoolRequest
from medimic.audit.log import SYSTEM
from medimic.outbox.models import Delivery
from tests import cast
from tests.devices.kit import events, sign_in_device

pytestmark = pytest.mark.django_db
TABLET = {"device_id": "the-tablet-in-exam-room-2", "model": "iPad Air", "device_type_id": "tablet"}


@pytest.fixture
def clinic(db):
    """On Enterprise, here."""
    return cast.make_organization("Lakeside Clinic", ENTERPRISE)


@pytest.fixture
def row(provider):
    return sign_in_device(provider, **TABLET).authorization


@pytest.fixture
def asked(row, clinic, admin):
    return pool.ask(authorization=row, organization=clinic, place="Exam room 2", by=admin, origin=SYSTEM)


@pytest.fixture
def pooled(asked, provider) -> Device:
    return pool.accept(request=asked, by=provider, origin=SYSTEM)


def page(clinic, row, end: str = "") -> str:
    return f"/organizations/{clinic.slug}/devices/{row.pk}/{end}"


class TestAsking:
    def test_tells_the_owner_and_changes_nothing_yet(self, clinic, row, admin, provider, sign_in):
        answer = sign_in(admin).post(page(clinic, row, "pooling/"), {"place": "Exam room 2"})
        assert answer.status_code == 302
        asked = PoolRequest.objects.get()
        assert (asked.owner, asked.place, asked.state) == (provider, "Exam room 2", "open")
        assert Device.objects.get().owner_person == provider
        assert Delivery.objects.get(kind="devices.pool_requested").person_id == provider.pk
        event = events("devices.pool_requested")[0]
        assert (event.person_id, event.organization_id) == (provider.pk, clinic.pk)

    def test_without_a_place_keeps_asking(self, clinic, row, admin, sign_in):
        answer = sign_in(admin).post(page(clinic, row, "pooling/"), {"place": ""})
        assert "Place is missing." in answer.content.decode()
        assert not PoolRequest.objects.exists()

    def test_a_second_time_is_refused_in_words(self, asked, clinic, row, admin, sign_in):
        answer = sign_in(admin).post(page(clinic, row, "pooling/"), {"place": "Exam room 3"})
        assert "asked already" in answer.content.decode()
        assert PoolRequest.objects.count() == 1

    def test_one_s_own_goes_in_at_once(self, clinic, admin, sign_in):
        row = sign_in_device(admin, **TABLET).authorization
        sign_in(admin).post(page(clinic, row, "pooling/"), {"place": "Front desk"})
        device = Device.objects.get()
        assert (device.owner_organization, device.place) == (clinic, "Front desk")
        assert not PoolRequest.objects.exists()

    def test_needs_the_owner_not_just_somebody_who_uses_it(self, clinic, row, admin, colleague):
        shared = sign_in_device(colleague, **TABLET).authorization
        with pytest.raises(pool.NotPossible, match="somebody else"):
            pool.ask(authorization=shared, organization=clinic, place="x", by=admin, origin=SYSTEM)

    def test_of_a_device_in_another_pool_is_refused(self, pooled, clinic, admin, provider):
        other = cast.make_organization("Hilltop", ENTERPRISE)
        cast.join(other, provider)
        row = provider.device_authorizations.get()
        with pytest.raises(pool.NotPossible, match="in a pool already"):
            pool.ask(authorization=row, organization=other, place="x", by=admin, origin=SYSTEM)


class TestAnswering:
    def test_accepted_it_belongs_to_the_organization(self, asked, clinic, provider, sign_in):
        client = sign_in(provider)
        assert "Exam room 2" in client.get("/settings/devices/").content.decode()
        client.post(f"/settings/devices/pool-requests/{asked.pk}/", {"answer": "accept"})
        device = Device.objects.get()
        assert (device.owner_organization, device.owner_person, device.place) == (clinic, None, "Exam room 2")
        assert limits.places(provider).taken == 0
        event = events("devices.pooled")[0]
        assert (event.person_id, event.organization_id) == (provider.pk, clinic.pk)

    def test_declined_it_stays_the_owner_s(self, asked, provider, sign_in):
        sign_in(provider).post(f"/settings/devices/pool-requests/{asked.pk}/", {"answer": "decline"})
        assert Device.objects.get().owner_person == provider
        asked.refresh_from_db()
        assert asked.state == "declined"
        assert len(events("devices.pool_declined")) == 1

    def test_nobody_answers_in_the_owner_s_place(self, asked, admin, colleague, sign_in):
        for person in (admin, colleague):
            path = f"/settings/devices/pool-requests/{asked.pk}/"
            assert sign_in(person).post(path, {"answer": "accept"}).status_code == 404
        assert Device.objects.get().owner_organization is None

    def test_withdrawn_it_cannot_be_accepted(self, asked, clinic, provider, admin, sign_in):
        path = f"/organizations/{clinic.slug}/devices/pool-requests/{asked.pk}/withdrawal/"
        assert sign_in(admin).post(path).status_code == 302
        with pytest.raises(pool.NotPossible, match="withdrawn before"):
            pool.accept(request=asked, by=provider, origin=SYSTEM)

    def test_who_left_meanwhile_brings_no_device_along(self, asked, provider):
        provider.memberships.get().end()
        with pytest.raises(pool.NotPossible, match="does not work"):
            pool.accept(request=asked, by=provider, origin=SYSTEM)

    def test_a_device_that_changed_hands_meanwhile_stays_where_it_is(self, asked, row, provider, colleague):
        sign_in_device(colleague, **TABLET)
        actions.revoke(authorization=row, by=provider, origin=SYSTEM)
        assert Device.objects.get().owner_person == colleague
        with pytest.raises(pool.NotPossible, match="somebody else"):
            pool.accept(request=asked, by=provider, origin=SYSTEM)

    def test_with_one_the_others_are_overtaken(self, asked, row, provider, admin):
        other = cast.make_organization("Hilltop", ENTERPRISE)
        cast.join(other, provider)
        theirs = pool.ask(authorization=row, organization=other, place="x", by=admin, origin=SYSTEM)
        pool.accept(request=asked, by=provider, origin=SYSTEM)
        theirs.refresh_from_db()
        assert theirs.state == "overtaken"


class TestPooled:
    def path(self, clinic, pooled, end: str = "") -> str:
        return f"/organizations/{clinic.slug}/devices/pool/{pooled.pk}/{end}"

    def test_its_page_names_who_uses_it_and_no_session(self, pooled, clinic, admin, provider, sign_in):
        text = sign_in(admin).get(self.path(clinic, pooled)).content.decode()
        assert provider.get_full_name() in text

    def test_moves(self, pooled, clinic, admin, sign_in):
        sign_in(admin).post(self.path(clinic, pooled, "place/"), {"place": "Ward 3"})
        pooled.refresh_from_db()
        assert pooled.place == "Ward 3"
        assert len(events("devices.pool_moved")) == 1

    def test_given_back_it_counts_again(self, pooled, clinic, admin, provider, sign_in):
        sign_in(admin).post(self.path(clinic, pooled, "return/"), {"to": str(provider.pk)})
        pooled.refresh_from_db()
        assert (pooled.owner_person, pooled.owner_organization, pooled.place) == (provider, None, "")
        assert limits.places(provider).taken == 1
        assert Delivery.objects.filter(kind="devices.given_back", person_id=provider.pk).count() == 1

    def test_given_back_only_to_somebody_with_a_free_place(self, pooled, clinic, admin, provider, sign_in):
        clinic.subscriptions.update(plan_code="team")
        for _ in range(5):
            sign_in_device(provider)
        answer = sign_in(admin).post(self.path(clinic, pooled, "return/"), {"to": str(provider.pk)})
        assert "has no free place" in answer.content.decode()
        pooled.refresh_from_db()
        assert pooled.owner_organization == clinic

    def test_given_back_to_nobody_who_does_not_use_it(self, pooled, clinic, admin, colleague, sign_in):
        answer = sign_in(admin).post(self.path(clinic, pooled, "return/"), {"to": str(colleague.pk)})
        assert answer.status_code == 200
        pooled.refresh_from_db()
        assert pooled.owner_organization == clinic

    def test_leaves_without_an_owner_once_nobody_uses_it(self, pooled, clinic, admin, sign_in):
        with pytest.raises(pool.NotPossible, match="still in use"):
            pool.give_back(device=pooled, organization=clinic, to=None, by=admin, origin=SYSTEM)
        client = sign_in(admin)
        client.post(self.path(clinic, pooled, "revocation/"))
        client.post(self.path(clinic, pooled, "return/"))
        pooled.refresh_from_db()
        assert not pooled.is_owned

    def test_revoked_and_allowed_again_by_its_pages(self, pooled, clinic, admin, provider, sign_in):
        client = sign_in(admin)
        client.post(self.path(clinic, pooled, "revocation/"))
        assert not provider.device_authorizations.get().is_active
        assert Delivery.objects.filter(kind="devices.revoked", person_id=provider.pk).count() == 1
        client.post(self.path(clinic, pooled, "allowance/"))
        pooled.refresh_from_db()
        assert pooled.pool_ended_at is None

    def test_is_nobody_else_s_to_manage(self, pooled, clinic, colleague, outsider, sign_in):
        other = cast.make_organization("Hilltop", ENTERPRISE)
        cast.join(other, outsider, "admin")
        assert sign_in(colleague).get(self.path(clinic, pooled)).status_code == 403
        assert sign_in(outsider).get(self.path(clinic, pooled)).status_code == 404
        assert sign_in(outsider).post(self.path(other, pooled, "revocation/")).status_code == 404


def test_nothing_changes_when_the_log_cannot_be_written(asked, provider, monkeypatch):
    def fail(*args, **options):
        raise RuntimeError("no log")

    monkeypatch.setattr("devices.pool.record", fail)
    with pytest.raises(RuntimeError):
        pool.accept(request=asked, by=provider, origin=SYSTEM)
    asked.refresh_from_db()
    assert (asked.state, Device.objects.get().owner_person) == ("open", provider)
