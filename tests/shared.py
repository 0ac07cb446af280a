"""Data that all tests of a file share: made once, and what a test changes of them is undone after it."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from django.conf import settings
from django.db import transaction
from django.test import Client
from pytest_django import DjangoDbBlocker


@contextmanager
def kept(blocker: DjangoDbBlocker) -> Iterator[None]:
    """For a fixture of a file's scope: each test has its transaction within this one."""
    with blocker.unblock(), transaction.atomic():
        yield
        transaction.set_rollback(True)


def fresh(clients: Mapping[str, Client]) -> dict[str, Client]:
    """As they signed in, whatever an earlier test has done with them."""
    found = {}
    for role, client in clients.items():
        found[role] = Client()
        if name := client.cookies.get(settings.SESSION_COOKIE_NAME):
            found[role].cookies[settings.SESSION_COOKIE_NAME] = name.value
    return found
