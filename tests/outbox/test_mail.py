"""Mails, from their templates to a real SMTP server."""

import email
import time
from email import policy
from pathlib import Path

import pytest
from django.db import transaction
from django.utils import translation

from medimic.outbox import email as email_channel
from medimic.outbox.delivering import attempt
from medimic.outbox.mail import enqueue_mail, enqueue_message
from medimic.outbox.models import Delivery
from medimic.outbox.registry import Message
from medimic.outbox.taking import take
from tests.outbox import servers
from tests.outbox.raw import raw_rows

pytestmark = pytest.mark.django_db

LINK = "https://portal.example/x/?a=1&b=2"


@pytest.fixture
def smtp(settings):
    """Have mails sent by SMTP to a port of the loopback."""

    def to_port(port: int) -> None:
        settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
        settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", port
        settings.EMAIL_USE_TLS = settings.EMAIL_USE_SSL = False
        settings.EMAIL_HOST_USER = settings.EMAIL_HOST_PASSWORD = ""
        settings.EMAIL_TIMEOUT = 2

    return to_port


@pytest.fixture
def templates(settings):
    """Templates of the tests beside the portal's."""
    engine = {**settings.TEMPLATES[0]}
    settings.TEMPLATES = [{**engine, "DIRS": [*engine["DIRS"], Path(__file__).parent / "templates"]}]


def put(to: str = "anna@people.example", **options) -> Delivery:
    with transaction.atomic():
        return enqueue_message(
            "tests.greeting", to=to, **{"subject": "Hello", "text": "PLANTED-TEXT", **options}
        )


def last_error() -> tuple[str, str]:
    delivery = Delivery.objects.get()
    return delivery.state, delivery.last_error


def test_reaches_the_mailbox(smtp, deliver):
    delivery = put(subject="Zażółć gęślą", text="Grüße\n", html="<p>Grüße</p>")
    assert "PLANTED" not in raw_rows()
    port = servers.free_port()
    smtp(port)
    with servers.mail_server(port) as mailbox:
        deliver()
    ((recipients, content),) = mailbox.mails
    mail = email.message_from_bytes(content, policy=policy.default)
    assert recipients == ["anna@people.example"]
    assert mail["To"] == "anna@people.example"
    assert mail["Subject"] == "Zażółć gęślą"
    assert mail["Message-ID"] == f"<{delivery.pk}@localhost>"
    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail.get_body(("plain",)).get_content().strip() == "Grüße"
    assert mail.get_body(("html",)).get_content().strip() == "<p>Grüße</p>"
    assert last_error() == ("sent", "")
    assert "anna" not in raw_rows()


def test_each_attempt_carries_the_same_message_id(mailoutbox):
    delivery = put()
    for _ in range(2):
        Delivery.objects.update(due_at=delivery.created_at)
        attempt(take())
    first, second = mailoutbox
    assert first.extra_headers["Message-ID"] == second.extra_headers["Message-ID"]


def test_a_server_that_is_down_gets_it_when_it_is_back(smtp, deliver):
    delivery = put()
    port = servers.free_port()
    smtp(port)
    deliver()
    assert last_error() == ("waiting", "the mail server was not reached: ConnectionRefusedError")
    Delivery.objects.update(due_at=delivery.created_at)
    with servers.mail_server(port) as mailbox:
        deliver()
    assert len(mailbox.mails) == 1
    assert last_error() == ("sent", "")


def test_a_server_that_says_nothing_is_left_after_the_time_limit(smtp, deliver):
    put()
    with servers.silent_server() as port:
        smtp(port)
        started = time.monotonic()
        deliver()
    assert time.monotonic() - started < 8
    assert last_error() == ("waiting", "the mail server was not reached: SMTPServerDisconnected")


def test_there_is_a_time_limit_without_anybody_setting_one(settings):
    assert 0 < settings.EMAIL_TIMEOUT <= 30


@pytest.mark.parametrize(
    ("command", "answer", "state"),
    [
        ("RCPT", "450 4.2.1 mailbox busy", "waiting"),
        ("RCPT", "550 5.1.1 no such user PLANTED-RECIPIENT", "failed"),
        ("DATA", "451 4.3.0 later", "waiting"),
        ("DATA", "554 5.7.1 not wanted", "failed"),
        # The sender's fault, not the mail's: it goes out once the set-up is mended.
        ("MAIL", "550 5.7.1 sender refused", "waiting"),
    ],
)
def test_later_and_never_are_told_apart(smtp, deliver, command, answer, state):
    put()
    port = servers.free_port()
    smtp(port)
    with servers.mail_server(port) as mailbox:
        mailbox.answers[command] = answer
        deliver()
    assert mailbox.mails == []
    assert last_error() == (state, f"the mail server answered {answer[:3]}")


@pytest.mark.parametrize("subject", ["Hello\r\nBcc: eve@people.example", "Hello\nX: y", "Hello\rX: y"])
def test_no_header_is_smuggled_in(deliver, mailoutbox, subject):
    put(subject=subject)
    deliver()
    (mail,) = mailoutbox
    assert mail.recipients() == ["anna@people.example"]
    assert {"Bcc", "X"}.isdisjoint(mail.message().keys())


def test_a_body_that_smuggles_by_another_way_is_not_sent(deliver, mailoutbox):
    message = Message(
        id=None, kind="", recipient="a@people.example\nBcc: b@people.example",
        body={"subject": "x", "text": "x"}, created_at=None,
    )  # fmt: skip
    with pytest.raises(ValueError, match="newlines"):
        email_channel.EmailChannel().send(message)
    assert mailoutbox == []


@pytest.mark.parametrize(
    ("address", "masked"),
    [
        ("anna@people.example", "a…@people.example"),
        ("a@people.example", "a…@people.example"),
        ('"a@b"@people.example', '"…@people.example'),
    ],
)
def test_staff_read_a_masked_address(address, masked):
    assert email_channel.EmailChannel().masked(address) == masked


def test_is_written_from_templates_in_the_readers_language(templates, provider, deliver, mailoutbox):
    provider.language = "de"
    with translation.override("pl"):
        enqueue_mail(
            "tests.greeting",
            to=provider.email,
            template="tests/greeting",
            context={"name": "<Anna> & Bob", "link": LINK},
            person=provider,
        )
    assert Delivery.objects.get().person_id == provider.pk
    deliver()
    (mail,) = mailoutbox
    assert mail.subject.endswith(": <Anna> & Bob & co")
    assert f"Hello <Anna> & Bob,\n{LINK}\n" in mail.body
    ((html, kind),) = mail.alternatives
    assert kind == "text/html"
    assert '<html lang="de"' in html
    assert "Hello &lt;Anna&gt; &amp; Bob" in html
    assert LINK.replace("&", "&amp;") in html
    assert mail.extra_headers["Content-Language"] == "de"


def test_loads_nothing_from_elsewhere(templates, provider, deliver, mailoutbox):
    enqueue_mail(
        "tests.greeting",
        to="a@people.example",
        template="tests/greeting",
        context={"name": "x", "link": LINK},
    )
    deliver()
    html = mailoutbox[0].alternatives[0][0]
    for trace in ("<img", "url(", "<link", "<script", "@import", "src="):
        assert trace not in html
    assert "prefers-color-scheme: dark" in html
