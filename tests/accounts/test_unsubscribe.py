"""The link that ends one kind of mail with one click (RFC 8058)."""

import email
from email import policy
from urllib.parse import urlsplit

import pytest
from django.db import transaction
from django.test import Client

from accounts import mail_preferences
from accounts.mail_preferences import Kind
from accounts.models import MailPreferences, Person
from medimic.audit.log import SYSTEM
from medimic.audit.models import AuditEvent
from medimic.audit.presenters import sentence
from medimic.outbox.mail import enqueue_message
from medimic.outbox.models import Delivery
from tests.accounts.conftest import is_signed_in, kinds, mails
from tests.cast import make_person
from tests.outbox import servers
from tests.outbox.conftest import deliver  # noqa: F401 - a fixture
from tests.outbox.test_mail import smtp  # noqa: F401 - a fixture

pytestmark = [pytest.mark.django_db, pytest.mark.once]
SUMMARIES = Kind.SESSION_SUMMARIES
ONE_CLICK = {"List-Unsubscribe": "One-Click"}


@pytest.fixture
def path(provider) -> str:
    return path_of(mail_preferences.unsubscribe_url(provider, SUMMARIES))


@pytest.fixture
def mailbox() -> Client:
    """The machine of a mailbox's provider: no cookie, no token of a form, and a browser's checks on."""
    return Client(enforce_csrf_checks=True)


def path_of(url: str) -> str:
    return urlsplit(url).path


def wanted(person: Person) -> bool:
    return mail_preferences.wants(person, SUMMARIES)


class TestOneClick:
    def test_ends_this_kind_for_this_person_without_a_page_in_between(
        self, path, mailbox, provider, colleague
    ):
        response = mailbox.post(path, ONE_CLICK)
        assert response.status_code == 200
        assert "You are unsubscribed" in response.content.decode()
        assert not wanted(provider)
        assert wanted(colleague)
        assert mail_preferences.wants(provider, Kind.SECURITY_ALERTS)

    def test_signs_nobody_in_and_leaves_no_cookie(self, path, mailbox):
        assert not mailbox.post(path, ONE_CLICK).cookies
        assert not is_signed_in(mailbox)

    def test_again_is_the_same_answer_and_nothing_more(self, path, mailbox, provider):
        first, second = (mailbox.post(path, ONE_CLICK) for _ in range(2))
        assert first.status_code == second.status_code == 200
        assert kinds(provider) == ["accounts.unsubscribed"]

    def test_the_log_names_the_kind_and_nobody_as_the_one_who_did_it(
        self, path, provider, colleague, sign_in
    ):
        sign_in(colleague).post(path, ONE_CLICK)
        event = AuditEvent.objects.get(kind="accounts.unsubscribed", person_id=provider.pk)
        assert (event.actor_kind, event.actor_id) == ("anonymous", None)
        assert sentence(event) == "Unsubscribed by a mailed link: Session summaries"

    def test_outlasts_a_new_secret_key(self, path, mailbox, provider, settings):
        settings.SECRET_KEY = "another one of them, as after a rotation of the keys of all cookies"
        assert mailbox.post(path, ONE_CLICK).status_code == 200
        assert not wanted(provider)

    def test_works_for_somebody_who_may_no_longer_sign_in(self, path, mailbox, provider):
        Person.objects.filter(pk=provider.pk).update(is_active=False)
        assert mailbox.post(path, ONE_CLICK).status_code == 200
        assert not wanted(provider)


class TestOpening:
    @pytest.mark.parametrize("method", ["get", "head"])
    def test_changes_nothing_however_often(self, method, path, provider):
        for _ in range(3):
            assert getattr(Client(), method)(path).status_code == 200
        assert wanted(provider)
        assert not MailPreferences.objects.exists()
        assert kinds(provider) == []

    def test_asks_with_a_button(self, path):
        page = Client().get(path).content.decode()
        assert "Stop these mails?" in page
        assert 'name="List-Unsubscribe" value="One-Click"' in page

    def test_says_so_where_it_is_done_already(self, path):
        Client().post(path, ONE_CLICK)
        page = Client().get(path).content.decode()
        assert "You are unsubscribed" in page
        assert "Stop these mails?" not in page

    def test_does_not_tell_whose_it_is(self, path, provider):
        page = Client().get(path).content.decode()
        assert provider.email not in page
        assert provider.last_name not in page

    @pytest.mark.parametrize("method", ["put", "patch", "delete"])
    def test_takes_no_other_method(self, method, path):
        assert getattr(Client(), method)(path).status_code == 405


class TestBadLinks:
    @pytest.mark.parametrize("at", [0, 20, 45, -2])
    def test_a_changed_letter_opens_nothing(self, at, path, provider):
        token = path.strip("/").split("/")[1]
        at %= len(token)
        other = "A" if token[at] != "A" else "B"
        changed = f"/unsubscribe/{token[:at]}{other}{token[at + 1 :]}/"
        assert Client().get(changed).status_code == 404
        assert Client().post(changed, ONE_CLICK).status_code == 404
        assert wanted(provider)

    @pytest.mark.parametrize("token", ["x", "..", "session_summaries.x.y", "a\x00b", "ä.ö.ü", "x" * 5000])
    def test_nonsense_opens_nothing(self, token, db):
        assert Client().post(f"/unsubscribe/{token}/", ONE_CLICK).status_code == 404

    def test_another_kind_under_the_same_signature_opens_nothing(self, path, provider):
        other = path.replace("session_summaries", "security_alerts")
        assert Client().post(other, ONE_CLICK).status_code == 404
        assert mail_preferences.wants(provider, Kind.SECURITY_ALERTS)

    @pytest.mark.parametrize("value", ["security_alerts.{name}", "no_such_kind.{name}", "new_sessions.abc"])
    def test_signed_by_us_but_not_made_for_it_opens_nothing(self, value, path, provider):
        name = path.split(".")[1]
        token = mail_preferences._signer().sign(value.format(name=name))
        assert Client().post(f"/unsubscribe/{token}/", ONE_CLICK).status_code == 404
        assert mail_preferences.wants(provider, Kind.SECURITY_ALERTS)

    def test_of_somebody_who_is_gone_opens_nothing(self, db):
        person = make_person()
        path = path_of(mail_preferences.unsubscribe_url(person, SUMMARIES))
        person.delete()
        assert Client().post(path, ONE_CLICK).status_code == 404

    def test_security_alerts_have_none(self, provider):
        with pytest.raises(ValueError, match="signed in alone"):
            mail_preferences.unsubscribe_url(provider, Kind.SECURITY_ALERTS)

    def test_an_alert_s_mail_has_none(self, provider, smtp, deliver):  # noqa: F811
        mail_preferences.change(provider, {Kind.SECURITY_ALERTS: False}, SYSTEM)
        assert "/unsubscribe/" not in mails("security_alerts_off")[0]["text"]
        assert not [name for name in received(smtp, deliver) if name.startswith("List-")]


class TestHeaders:
    def test_say_it_as_rfc_8058_wants_and_the_link_in_them_works(self, provider, smtp, deliver):  # noqa: F811
        url = mail_preferences.unsubscribe_url(provider, SUMMARIES)
        with transaction.atomic():
            enqueue_message(
                "tests.summary", to=provider.email, subject="Hello", text="Hello", unsubscribe_url=url
            )
        headers = received(smtp, deliver)
        # In one line: an empty first one would come before it if Python folded it.
        assert headers["List-Unsubscribe"] == f"<{url}>"
        assert headers["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
        link = headers["List-Unsubscribe"].strip("<>")
        Client(enforce_csrf_checks=True).post(path_of(link), ONE_CLICK)
        assert not wanted(provider)

    def test_are_not_there_for_mails_that_cannot_be_ended(self, provider, smtp, deliver):  # noqa: F811
        with transaction.atomic():
            enqueue_message("tests.code", to=provider.email, subject="Hello", text="Hello")
        assert not [name for name in received(smtp, deliver) if name.startswith("List-")]

    def test_the_link_is_erased_once_the_mail_is_sent(self, provider, smtp, deliver):  # noqa: F811
        url = mail_preferences.unsubscribe_url(provider, SUMMARIES)
        with transaction.atomic():
            enqueue_message("tests.x", to=provider.email, subject="x", text="x", unsubscribe_url=url)
        received(smtp, deliver)
        assert url not in Delivery.objects.get().body


def received(smtp, deliver) -> email.message.EmailMessage:  # noqa: F811
    """What a real mail server gets of the one mail that is due."""
    port = servers.free_port()
    smtp(port)
    with servers.mail_server(port) as mailbox:
        deliver()
    ((_, content),) = mailbox.mails
    return email.message_from_bytes(content, policy=policy.default)
