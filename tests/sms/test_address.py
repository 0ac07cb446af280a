"""What SMS_URL may say."""

import environ
import pytest
from django.core.exceptions import ImproperlyConfigured

from medimic import environment


def chosen(value: str) -> tuple[str, dict]:
    env = environ.Env()
    env.ENVIRON = {"SMS_URL": value}
    backend, options = environment.sms(env, "SMS_URL", "")
    return backend.removeprefix("medimic.sms.backends.").removesuffix(".Backend"), options


@pytest.mark.parametrize(
    ("value", "backend", "options"),
    [
        ("", "", {}),
        ("console://", "console", {}),
        ("memory://", "memory", {}),
        ("file:///var/lib/a%20place", "file", {"directory": "/var/lib/a place"}),
        (
            "https://acme:t%2Fk@sms.example:8443/v1/messages?from=MediMic",
            "gateway",
            {
                "url": "https://sms.example:8443/v1/messages",
                "token": "t/k",
                "account": "acme",
                "sender": "MediMic",
            },
        ),
        (
            "http://:tk@127.0.0.1:9000",
            "gateway",
            {"url": "http://127.0.0.1:9000/", "token": "tk", "account": "", "sender": ""},
        ),
    ],
)
def test_chooses_backend_and_options(value, backend, options):
    assert chosen(value) == (backend, options)


@pytest.mark.parametrize(
    "value",
    [
        "pigeon://post",
        "console://somewhere",
        "file://relative",
        "file://",
        "https://sms.example/no-token",
        "https://user@sms.example/no-token",
        "http://user:token@sms.example/in-the-clear",
        "https://user:token@sms.example/?unknown=1",
        "https://user:token@sms.example/#part",
        "https://user:token@sms.example:port/",
        "https://user:to%0Aken@sms.example/",
        "https://user:tök@sms.example/",
        "+447700900123",
    ],
)
def test_anything_else_stops_the_start_and_is_not_quoted(value):
    with pytest.raises(ImproperlyConfigured) as raised:
        chosen(value)
    assert str(raised.value) == "SMS_URL is not an address that the portal understands."
