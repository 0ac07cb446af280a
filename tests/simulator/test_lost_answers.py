"""Answers that are lost on the way to a real phone: one retry works, and no chain forks."""

from urllib.parse import urlsplit

import pytest
from django.core.cache import cache

from devices.models import DeviceAuthorization, Token, TokenFamily
from medimic.simulator import command
from medimic.simulator.connection import Connection
from medimic.simulator.errors import Failure
from medimic.simulator.keychain import Keychain
from medimic.simulator.phone import Phone
from sessions_app.models import Visit
from tests.cast import PASSWORD
from tests.cutting import cutting

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def proxy(live_server, settings):
    cache.clear()
    with cutting(urlsplit(live_server.url).port) as proxy:
        # The address that the phone uses is the portal's.
        settings.PORTAL_URL = proxy.url
        yield proxy


@pytest.fixture(params=[True, False], ids=["bound", "bearer"])
def phone(request, proxy, tmp_path):
    keychain = Keychain.open(tmp_path / "phone.json")
    keychain.facts = dict(command.DEFAULTS)
    with Connection(proxy.url, "MediMic/3.2.0") as connection:
        yield Phone(keychain, connection, binds=request.param)


@pytest.fixture
def signed_in(phone, outsider):
    phone.sign_in(outsider.email, lambda what: PASSWORD)
    return phone


def living() -> list[str]:
    """The kinds of the tokens that still count."""
    rows = Token.objects.filter(ended_at=None, rotated_at=None, family__ended_at=None)
    return sorted(rows.values_list("kind", flat=True))


def test_to_a_link(phone, proxy, outsider, link_for, crypto_keys):
    proxy.lose(1)
    phone.open(link_for(outsider), crypto_keys)
    assert proxy.lost == 1
    assert living() == ["access", "refresh"]
    assert phone.whoami()["device_status_id"] == "ACTIVE"
    assert DeviceAuthorization.objects.count() == 1


def test_to_a_sign_in_on_the_phone(phone, proxy, outsider):
    def ask(what):
        return PASSWORD

    # The answer to the password comes; the one to device-login does not.
    original = phone._log_in

    def losing(*arguments, **options):
        proxy.lose(1)
        return original(*arguments, **options)

    phone._log_in = losing
    phone.sign_in(outsider.email, ask)
    assert proxy.lost == 1
    assert living() == ["access", "refresh"]
    assert phone.whoami()["device_status_id"] == "ACTIVE"
    assert DeviceAuthorization.objects.count() == 1


def test_to_a_refresh(signed_in, proxy):
    proxy.lose(1)
    signed_in.refresh()
    assert living().count("refresh") == 1
    signed_in.whoami()
    signed_in.refresh()
    assert TokenFamily.objects.filter(ended_at=None).count() == 1


def test_to_a_refresh_twice_ends_the_family(signed_in, proxy):
    proxy.lose(2)
    with pytest.raises(Failure) as failed:
        signed_in.refresh()
    assert failed.value.document["code"] == "answer_lost"
    with pytest.raises(Failure) as failed:
        signed_in.refresh()
    assert failed.value.document["code"] == "token_reused"
    assert living() == []


def test_to_a_started_session(signed_in, proxy):
    proxy.lose(1)
    signed_in.start_session("Visit", "shared_device")
    assert Visit.objects.count() == 1


def test_to_a_guests_first_call(phone, proxy):
    proxy.lose(1)
    phone.start_session("Visit", "shared_device")
    assert Visit.objects.count() == 1
    assert living() == ["access", "refresh", "session"]
    assert phone.whoami()["model"] == "iPhone 15 Pro"


def test_to_a_sign_out(signed_in, proxy):
    proxy.lose(1)
    assert signed_in.sign_out() == {"signed_out": True}
    assert living() == []
