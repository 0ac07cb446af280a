"""The gallery of mails is there for developers alone, and leaves nothing behind."""

import pytest
from django.urls import reverse

from accounts.models import Person
from medimic.audit.models import AuditEvent
from medimic.gallery.samples import SAMPLES
from medimic.outbox.models import Delivery

pytestmark = [pytest.mark.django_db, pytest.mark.once]

PAGES = [
    reverse("mail_gallery"),
    reverse("mail_sample", args=["sessions-summary"]),
    reverse("mail_sample_html", args=["sessions-summary"]),
]


@pytest.fixture
def developing(settings):
    settings.DEBUG = True


@pytest.mark.parametrize("path", PAGES)
def test_without_debug_there_is_nothing(client, path):
    assert client.get(path).status_code == 404


@pytest.mark.usefixtures("developing")
def test_lists_every_mail_with_its_subject_in_the_language_that_was_asked_for(client):
    html = client.get(f"{PAGES[0]}?language=de").content.decode()
    for name, sample in SAMPLES.items():
        assert f"/dev/mails/{name}/?language=de" in html
        assert sample.template in html
    assert "Wählen Sie ein neues Passwort" in html


@pytest.mark.usefixtures("developing")
@pytest.mark.parametrize("path", PAGES[1:])
def test_shows_a_mail_and_leaves_nothing_behind(client, path, mailoutbox):
    assert client.get(path, {"language": "no such", "names": "long"}).status_code == 200
    assert not Person.objects.exists()
    assert not Delivery.objects.exists()
    assert not AuditEvent.objects.exists()
    assert mailoutbox == []


@pytest.mark.usefixtures("developing")
def test_a_mail_is_framed_where_it_can_run_and_load_nothing(client):
    page, framed = client.get(PAGES[1]), client.get(PAGES[2])
    assert page.content.decode().count("<iframe") == page.content.decode().count("sandbox src=") == 2
    assert "frame-src 'self'" in page.headers["Content-Security-Policy"]
    assert set(framed.headers["Content-Security-Policy"].split("; ")) == {
        "default-src 'none'",
        "style-src 'unsafe-inline'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'self'",
        "sandbox",
    }
    assert framed.headers["X-Frame-Options"] == "SAMEORIGIN"


@pytest.mark.usefixtures("developing")
def test_what_is_not_there_and_what_changes_something_is_refused(client):
    assert client.get(reverse("mail_sample", args=["no-such-mail"])).status_code == 404
    assert client.get(reverse("mail_sample_html", args=["no-such-mail"])).status_code == 404
    assert [client.post(path).status_code for path in PAGES] == [405] * 3
