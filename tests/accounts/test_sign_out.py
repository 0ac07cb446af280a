from django.urls import reverse

from tests.accounts.conftest import is_signed_in, kinds


def test_sign_out_ends_this_browser_and_no_other(provider, log_in):
    here, there = log_in(provider), log_in(provider)
    here.post(reverse("account_logout"))
    assert not is_signed_in(here)
    assert is_signed_in(there)
    assert kinds(provider) == ["accounts.signed_in", "accounts.signed_in", "accounts.signed_out"]


def test_the_old_cookie_is_worth_nothing(provider, log_in):
    browser = log_in(provider)
    key = browser.cookies["sign-in"].value
    browser.post(reverse("account_logout"))
    browser.cookies["sign-in"] = key
    assert not is_signed_in(browser)


def test_a_link_alone_signs_nobody_out(provider, log_in):
    browser = log_in(provider)
    browser.get(reverse("account_logout"))
    assert is_signed_in(browser)


def test_device_tokens_stay(provider, log_in):
    log_in(provider).post(reverse("account_logout"))
    provider.refresh_from_db()
    assert provider.token_epoch == 0


def test_the_next_person_at_the_browser_sees_their_own(provider, colleague, log_in):
    browser = log_in(provider)
    browser.post(reverse("account_logout"))
    from tests.cast import PASSWORD

    browser.post(reverse("account_login"), {"login": colleague.email, "password": PASSWORD})
    page = browser.get(reverse("profile")).content.decode()
    assert colleague.email in page
    assert provider.email not in page
