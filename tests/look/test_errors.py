"""Each refusal has a page in the portal's look, and under /api/ a problem document."""

import pytest
from django.test import RequestFactory

from medimic import errors
from medimic.problems import CONTENT_TYPE

HANDLERS = {
    400: errors.bad_request,
    403: errors.forbidden,
    404: errors.not_found,
    429: errors.too_many_requests,
    500: errors.server_error,
    503: errors.unavailable,
}
WITHOUT_DATABASE = (400, 500, 503)


@pytest.fixture
def request_for(rf: RequestFactory):
    def make(path, user=None):
        from django.contrib.auth.models import AnonymousUser

        request = rf.get(path)
        request.user = user or AnonymousUser()
        request.resolver_match = None
        return request

    return make


@pytest.mark.parametrize("status", HANDLERS)
def test_page_names_its_status_and_leads_on(status, request_for):
    response = HANDLERS[status](request_for("/somewhere/"))

    assert response.status_code == status
    page = response.content.decode()
    assert f"Error {status}" in page
    assert "<h1>" in page
    assert 'class="button' in page


@pytest.mark.parametrize("status", HANDLERS)
def test_api_gets_a_problem_document(status, request_for):
    response = HANDLERS[status](request_for("/api/anything"))

    assert response.status_code == status
    assert response["Content-Type"] == CONTENT_TYPE
    assert b'"code"' in response.content


@pytest.mark.parametrize("status", WITHOUT_DATABASE)
def test_page_needs_neither_database_nor_person(status, rf):
    # No `db` fixture: a query would fail the test. No user on the request either.
    response = HANDLERS[status](rf.get("/"))

    assert response.status_code == status


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize("path", ["/", "/api/devices"])
def test_what_passes_says_when_to_try_again(status, path, request_for):
    assert int(HANDLERS[status](request_for(path))["Retry-After"]) > 0


def test_forbidden_page_says_why(request_for):
    from django.core.exceptions import PermissionDenied

    response = errors.forbidden(request_for("/x/"), PermissionDenied("Only an admin changes <this>."))

    assert b"Only an admin changes &lt;this&gt;." in response.content


def test_unknown_address_keeps_the_navigation_of_a_signed_in_person(provider, sign_in):
    response = sign_in(provider).get("/no/such/page/")

    assert response.status_code == 404
    assert b'id="navigation"' in response.content
    assert b"aria-current" not in response.content


def test_unknown_address_says_nothing_of_the_portal_to_strangers(client, db):
    response = client.get("/no/such/page/")

    assert response.status_code == 404
    assert b'id="navigation"' not in response.content


def test_form_without_its_token_gets_an_explanation(client, db):
    from django.test import Client

    response = Client(enforce_csrf_checks=True).post("/accounts/login/", {"login": "a", "password": "b"})

    assert response.status_code == 403
    assert b"open for too long" in response.content


def test_csrf_failure_under_api_has_its_own_code(request_for):
    response = errors.csrf_failed(request_for("/api/device-register"), "CSRF cookie not set.")

    assert b'"csrf_failed"' in response.content
    assert b"cookie not set" not in response.content


def test_malformed_host_is_refused_with_a_page(client):
    response = client.get("/", headers={"host": "evil.example"})

    assert response.status_code == 400
    assert b"evil.example" not in response.content
