import datetime as dt

import pytest
from django.contrib.auth import tokens
from django.test import Client
from django.urls import reverse

from medimic.outbox.models import Delivery
from tests.accounts.conftest import is_signed_in, kinds, link_in, mails
from tests.cast import PASSWORD

NEW = {"password1": "another long passphrase", "password2": "another long passphrase"}


@pytest.fixture
def link(client, provider):
    client.post(reverse("account_reset_password"), {"email": provider.email})
    [mail] = mails("password_reset_key")
    assert mail["to"] == provider.email
    return link_in(mail)


def use(client, link):
    form = client.get(link)
    if form.status_code != 302:
        return form
    return client.post(form.url, NEW)


def test_the_link_sets_a_new_password(client, link, provider):
    use(client, link)
    provider.refresh_from_db()
    assert provider.check_password(NEW["password1"])
    assert kinds(provider) == ["accounts.password_reset"]
    assert len(mails("password_reset")) == 1


def test_it_signs_nobody_in(client, link):
    use(client, link)
    assert not is_signed_in(client)


def test_it_signs_browsers_and_devices_out(client, provider, log_in):
    browser = log_in(provider)
    client.post(reverse("account_reset_password"), {"email": provider.email})
    use(client, link_in(mails("password_reset_key")[0]))
    provider.refresh_from_db()
    assert provider.token_epoch == 1
    assert not is_signed_in(browser)


def test_it_works_in_a_browser_that_is_signed_in_and_signs_it_out(client, provider, log_in):
    browser = log_in(provider)
    browser.post(reverse("account_reset_password"), {"email": provider.email})
    assert use(browser, link_in(mails("password_reset_key")[0])).status_code == 302
    assert not is_signed_in(browser)


def test_the_link_works_once(client, link, provider):
    use(client, link)
    use(Client(), link)
    assert kinds(provider) == ["accounts.password_reset"]


@pytest.mark.parametrize(("minutes", "works"), [(59, True), (61, False)])
def test_the_link_works_for_an_hour(client, link, provider, monkeypatch, minutes, works):
    later = dt.datetime.now() + dt.timedelta(minutes=minutes)  # noqa: DTZ005
    monkeypatch.setattr(tokens.PasswordResetTokenGenerator, "_now", lambda self: later)
    response = use(client, link)
    provider.refresh_from_db()
    assert provider.check_password(NEW["password1"]) is works
    if not works:
        assert reverse("account_reset_password") in response.content.decode()


def test_the_mail_is_not_sent_once_its_link_has_run_out(link):
    delivery = Delivery.objects.get(kind="accounts.password_reset_key")
    assert delivery.stale_at - delivery.created_at == dt.timedelta(hours=1)


def test_a_changed_address_ends_the_link(client, link, provider):
    provider.email = "elsewhere@people.example"
    provider.save()
    use(client, link)
    provider.refresh_from_db()
    assert provider.check_password(PASSWORD)


def test_a_sign_in_ends_the_link(client, link, provider, log_in):
    log_in(provider)
    use(client, link)
    assert "accounts.password_reset" not in kinds(provider)


def test_unknown_address_gets_the_same_answer_and_a_mail_that_says_so(client, provider):
    address = reverse("account_reset_password")
    known = client.post(address, {"email": provider.email})
    unknown = Client().post(address, {"email": "ghost@people.example"})
    assert (known.status_code, known.url) == (unknown.status_code, unknown.url)
    assert [mail["to"] for mail in mails("unknown_account")] == ["ghost@people.example"]


def test_requests_for_one_account_are_limited(provider):
    answers = [
        Client().post(reverse("account_reset_password"), {"email": provider.email}).status_code
        for _ in range(6)
    ]
    assert answers == [302] * 5 + [429]


def test_the_mail_is_in_the_persons_language(client, provider):
    provider.language = "pl"
    provider.save()
    client.post(reverse("account_reset_password"), {"email": provider.email})
    assert mails("password_reset_key")[0]["language"] == "pl"


def test_a_forged_host_gets_no_link(client, provider):
    response = client.post(
        reverse("account_reset_password"), {"email": provider.email}, headers={"host": "evil.example"}
    )
    assert response.status_code == 400
    assert mails("password_reset_key") == []
