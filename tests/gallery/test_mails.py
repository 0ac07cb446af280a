"""Every mail of the portal, as it is sent: its looks, its links, its headers, and what it must not hold."""

import datetime as dt
import email
import json
import re
from email import policy
from functools import cache
from html.parser import HTMLParser
from pathlib import Path

import pytest
from django.conf import settings
from django.core.mail import EmailMultiAlternatives

from medimic.gallery.registry import mail_of
from medimic.gallery.samples import SAMPLES
from medimic.outbox.mail import enqueue_mail
from tests.outbox import servers

pytestmark = [pytest.mark.django_db, pytest.mark.once]

# One of each template in all languages; its others differ by a sentence.
FIRSTS = {sample.template: name for name, sample in reversed(SAMPLES.items())}.values()
LANGUAGES = {name: [code for code, _ in settings.LANGUAGES] if name in FIRSTS else ["pl"] for name in SAMPLES}
ADDRESS = re.compile(r"[a-z]+://[^\s<>\"]+")
# What a mailbox's own button posts to; and security, which nobody is to switch off by a forwarded mail.
CAN_BE_ENDED = {"sessions/mail/started", "sessions/mail/summary"}


class Page(HTMLParser):
    """What of a mail's HTML is seen, and what it links to or would load."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.links: list[str] = []
        self.loaded: list[str] = []
        self.language = ""
        self.shown: list[str] = []
        self.preheader = ""
        self._in: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        self._in.append("preheader" if attrs.get("class") == "preheader" else tag)
        self.language = attrs.get("lang", self.language) if tag == "html" else self.language
        if tag == "a":
            self.links.append(attrs["href"])
        self.loaded += [f"{tag} {name}" for name in ("src", "srcset", "background", "data") if name in attrs]
        self.loaded += [tag] if tag in ("link", "img", "script", "iframe", "object", "form", "svg") else []
        if tag in ("meta", "br", "img", "link"):
            self._in.pop()

    def handle_endtag(self, tag):
        self._in.pop()

    def handle_data(self, data):
        if "preheader" in self._in:
            self.preheader += data
        elif not {"style", "title"} & set(self._in):
            self.shown.append(data)

    @property
    def words(self) -> str:
        return " ".join(" ".join(self.shown).split())


@cache
def rendered(name: str, language: str) -> tuple[EmailMultiAlternatives, Page]:
    """With long names; each once for all tests, since it stays the same."""
    mail = mail_of(SAMPLES[name], language, is_long=True)
    return mail, Page(str(mail.alternatives[0][0]))


def test_every_template_has_a_sample():
    found = {
        str(path.relative_to(root)).removesuffix(".subject.txt")
        for root in (Path(settings.BASE_DIR, "templates"),)
        for path in root.rglob("*.subject.txt")
    }
    assert found == {sample.template for sample in SAMPLES.values()}


@pytest.mark.parametrize("name", SAMPLES)
def test_it_is_whole_in_both_parts_and_loads_nothing(name):
    for language in LANGUAGES[name]:
        mail, page = rendered(name, language)
        assert page.language == language
        assert page.loaded == []
        for trace in ("url(", "@import", "javascript:", "{{", "{%", "None"):
            assert trace not in mail.alternatives[0][0], trace
            assert trace not in mail.body, trace
        # Links are whole, and lead to the portal, to support or into the app.
        assert all(link.startswith((f"{settings.PORTAL_URL}/", "mailto:", "medipal:")) for link in page.links)
        leading = {link for link in page.links if not link.startswith("mailto:")}
        assert leading <= set(ADDRESS.findall(mail.body)), "the text leads to less"
        assert settings.SUPPORT_EMAIL in page.words
        assert settings.SUPPORT_EMAIL in mail.body
        # Why one gets it stands in both, and after the signature's mark in the text.
        body, _mark, footer = mail.body.partition("\n-- \n")
        why = footer.partition("\n")[0]
        assert why.endswith(".")
        assert why in page.words
        assert "\n\n\n\n" not in mail.body
        # An inbox shows how the text begins, without an address.
        preheader = page.preheader.replace("\u034f", "").replace("\u200c", "").strip("\xa0 ")
        assert 20 < len(preheader) <= 140
        assert "://" not in preheader
        assert preheader.removesuffix(" …") in " ".join(body.split())


@pytest.mark.parametrize("name", SAMPLES)
def test_only_what_can_be_switched_off_says_how(name):
    mail, page = rendered(name, "pl")
    url = mail.extra_headers.get("List-Unsubscribe", "").strip("<>")
    assert bool(url) == (SAMPLES[name].template in CAN_BE_ENDED)
    assert any("/unsubscribe/" in link for link in page.links) == bool(url)
    if url:
        assert mail.extra_headers["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
        assert url in page.links
        assert url in mail.body


def test_a_mail_server_gets_them_in_a_form_that_every_mailbox_takes(settings):
    port = servers.free_port()
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", port
    settings.EMAIL_USE_TLS = settings.EMAIL_USE_SSL = False
    settings.EMAIL_HOST_USER = settings.EMAIL_HOST_PASSWORD = ""
    sent = [(name, rendered(name, "pl")[0]) for name in SAMPLES]
    with servers.mail_server(port) as mailbox:
        for _, mail in sent:
            mail.send()
    assert len(mailbox.mails) == len(sent)
    for (name, mail), (recipients, content) in zip(sent, mailbox.mails, strict=True):
        assert recipients == mail.to
        # RFC 5322: no line of more than 998 characters, and none that ends otherwise.
        assert max(len(line) for line in content.split(b"\r\n")) <= 998, name
        assert b"\n" not in content.replace(b"\r\n", b"")
        got = email.message_from_bytes(content, policy=policy.default)
        assert got.get_content_type() == "multipart/alternative"
        # The last part is the one that is shown by whoever can.
        assert [part.get_content_type() for part in got.iter_parts()] == ["text/plain", "text/html"]
        assert got["Subject"] == mail.subject
        assert got["Content-Language"] == "pl"
        assert got["Auto-Submitted"] == "auto-generated"
        assert got["Message-ID"].endswith("@localhost>")
        assert got["Date"].datetime
        for kind, written in (("plain", mail.body), ("html", mail.alternatives[0][0])):
            assert got.get_body((kind,)).get_content().strip().splitlines() == written.strip().splitlines()


def test_a_date_in_a_template_is_in_the_readers_time_zone_and_without_a_reason_a_general_one_is_given(
    provider, settings, tmp_path
):
    engine = {**settings.TEMPLATES[0]}
    settings.TEMPLATES = [{**engine, "DIRS": [*engine["DIRS"], tmp_path]}]
    (tmp_path / "plain.subject.txt").write_text("Hello")
    (tmp_path / "plain.txt").write_text(
        '{% extends "mail/base.txt" %}{% block content %}{{ at|date:"H:i" }}{% endblock %}'
    )
    (tmp_path / "plain.html").write_text('{% extends "mail/base.html" %}')
    provider.time_zone = "Asia/Kolkata"
    at = dt.datetime(2026, 1, 15, 12, 0, tzinfo=dt.UTC)
    delivery = enqueue_mail(
        "tests.plain", to="anna@people.example", template="plain", context={"at": at}, person=provider
    )
    text = json.loads(delivery.body)["text"]
    assert text.startswith("17:30\n")
    assert "\n-- \nYou get this mail because it is about your MediMic account.\n" in text
