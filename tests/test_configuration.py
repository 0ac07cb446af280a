"""What the environment must hold, and what happens when it does not."""

import os
import re
import subprocess
import sys
from pathlib import Path

import environ
import httpx2
import pytest
from django.conf import settings

from medimic import environment
from medimic.keys import SECRETS
from tests import production
from tests.browser.portal import free_port, wait_until_ready

# No database of the test run takes part.
pytestmark = pytest.mark.once

CHECK = [sys.executable, "manage.py", "check"]
GUNICORN = [sys.executable, "-m", "gunicorn", "--config", "python:medimic.server", "medimic.wsgi"]
HOST = "portal.medimic.example"

MALFORMED = [
    ("SECRET_KEY", "too-short-a-secret"),
    ("CRYPTO_KEY", "not base64, this one"),
    ("FIELD_KEYS", "c2hvcnQtZmllbGQta2V5"),
    ("LOOKUP_KEY", "c2hvcnQtbG9va3VwLWtleQ=="),
    ("AUDIT_KEYS", "%%%%"),
    ("AUDIT_SIGNING_KEY", "c2hvcnQtc2lnbmluZy1rZXk="),
    ("PORTAL_URL", f"http://{HOST}"),
    ("PORTAL_URL", f"https://{HOST}/below"),
    ("PORT", "eight thousand"),
    ("TRUSTED_PROXY_COUNT", "-1"),
    ("DATABASE_URL", "host-and-password"),
    ("CACHE_URL", "pigeon://post"),
    ("EMAIL_URL", "pigeon://user:password@post"),
    ("SMS_URL", "pigeon://user:password@post"),
    ("STRIPE_API_BASE", "http://stripe.example"),
    ("APNS_KEY", "no/such/file.p8"),
    ("APNS_API_BASE", "http://push.example"),
    ("FCM_CREDENTIALS", "no/such/account.json"),
    ("FCM_API_BASE", "https://push.example/below"),
    ("VAPID_SUBJECT", "somebody@push.example"),
    ("LOG_LEVEL", "LOUD"),
    ("DEBUG", "true"),
]


def refusal(command: list[str], **changes: str | None) -> str:
    """Run a command that must not start; returns the one line that it prints."""
    done = subprocess.run(
        command,
        cwd=settings.BASE_DIR,
        env=production.environment(**changes),
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode != 0
    assert done.stdout == ""
    [line] = done.stderr.splitlines()
    return line


@pytest.mark.parametrize("command", [CHECK, GUNICORN], ids=["manage.py", "gunicorn"])
@pytest.mark.parametrize("name", SECRETS)
def test_a_missing_secret_stops_the_start_with_one_sentence(name, command):
    assert refusal(command, **{name: None}) == f"Configuration: {name} is not set."


@pytest.mark.parametrize(("name", "value"), MALFORMED)
def test_a_malformed_value_stops_the_start_without_being_shown(name, value):
    line = refusal(CHECK, **{name: value})
    assert re.fullmatch(rf"Configuration: {name} [^.]+\.( ?[^.]+\.)*", line)
    assert value not in line


def test_gunicorn_stops_on_a_malformed_secret():
    assert refusal(GUNICORN, FIELD_KEYS="abc").startswith("Configuration: FIELD_KEYS must be 32 bytes")


def test_every_variable_is_described_once_where_it_is_read():
    source = Path(settings.BASE_DIR, "medimic", "settings.py").read_text()
    read = re.findall(r'env(?:\.\w+\(|, |\.\w+, )"([A-Z_]+)"', source)
    described = [
        name
        for names in re.findall(r"^# ((?:[A-Z_]+, )*[A-Z_]+): ", source, re.MULTILINE)
        for name in names.split(", ")
    ]
    assert sorted(read) == sorted(set(read))
    assert sorted(described) == sorted(read)


def test_a_key_of_several_lines_is_taken_from_its_file_or_on_one_line(tmp_path):
    pem = "-----BEGIN PRIVATE KEY-----\nabc\n-----END PRIVATE KEY-----"
    file = tmp_path / "key.p8"
    file.write_text(f"{pem}\n")
    for value in (str(file), pem, pem.replace("\n", "\\n")):
        assert environment.document(environ.Env(), "KEY_OF_A_TEST") == ""
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("KEY_OF_A_TEST", value)
            assert environment.document(environ.Env(), "KEY_OF_A_TEST") == pem


def test_mails_of_a_laptop_are_files_below_the_data_directory(tmp_path):
    ask = "from django.conf import settings; print(settings.EMAIL_FILE_PATH)"
    done = subprocess.run(
        [sys.executable, "manage.py", "shell", "--no-imports", "--command", ask],
        cwd=settings.BASE_DIR,
        env=production.environment(PORTAL_URL=None, EMAIL_URL=None, VAR_DIR=str(tmp_path)),
        check=True,
        capture_output=True,
        text=True,
    )
    assert done.stdout.strip() == str(tmp_path / "mail")


@pytest.fixture(scope="module")
def production_portal(tmp_path_factory):
    """The address of a gunicorn under production settings, with one person who can sign in."""
    directory = tmp_path_factory.mktemp("production")
    port = free_port()
    variables = production.environment(VAR_DIR=str(directory))
    person = "from tests.cast import make_person; make_person(email='somebody@people.example')"
    for command in (["prepare"], ["shell", "--no-imports", "--command", person]):
        subprocess.run(
            [sys.executable, "manage.py", *command],
            cwd=settings.BASE_DIR,
            env=variables,
            check=True,
            capture_output=True,
        )
    process = subprocess.Popen(
        [*GUNICORN, "--bind", f"127.0.0.1:{port}"], cwd=settings.BASE_DIR, env=variables
    )
    try:
        wait_until_ready(f"http://127.0.0.1:{port}", process, lambda: "see above")
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(timeout=30)


def through_the_proxy(url: str) -> httpx2.Client:
    headers = {"Host": HOST, "X-Forwarded-Proto": "https", "X-Forwarded-For": "192.0.2.7"}
    return httpx2.Client(base_url=url, headers=headers)


def test_production_turns_plain_http_away(production_portal):
    answer = httpx2.get(f"{production_portal}/accounts/login/", headers={"Host": HOST})
    assert answer.status_code == 301
    assert answer.headers["Location"] == f"https://{HOST}/accounts/login/"


def test_production_answers_no_other_host(production_portal):
    with through_the_proxy(production_portal) as client:
        answer = client.get("/accounts/login/", headers={"Host": "elsewhere.example"})
    assert answer.status_code == 400


def test_every_cookie_in_production_is_bound_to_the_host_and_to_https(production_portal):
    with through_the_proxy(production_portal) as client:
        page = client.get("/accounts/login/")
        form = {
            "login": "somebody@people.example",
            "password": "correct horse battery staple",
            "csrfmiddlewaretoken": re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', page.text)[1],
        }
        cookies = [*page.headers.get_list("set-cookie")]
        sent = "; ".join(cookie.partition(";")[0] for cookie in cookies)
        answer = client.post(
            "/accounts/login/",
            data=form,
            headers={"Cookie": sent, "Referer": f"https://{HOST}/accounts/login/"},
        )
    assert answer.status_code == 302, answer.text
    cookies += answer.headers.get_list("set-cookie")
    assert {cookie.partition("=")[0] for cookie in cookies} >= {"__Host-csrf", "__Host-sign-in"}
    for cookie in cookies:
        name, _, attributes = cookie.partition(";")
        assert name.startswith("__Host-")
        assert {"Secure", "HttpOnly", "Path=/"} <= {word.strip() for word in attributes.split(";")}
        assert "Domain" not in attributes


def test_a_laptops_mails_lie_below_its_directory_for_what_is_written(tmp_path):
    # In an address, one slash more than expected tells an absolute path from a relative one.
    script = "from medimic import settings; print(settings.EMAIL_FILE_PATH)"
    variables = {**os.environ, "VAR_DIR": str(tmp_path)}
    variables.pop("EMAIL_URL", None)
    done = subprocess.run(
        [sys.executable, "-c", script], env=variables, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == str(tmp_path / "mail")
