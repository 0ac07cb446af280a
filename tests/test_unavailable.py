"""The database goes away and comes back."""

import pytest
from django.db import connection
from django.test import Client

from accounts.models import Person
from tests import cast

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def away():
    """A switch: no new connection finds the database until it is turned back."""
    name = connection.settings_dict["NAME"]

    def switch(is_away: bool) -> None:
        connection.close()
        connection.settings_dict["NAME"] = f"{name}-moved/away" if is_away else name

    yield switch
    switch(False)


@pytest.fixture
def client() -> Client:
    person: Person = cast.make_person()
    client = Client(raise_request_exception=False)
    client.force_login(person)
    return client


@pytest.mark.parametrize("path", ["/", "/settings/devices/", "/sessions/"])
def test_a_page_says_that_it_is_unavailable_and_when_to_come_back(client, away, path):
    away(True)
    answer = client.get(path)
    assert answer.status_code == 503
    assert int(answer["Retry-After"]) > 0
    assert "Traceback" not in answer.text

    away(False)
    assert client.get(path).status_code == 200


def test_the_api_answers_a_problem_document(client, away):
    away(True)
    answer = client.get("/api/device", headers={"Authorization": "Bearer " + "t" * 43})
    assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")
    assert answer["Content-Type"] == "application/problem+json"

    away(False)
    assert client.get("/api/device", headers={"Authorization": "Bearer " + "t" * 43}).status_code == 401
