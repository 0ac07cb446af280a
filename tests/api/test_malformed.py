"""Nothing that somebody sends makes the API fail: whatever it is, the answer is no 5xx."""

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from devices import tokens
from medimic.api import api
from tests.devices.kit import facts
from tests.sessions_app.conftest import make_authorization

pytestmark = pytest.mark.django_db
ID = "5f0c3a55-6d1b-4a52-9c43-6f6a3f2f0d10"
CALLS = [
    (method, path.replace("{session_id}", ID))
    for path, methods in api.description_schema["paths"].items()
    for method in methods
]
VALID = {
    "/api/device-register": {"name": "Phone", "phone_number": ""},
    "/api/device-login": {"token": "t" * 43, "device": facts()},
    "/api/token": {"grant_type": "refresh_token", "refresh_token": "t" * 43},
    "/api/revoke": {"token": "t" * 43},
    "/api/device": {"name": "Phone", "os_version": "18.0"},
    "/api/sessions": {"name": "Visit", "mode": "two_device", "device": facts()},
}
scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(st.characters(), max_size=40)
    | st.sampled_from(["\0", "\ud800", "\u202e", "a" * 5000, -(2**63), 2**70, ID, "9" * 400])
)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
    max_leaves=8,
)
plenty = settings(
    max_examples=25,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@pytest.fixture
def bearer(provider):
    return f"Bearer {tokens.issue_pair(make_authorization(provider)).access_token}"


@st.composite
def changed(draw, valid):
    """A valid body in which a few members, at any depth, are gone, new or something else."""
    body = json.loads(json.dumps(valid))
    for _ in range(draw(st.integers(1, 3))):
        part = body
        while isinstance(part, dict) and part:
            name = draw(st.sampled_from(sorted(part)))
            if isinstance(part[name], dict) and draw(st.booleans()):
                part = part[name]
                continue
            what = draw(st.sampled_from(["gone", "changed", "new"]))
            if what == "gone":
                del part[name]
            else:
                part[name if what == "changed" else draw(st.text(max_size=9))] = draw(values)
            break
    return body


def answers_well(response):
    assert response.status_code < 500, response.content
    if response.status_code >= 400:
        assert response["Content-Type"] == "application/problem+json"
        assert json.loads(response.content)["code"]


@pytest.mark.parametrize(("method", "path"), CALLS)
def test_any_json(client, bearer, method, path):
    @plenty
    @given(body=changed(VALID[path]) | values if path in VALID else values, with_token=st.booleans())
    def send(body, with_token):
        headers = {"Authorization": bearer} if with_token else {}
        content = json.dumps(body)
        answers_well(client.generic(method, path, content, content_type="application/json", headers=headers))

    send()


@pytest.mark.parametrize(("method", "path"), CALLS)
def test_any_bytes(client, bearer, method, path):
    @plenty
    @given(content=st.binary(max_size=200))
    def send(content):
        headers = {"Authorization": bearer}
        answers_well(client.generic(method, path, content, content_type="application/json", headers=headers))

    send()


@plenty
@given(
    path=st.text(max_size=40),
    query=st.text(max_size=40),
    bearer=st.text(st.characters(max_codepoint=255, exclude_characters="\r\n"), max_size=60),
)
def test_any_address_and_header(client, path, query, bearer):
    for address in (f"/api/{path}", f"/api/sessions/{path}", "/api/sessions", "/api/devices"):
        headers = {"Authorization": f"Bearer {bearer}", "Idempotency-Key": bearer}
        answers_well(client.generic("GET", address, headers=headers, QUERY_STRING=f"after={query}"))
