"""At the limit of devices: what was typed for a new session waits while a device is revoked."""

from types import SimpleNamespace

import pytest

from sessions_app import drafts
from sessions_app.models import Visit
from tests.devices.kit import sign_in_device
from tests.sessions_app.test_web import NEW, wanted

pytestmark = pytest.mark.django_db


@pytest.fixture
def full(outsider):
    """All places of the plan, taken."""
    return [sign_in_device(outsider).authorization for _ in range(3)]


@pytest.fixture
def client(full, outsider, sign_in):
    """A browser in which a session could not be started."""
    client = sign_in(outsider)
    assert client.post(NEW, wanted(name="Typed before", mode="shared_device")).status_code == 409
    return client


def revoke(client, authorization):
    return client.post(f"/settings/devices/{authorization.pk}/revocation/")


def test_after_the_revocation_one_is_back_at_the_form_with_what_was_typed(client, full):
    response = revoke(client, full[0])
    assert (response.status_code, response.url) == (302, NEW)
    page = client.get(NEW)
    form = page.context["form"]
    assert (form["name"].value(), form["mode"].value()) == ("Typed before", "shared_device")
    assert "is revoked and signed out" in page.content.decode()
    assert client.post(NEW, wanted(key=form["key"].value())).status_code == 302
    assert Visit.objects.count() == 1


def test_it_is_filled_in_once(client, full):
    revoke(client, full[0])
    client.get(NEW)
    assert client.get(NEW).context["form"]["name"].value() is None
    assert revoke(client, full[1]).url.endswith("/receipt/")


def test_it_does_not_wait_for_long(client, full, monkeypatch):
    # The draft's clock alone: the sign-in lasts.
    monkeypatch.setattr(drafts, "time", SimpleNamespace(time=lambda: 4e9))
    assert revoke(client, full[0]).url.endswith("/receipt/")
    assert client.get(NEW).context["form"]["name"].value() is None


def test_another_browser_of_the_account_knows_nothing_of_it(client, full, outsider, sign_in):
    other = sign_in(outsider)
    assert revoke(other, full[0]).url.endswith("/receipt/")
    assert other.get(NEW).context["form"]["name"].value() is None


def test_without_a_limit_in_the_way_a_revocation_shows_its_receipt(full, outsider, sign_in):
    assert revoke(sign_in(outsider), full[0]).url.endswith("/receipt/")
