"""The portal in Polish and German: the catalogues are whole, and the pages speak them."""

import datetime as dt
import json
import os
import re
import shutil
import subprocess
import sys
from functools import cache
from html.parser import HTMLParser
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from django.conf import settings as django_settings
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.models import Person
from devices import actions
from devices.models import DeviceAuthorization
from medimic.audit.log import SYSTEM
from medimic.outbox.models import Delivery
from sessions_app.models import Participant, Visit
from tests.devices.kit import just_now, link_for, sign_in_device

pytestmark = pytest.mark.once

ROOT = django_settings.BASE_DIR
LOCALES = {"pl": "pl_PL", "de": "de_DE"}
HOLES_AND_MARKUP = re.compile(r"%\(\w+\)[a-z]|%%|\{\w*\}|</?[a-z][^>]*>")
SOURCES = ("accounts", "billing", "devices", "medimic", "orgs", "sessions_app", "templates", "locale")
languages = pytest.mark.parametrize("language", LOCALES)


@cache
def catalogue(language: str, root: Path = ROOT) -> Catalog:
    with (root / "locale" / language / "LC_MESSAGES" / "django.po").open("rb") as file:
        return read_po(file)


def texts(message) -> list[tuple[str, str]]:
    """Each translation of a message with the original that it stands for."""
    if not isinstance(message.id, tuple):
        return [(message.id, message.string)]
    return [(message.id[-1], string) for string in message.string]


def keys(catalog: Catalog) -> set[tuple]:
    return {(message.context, message.id) for message in catalog if message.id}


# The catalogues


@languages
def test_nothing_is_left_untranslated(language):
    messages = [message for message in catalogue(language) if message.id]
    assert len(messages) > 500
    assert [message.id for message in messages if message.fuzzy] == []
    assert [original for message in messages for original, text in texts(message) if not text] == []


@languages
def test_a_translation_keeps_placeholders_markup_and_line_ends(language):
    for message in catalogue(language):
        for original, text in texts(message):
            if not original:
                continue
            assert sorted(HOLES_AND_MARKUP.findall(text)) == sorted(HOLES_AND_MARKUP.findall(original)), text
            for side in (str.lstrip, str.rstrip):
                assert (side(text, "\n") == text) == (side(original, "\n") == original), text
            assert text.strip(" ") == text, text


@languages
def test_plural_forms_are_those_of_the_language(language):
    catalog = catalogue(language)
    assert (catalog.num_plurals, str(catalog.locale)) == ({"pl": 3, "de": 2}[language], language)
    for message in catalog:
        if message.pluralizable:
            assert len(message.string) == catalog.num_plurals, message.id


def test_the_catalogues_hold_what_the_source_says(tmp_path):
    """`make messages` was run after the last change of a string."""
    if not shutil.which("xgettext"):
        assert not os.environ.get("CI"), "xgettext (apt: gettext) is missing"
        pytest.skip("xgettext not found on this machine")
    for name in SOURCES:
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__", "*.mo"))
    (tmp_path / "tests").mkdir()
    for name in ("manage.py", "tests/__init__.py", "tests/settings.py"):
        shutil.copy(ROOT / name, tmp_path / name)
    subprocess.run(
        [sys.executable, "manage.py", "makemessages", "--locale", "pl", "--no-obsolete", "--verbosity", "0"],
        cwd=tmp_path,
        env={**os.environ, "DJANGO_SETTINGS_MODULE": "tests.settings", "VAR_DIR": str(tmp_path / "var")},
        check=True,
    )
    source = keys(catalogue("pl", tmp_path))
    for language in LOCALES:
        assert keys(catalogue(language)) == source, "run: make messages"


# The pages


@pytest.fixture
def compiled(tmp_path, settings):
    """The catalogues as they stand in the source, whatever was compiled before."""
    for language in LOCALES:
        target = tmp_path / language / "LC_MESSAGES" / "django.mo"
        target.parent.mkdir(parents=True)
        with target.open("wb") as file:
            write_mo(file, catalogue(language))
    settings.LOCALE_PATHS = [tmp_path]


class Words(HTMLParser):
    """What of a page is read or heard, and the page's language."""

    SPOKEN = {"alt", "aria-label", "data-copied", "data-label", "data-words", "label", "placeholder", "title"}
    SILENT = {"script", "style", "option", "code"}

    def __init__(self, html: str) -> None:
        super().__init__()
        self.language = ""
        self.found: set[str] = set()
        self.links: set[str] = set()
        self._silent = 0
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "html":
            self.language = dict(attrs).get("lang") or ""
        self._silent += tag in self.SILENT
        link = dict(attrs).get("href") or ""
        if tag == "a" and link.startswith("/"):
            self.links.add(link)
        self.found |= {value for name, value in attrs if name in self.SPOKEN and value and tag != "optgroup"}

    def handle_endtag(self, tag: str) -> None:
        self._silent -= tag in self.SILENT

    def handle_data(self, data: str) -> None:
        if data.strip() and not self._silent:
            self.found.add(" ".join(data.split()))


def read(client: Client, path: str, browser: str) -> Words:
    """The page as a browser of this language gets it."""
    response = client.get(path, follow=True, headers={"Accept-Language": browser})
    assert response.status_code in (200, 404), path
    return Words(response.content.decode())


def left_in_english(translated: Words, english: Words, catalog: Catalog, known: str) -> set[str]:
    """Texts of both pages alike that are neither the same word in both languages nor data."""
    alike = {text for message in catalog for original, text in texts(message) if original == text}
    return {
        text
        for text in translated.found & english.found - alike
        if re.search(r"[A-Za-z]{3}", re.sub(known, "", text))
    }


SIGNED_OUT = [
    "/accessibility/",
    "/accounts/inactive/",
    "/accounts/login/",
    "/accounts/password/reset/",
    "/accounts/password/reset/done/",
    "/accounts/password/reset/key/done/",
    "/accounts/password/reset/key/1-no-such-key/",
    "/accounts/signup/",
]
SHARED = r"MediMic|[\w.]+@[\w.]+"
DATA = SHARED + (
    r"|Paula|Provider|Ada|Admin|Piotr|Patient|Olga|Outsider|Lakeside|Clinic|Morning round"
    r"|iPhone 15 Pro|iOS|UTC|[A-Z2-7 ]{32,}|\b[A-Z0-9]{6}\b"
)
# No page, or one whose words come from elsewhere: the admin's from Django, the API's from its description.
ELSEWHERE = re.compile(r"/(admin|api|static)/|/api$|/user-profile|/download/|/export/")
STARTS = (
    "/",
    "/billing/",
    "/organization/",
    "/sessions/",
    "/settings/devices/authentication/",
    "/no/such/page/",
)


@pytest.mark.usefixtures("compiled")
@pytest.mark.django_db
@languages
def test_signed_out_pages_speak_the_browsers_language(language, client):
    for path in SIGNED_OUT:
        translated = read(client, path, f"{LOCALES[language].replace('_', '-')},en;q=0.5")
        assert translated.language == language
        english = read(client, path, "en")
        assert english.language == "en"
        assert left_in_english(translated, english, catalogue(language), SHARED) == set(), path


@pytest.mark.usefixtures("compiled")
def test_every_page_that_a_link_leads_to_speaks_the_persons_language(
    provider, admin, patient, outsider, sign_in
):
    fill(provider)
    sign_in_devices(outsider, 3)
    # The person's choice wins over what the browser asks for.
    clients = {person: just_now(sign_in(person)) for person in (provider, admin, patient, outsider)}
    seen: set[str] = set()
    waiting = [(person, path) for person in (outsider, patient, admin, provider) for path in STARTS]
    while waiting:
        person, path = waiting.pop()
        english = read_as(clients[person], person, path, "en", "en_GB")
        for language, form in LOCALES.items():
            translated = read_as(clients[person], person, path, language, form)
            assert left_in_english(translated, english, catalogue(language), DATA) == set(), path
        # What everybody has looks otherwise for each; where it leads, only for who has most.
        for address in sorted({link.partition("?")[0] for link in english.links}):
            if person == provider and address not in (*seen, *STARTS) and not ELSEWHERE.search(address):
                seen.add(address)
                waiting.append((person, address))
    assert len(seen) > 20, sorted(seen)


def sign_in_devices(person: Person, count: int) -> list[DeviceAuthorization]:
    for _number in range(count):
        sign_in_device(person)
    return list(DeviceAuthorization.objects.filter(account=person))


def fill(person: Person) -> None:
    """Something of everything that the pages can show: a device, a link, a revocation, a session."""
    used, revoked = sign_in_devices(person, 2)
    link_for(person)
    actions.revoke(authorization=revoked, by=person, origin=SYSTEM)
    visit = Visit.objects.create(
        name="Morning round",
        code="ABCDEF",
        mode=Visit.Mode.TWO_DEVICE,
        host=person,
        authorization=used,
        expires_at=timezone.now() + dt.timedelta(hours=1),
    )
    Participant.objects.create(visit=visit, person=person, role=Participant.Role.PROVIDER)


def read_as(client: Client, person: Person, path: str, language: str, form: str) -> Words:
    Person.objects.filter(pk=person.pk).update(language=language, date_locale=form)
    page = read(client, path, "en")
    assert page.language == language, path
    return page


@pytest.mark.usefixtures("compiled")
@languages
def test_mails_are_written_in_the_persons_language(language, provider):
    provider.language = language
    provider.save()
    Client(headers={"Accept-Language": "en"}).post(
        reverse("account_reset_password"), {"email": provider.email}
    )
    sign_in_device(provider)
    known = catalogue(language)
    reset, new_device = [json.loads(delivery.body) for delivery in Delivery.objects.order_by("created_at")]
    assert reset["subject"] == known.get("Choose a new password").string
    assert new_device["subject"].startswith(known.get("New device: %(device)s").string.partition("%")[0])
    for mail in (reset, new_device):
        assert f'lang="{language}"' in mail["html"]


@pytest.mark.usefixtures("compiled")
@pytest.mark.django_db
@languages
def test_the_apis_refusals_speak_the_callers_language(language):
    response = Client(headers={"Accept-Language": language}).get("/api/device")
    problem = response.json()
    assert problem["code"] == "token_missing"
    assert problem["detail"] == catalogue(language).get("Send a token of this device.").string
