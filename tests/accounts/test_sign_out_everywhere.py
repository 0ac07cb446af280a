import pytest
from django.urls import reverse

from tests.accounts.conftest import is_signed_in, kinds


@pytest.fixture
def address():
    return reverse("sign_out_everywhere")


def test_every_browser_is_out_this_one_too(address, provider, log_in):
    here, there = log_in(provider), log_in(provider, remember="on")
    assert here.post(address).url == reverse("account_login")
    assert not is_signed_in(here)
    assert not is_signed_in(there)


def test_a_browser_that_no_list_knows_is_out_as_well(address, provider, log_in, sign_in):
    unlisted = sign_in(provider)
    log_in(provider).post(address)
    assert not is_signed_in(unlisted)


def test_device_tokens_end(address, provider, log_in):
    log_in(provider).post(address)
    provider.refresh_from_db()
    assert provider.token_epoch == 1
    assert kinds(provider) == ["accounts.signed_in", "accounts.signed_out_everywhere"]


def test_other_people_stay(address, provider, colleague, log_in):
    theirs = log_in(colleague)
    log_in(provider).post(address)
    assert is_signed_in(theirs)


def test_one_can_sign_in_again(address, provider, log_in):
    log_in(provider).post(address)
    assert is_signed_in(log_in(provider))


def test_the_page_asks_first(address, provider, log_in):
    here = log_in(provider)
    page = here.get(address).content.decode()
    assert "data-dialog-body" in page
    assert is_signed_in(here)


def test_an_old_sign_in_is_asked_for_the_password(address, provider, sign_in):
    browser = sign_in(provider)
    assert browser.post(address).url.startswith(reverse("account_reauthenticate"))
    assert is_signed_in(browser)


def test_nothing_ends_when_the_log_cannot_be_written(address, provider, log_in, monkeypatch):
    here, there = log_in(provider), log_in(provider)

    def broken(*args, **kwargs):
        raise OSError

    monkeypatch.setattr("accounts.actions.record", broken)
    here.raise_request_exception = False
    assert here.post(address).status_code == 500
    assert is_signed_in(there)
    provider.refresh_from_db()
    assert provider.token_epoch == 0


def test_signed_out_people_are_asked_to_sign_in(address, client, db):
    assert client.post(address).url.startswith(reverse("account_login"))


def test_only_get_and_post(address, provider, log_in):
    assert log_in(provider).put(address).status_code == 405
