"""The consent document that a phone shows first: in the link as the environment says, and not otherwise."""

import json
import subprocess
import sys

import pytest
from django.conf import settings

from tests import production

URL, LOCALES = "SHARED_DOCUMENTS_CDN_URL", "SHARED_DOCUMENTS_CONSENT_LOCALES"
SHOW = """
import django, json; django.setup()
from devices import links
print(json.dumps(links._content("the token")))
"""


def content(**environment: str | None) -> dict:
    """What a link holds under this environment."""
    done = subprocess.run(
        [sys.executable, "-c", SHOW],
        cwd=settings.BASE_DIR,
        env={**production.environment(**environment), "DJANGO_SETTINGS_MODULE": "medimic.settings"},
        capture_output=True,
        text=True,
        check=True,
    )
    return json.loads(done.stdout)


@pytest.mark.once
def test_the_link_holds_what_the_document_says_in_its_order():
    found = content(
        API_TENANT_ID="tenant",
        API_INSTANCE_ID="instance",
        API_KEY="key",
        **{URL: "https://cdn.example/consent", LOCALES: "en_GB,pl_PL, de_DE"},
    )
    assert list(found.items()) == [
        ("token", "the token"),
        ("tenant_id", "tenant"),
        ("instance_id", "instance"),
        ("api_key", "key"),
        ("consent_url", "https://cdn.example/consent"),
        ("consent_locales", ["en_GB", "pl_PL", "de_DE"]),
    ]


@pytest.mark.once
@pytest.mark.parametrize(
    "configured", [{}, {URL: "https://cdn.example"}, {LOCALES: "en_GB"}, {URL: "", LOCALES: "en_GB"}]
)
def test_consent_is_left_out_unless_both_are_configured(configured):
    assert content(**{URL: None, LOCALES: None, **configured}).keys() == {
        "token", "tenant_id", "instance_id", "api_key",
    }  # fmt: skip
