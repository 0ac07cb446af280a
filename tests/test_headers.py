"""What stands in the headers of every route, and what the scorer of Mozilla's observatory makes of it."""

import datetime as dt
import json
import re
import subprocess
import sys

import pytest
from django.conf import settings
from django.utils import timezone

from tests import production
from tests.routes import routes
from tests.test_access import address, clients, house, owned  # noqa: F401 fixtures

pytestmark = pytest.mark.django_db
# Nothing of these belongs to anybody.
PUBLIC = {".well-known/security.txt", "api/openapi.json", "push-worker.js"}
# A page that registers the service worker lets one script of one address be named by this policy.
REGISTERS_WORKER = {"settings/notifications/"}
REGISTERING = """this-browser.js: const workers = globalThis.trustedTypes?.createPolicy("push-worker", \
{ createScriptURL: () => WORKER });"""


def policy(answer) -> dict[str, list[str]]:
    found = {}
    for part in answer["Content-Security-Policy"].split(";"):
        name, *values = part.split()
        found[name] = values
    return found


@pytest.mark.once
@pytest.mark.parametrize("route", routes())
def test_every_route_answers_with_all_of_them(route, owned, clients):  # noqa: F811
    path = address(route, owned)
    # An address that ends in nothing, one's own page, and one that leads elsewhere.
    for client in (clients["nobody"], clients["provider"], clients["support"]):
        answer = client.get(path)
        assert answer["X-Content-Type-Options"] == "nosniff"
        assert answer["X-Frame-Options"] == "DENY"
        assert answer["Referrer-Policy"] == "same-origin"
        assert answer["Cross-Origin-Opener-Policy"] == "same-origin"
        assert answer["Cross-Origin-Resource-Policy"] == "same-origin"
        assert "camera=()" in answer["Permissions-Policy"]
        if route not in PUBLIC:
            assert "no-store" in answer["Cache-Control"]
        directives = policy(answer)
        assert directives["default-src"] == ["'none'"]
        assert directives["frame-ancestors"] == directives["base-uri"] == ["'none'"]
        text = answer["Content-Security-Policy"]
        assert "unsafe" not in text
        assert "http:" not in text
        assert "*" not in text
        if path.startswith("/admin/"):
            assert "require-trusted-types-for" not in directives
        else:
            assert directives["require-trusted-types-for"] == ["'script'"]
            assert directives["trusted-types"] == (
                ["push-worker"] if route in REGISTERS_WORKER else ["'none'"]
            )


class TestScripts:
    """Trusted Types refuse text where markup or code is made of it; nothing of ours may try."""

    SINKS = re.compile(
        r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|parseFromString|srcdoc|"
        r"createContextualFragment|setHTMLUnsafe|parseHTMLUnsafe|\beval\(|new Function|execCommand|"
        r"createPolicy|set(?:Timeout|Interval)\(\s*[\"'`]|setAttribute\(\s*[\"'`]on|"
        r"importScripts|new (?:Shared)?Worker|\.(?:text|src)\s*=[^=]|javascript:"
    )

    @pytest.mark.once
    def test_none_makes_markup_or_code_out_of_text(self):
        files = sorted((settings.BASE_DIR / "static" / "js").rglob("*.js"))
        assert len(files) > 20
        found = {
            f"{path.name}: {line.strip()}"
            for path in files
            for line in path.read_text().splitlines()
            if self.SINKS.search(line) and not line.lstrip().startswith("//")
        }
        assert found == {REGISTERING}

    @pytest.mark.once
    @pytest.mark.parametrize(
        "line", ["a.innerHTML = b", "new DOMParser().parseFromString(a)", "setTimeout('a')", "s.src = url"]
    )
    def test_and_one_that_does_would_be_found(self, line):
        assert self.SINKS.search(line)

    @pytest.mark.once
    def test_no_template_holds_script_or_style_of_its_own(self):
        inline = re.compile(
            r"<script(?![^>]*\bsrc=)(?![^>]*application/json)|<style|\son\w+=|\sstyle=|javascript:"
        )
        pages = (settings.BASE_DIR / "templates").rglob("*.html")
        found = [str(page) for page in pages if "mail" not in page.parts and inline.search(page.read_text())]
        assert found == []


class TestSecurityTxt:
    def test_says_where_to_report_and_until_when_it_holds(self, client, settings):
        settings.SECURITY_CONTACT = "mailto:security@medimic.example"
        answer = client.get("/.well-known/security.txt")
        assert answer["Content-Type"] == "text/plain; charset=utf-8"
        fields = dict(line.split(": ", 1) for line in answer.text.splitlines())
        assert fields["Contact"] == "mailto:security@medimic.example"
        assert fields["Canonical"] == f"{settings.PORTAL_URL}/.well-known/security.txt"
        assert fields["Preferred-Languages"] == "en, pl, de"
        expires = dt.datetime.fromisoformat(fields["Expires"])
        assert dt.timedelta(days=170) < expires - timezone.now() < dt.timedelta(days=366)
        assert "Policy" not in fields

    def test_names_the_policy_where_there_is_one(self, client, settings):
        settings.SECURITY_POLICY_URL = "https://medimic.example/security"
        assert "Policy: https://medimic.example/security\n" in client.get("/.well-known/security.txt").text

    def test_is_only_read(self, client):
        assert client.post("/.well-known/security.txt").status_code == 405

    @pytest.mark.once
    @pytest.mark.parametrize("contact", ["security@medimic.example", "http://a.example", "mailto:a@b\nX: y"])
    def test_a_contact_that_is_none_stops_the_start(self, contact):
        done = subprocess.run(
            [sys.executable, "manage.py", "check"],
            cwd=settings.BASE_DIR,
            env=production.environment(SECURITY_CONTACT=contact),
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert "SECURITY_CONTACT" in done.stderr
        assert done.returncode


ASK = """
import json, django
from django.conf import settings
settings.DATABASES
django.setup()
from django.templatetags.static import static
from django.test import Client
client = Client(raise_request_exception=False)
answers = []
pages = ("/accounts/login/", "/accessibility/", "/healthz", "/no/page/", "/admin/")
for path in (static("js/theme.js"), static("icons.svg"), *pages):
    answer = client.get(path, secure=True, headers={"host": "portal.medimic.example"})
    cookies = [morsel.OutputString() for morsel in answer.cookies.values()]
    found = {"path": path, "status": answer.status_code, "headers": dict(answer.items()), "cookies": cookies}
    answers.append(found)
print(json.dumps(answers))
"""
GOOD_REFERRERS = {"no-referrer", "same-origin", "strict-origin", "strict-origin-when-cross-origin"}


def score(headers: dict[str, str], cookies: list[str]) -> int:
    """What the observatory's documented rules give (github.com/mdn/mdn-http-observatory, charts.js).

    Points above 100 for: a policy whose default is 'none' and that allows nothing unsafe (10), cookies
    Secure, HttpOnly and SameSite (5), framing refused by the policy (5), a private referrer policy (5),
    a same-origin resource policy (10). Each rule that is broken takes some; then there is no extra.
    """
    policy = headers.get("Content-Security-Policy", "")
    points = {
        "csp": 10 if "default-src 'none'" in policy and "unsafe" not in policy else -25,
        "cookies": 0
        if not cookies
        else 5
        if all({"Secure", "HttpOnly"} <= set(c.split("; ")) and "SameSite=" in c for c in cookies)
        else -40,
        "frames": 5 if "frame-ancestors 'none'" in policy else -20,
        "referrer": 5 if headers.get("Referrer-Policy") in GOOD_REFERRERS else -5,
        "resource policy": 10 if headers.get("Cross-Origin-Resource-Policy") == "same-origin" else 0,
        "transport": 0
        if int((re.search(r"max-age=(\d+)", headers.get("Strict-Transport-Security", "")) or [0, 0])[1])
        >= 15768000
        else -20,
        "types": 0 if headers.get("X-Content-Type-Options") == "nosniff" else -5,
        "sharing": -50 if headers.get("Access-Control-Allow-Origin") else 0,
    }
    lost = sum(value for value in points.values() if value < 0)
    return 100 + (sum(points.values()) if 100 + lost >= 90 else lost)


@pytest.mark.once
def test_production_scores_130_and_more_with_the_observatory(tmp_path):
    environment = production.environment(
        DATABASE_URL=f"sqlite:///{tmp_path}/db.sqlite3", VAR_DIR=str(tmp_path), LOG_LEVEL="ERROR"
    )
    for command in ([sys.executable, "manage.py", "prepare"], [sys.executable, "-c", ASK]):
        done = subprocess.run(
            command, cwd=settings.BASE_DIR, env=environment, capture_output=True, text=True, timeout=240
        )
        assert done.returncode == 0, done.stderr
    answers = json.loads(done.stdout.splitlines()[-1])
    assert [answer["status"] for answer in answers] == [200, 200, 200, 200, 200, 404, 302]
    assert any(answer["cookies"] for answer in answers)
    assert "immutable" in answers[0]["headers"]["Cache-Control"]
    assert answers[0]["headers"]["X-Content-Type-Options"] == "nosniff"
    scores = {answer["path"]: score(answer["headers"], answer["cookies"]) for answer in answers}
    assert min(scores.values()) >= 130, scores
    # The rules do take points away.
    weakened = {**answers[0]["headers"], "Content-Security-Policy": "default-src 'self' 'unsafe-inline'"}
    assert score(weakened, answers[0]["cookies"]) < 100
