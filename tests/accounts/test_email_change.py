import pytest
from django.urls import reverse

from accounts.models import Person
from tests.accounts.conftest import code_in, kinds, mails
from tests.cast import PASSWORD

NEW = "renamed@people.example"


@pytest.fixture
def address():
    return reverse("account_email")


def ask(browser, address, email=NEW):
    return browser.post(address, {"email": email, "action_add": ""})


def give(browser, code):
    return browser.post(reverse("account_email_verification_sent"), {"code": code})


def test_the_new_address_counts_once_its_code_is_given(address, provider, log_in):
    old = provider.email
    browser = log_in(provider)
    assert ask(browser, address).url == reverse("account_email_verification_sent")
    provider.refresh_from_db()
    assert provider.email == old

    [mail] = mails("email_confirmation")
    assert mail["to"] == NEW
    give(browser, code_in(mail))
    provider.refresh_from_db()
    assert provider.email == NEW
    assert list(provider.emailaddress_set.values_list("email", "verified", "primary")) == [(NEW, True, True)]
    assert kinds(provider) == ["accounts.signed_in", "accounts.email_changed"]


def test_the_old_address_is_told_and_signs_in_no_more(address, provider, client, log_in):
    old = provider.email
    browser = log_in(provider)
    ask(browser, address)
    give(browser, code_in(mails("email_confirmation")[0]))
    assert [mail["to"] for mail in mails("email_changed")] == [old]
    client.post(reverse("account_login"), {"login": old, "password": PASSWORD})
    assert client.get(reverse("security")).status_code == 302


def test_wrong_codes_change_nothing_and_run_out(address, provider, log_in):
    browser = log_in(provider)
    ask(browser, address)
    for _ in range(3):
        give(browser, "WRONG1")
    give(browser, code_in(mails("email_confirmation")[0]))
    provider.refresh_from_db()
    assert provider.email != NEW


def test_it_works_with_a_second_factor(address, provider, log_in, enrol):
    app = enrol(provider)
    browser = log_in(provider, app)
    ask(browser, address)
    give(browser, code_in(mails("email_confirmation")[0]))
    assert Person.objects.get(pk=provider.pk).email == NEW


def test_an_old_sign_in_is_asked_for_the_password_first(address, provider, sign_in):
    assert ask(sign_in(provider), address).url.startswith(reverse("account_reauthenticate"))
    assert mails("email_confirmation") == []


def test_somebody_elses_address_is_not_given_away(address, provider, colleague, log_in):
    taken = ask(log_in(provider), address, colleague.email)
    assert taken.url == reverse("account_email_verification_sent")
    provider.refresh_from_db()
    assert provider.email != colleague.email


def test_nothing_changes_when_the_log_cannot_be_written(address, provider, log_in, monkeypatch):
    browser = log_in(provider)
    ask(browser, address)

    def broken(*args, **kwargs):
        raise OSError

    monkeypatch.setattr("accounts.listeners.record", broken)
    browser.raise_request_exception = False
    give(browser, code_in(mails("email_confirmation")[0]))
    provider.refresh_from_db()
    assert provider.email != NEW
    assert not provider.emailaddress_set.filter(email=NEW).exists()


def test_signed_out_people_are_asked_to_sign_in(address, client, db):
    assert client.get(address).url.startswith(reverse("account_login"))
