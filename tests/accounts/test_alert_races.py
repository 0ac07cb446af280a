"""Many clicks at once on links of one account: one effect."""

import re
from collections import Counter

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import Alert
from accounts.notices import NEW_BROWSER
from medimic.audit.models import AuditEvent
from medimic.outbox.models import Delivery
from tests.accounts.test_alerts import body, link
from tests.accounts.test_alerts import sign_in as through_the_page
from tests.devices.kit import sign_in_device
from tests.devices.test_races import race

pytestmark = pytest.mark.django_db(transaction=True)


def rows(person, kind: str) -> int:
    """The log outlives the tables that a test of transactions empties."""
    return AuditEvent.objects.filter(kind=kind, person_id=person.pk).count()


def test_of_twenty_clicks_on_one_link_one_acts(provider):
    sign_in_device(provider)
    path = link("devices.new_device")
    answers: Counter = Counter()

    def click(index: int) -> None:
        answers[Client().post(path).status_code] += 1

    race(click, 20)
    # Whoever came late is told that it is done.
    assert set(answers) <= {200, 302}
    assert sum(answers.values()) == 20
    assert rows(provider, "accounts.alert_confirmed") == 1
    assert Delivery.objects.filter(kind="accounts.locked").count() == 1
    assert rows(provider, "devices.revoked") == 1


def test_of_two_mails_to_one_mailbox_clicked_at_once_one_acts(provider):
    through_the_page(provider)
    sign_in_device(provider)
    through_the_page(provider)
    paths = [link("devices.new_device"), link("accounts.new_browser")]
    race(lambda index: Client().post(paths[index % 2]), 8)
    assert rows(provider, "accounts.alert_confirmed") == 1
    assert not Alert.objects.filter(used_at=None).exists()


def test_a_sign_in_in_the_same_instant_does_not_outlive_it(provider):
    through_the_page(provider)
    through_the_page(provider)
    path = link("accounts.new_browser")
    browsers = [Client() for _ in range(6)]

    def act(index: int) -> None:
        if index == 0:
            Client().post(path)
        else:
            through_the_page(provider, client=browsers[index - 1])

    race(act, 7)
    assert [browser.get(reverse("security")).status_code for browser in browsers] == [302] * 6


def test_the_mail_s_words_hold_no_more_than_one_link(provider):
    through_the_page(provider)
    through_the_page(provider)
    told = body("accounts.new_browser")
    assert len(re.findall(r"/alerts/", told["text"])) == 1
    assert str(NEW_BROWSER.subject) == told["subject"]
