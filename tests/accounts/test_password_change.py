import pytest
from django.urls import reverse

from tests.accounts.conftest import is_signed_in, kinds, mails
from tests.cast import PASSWORD

NEW = "another long passphrase"
CHANGE = {"oldpassword": PASSWORD, "password1": NEW, "password2": NEW}


@pytest.fixture
def address():
    return reverse("account_change_password")


def test_this_browser_stays_and_the_others_go(address, provider, log_in):
    here, there = log_in(provider), log_in(provider)
    assert here.post(address, CHANGE).url == reverse("security")
    assert is_signed_in(here)
    assert not is_signed_in(there)
    assert len(here.get(reverse("security")).context["sign_ins"]) == 1


def test_device_tokens_end_with_it(address, provider, log_in):
    log_in(provider).post(address, CHANGE)
    provider.refresh_from_db()
    assert provider.token_epoch == 1
    assert kinds(provider) == ["accounts.signed_in", "accounts.password_changed"]


def test_the_person_is_told(address, provider, log_in):
    log_in(provider).post(address, CHANGE)
    [mail] = mails("password_changed")
    assert mail["to"] == provider.email
    assert "Firefox on Linux" in mail["text"]


def test_nothing_changes_when_the_log_cannot_be_written(address, provider, log_in, monkeypatch):
    browser, other = log_in(provider), log_in(provider)

    def broken(*args, **kwargs):
        raise OSError

    monkeypatch.setattr("accounts.passwords.record", broken)
    browser.raise_request_exception = False
    assert browser.post(address, CHANGE).status_code == 500
    provider.refresh_from_db()
    assert provider.check_password(PASSWORD)
    assert provider.token_epoch == 0
    assert is_signed_in(other)


def test_the_current_password_is_needed(address, provider, log_in):
    log_in(provider).post(address, {**CHANGE, "oldpassword": "guess"})
    provider.refresh_from_db()
    assert provider.check_password(PASSWORD)


def test_a_short_password_is_refused(address, provider, log_in):
    log_in(provider).post(address, {**CHANGE, "password1": "short-1", "password2": "short-1"})
    provider.refresh_from_db()
    assert provider.check_password(PASSWORD)


def test_signed_out_people_are_asked_to_sign_in(address, client, db):
    assert client.get(address).url.startswith(reverse("account_login"))
