"""What `manage.py check` says about the settings of pushes."""

import json

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from django.core.management import call_command

from devices.push_services import checks, webpush
from tests.push_services.fakes import pem

pytestmark = pytest.mark.once
P256 = pem(ec.generate_private_key(ec.SECP256R1()))
ACCOUNT = {
    "project_id": "medimic",
    "client_email": "push@medimic.example",
    "private_key": pem(rsa.generate_private_key(public_exponent=65537, key_size=2048)),
    "token_uri": "https://oauth2.googleapis.com/token",
}
WHOLE = {
    "APNS_KEY": P256,
    "APNS_KEY_ID": "ABC123DEFG",
    "APNS_TEAM_ID": "TEAM123456",
    "APNS_TOPIC": "ai.medimic.app",
    "FCM_CREDENTIALS": json.dumps(ACCOUNT),
    "VAPID_PRIVATE_KEY": webpush.new_private_key(),
    "VAPID_SUBJECT": "mailto:push@medimic.example",
}


def found(settings, **changes: object) -> list[str]:
    for name, value in (WHOLE | changes).items():
        setattr(settings, name, value)
    messages = [*checks.push_is_whole(None), *checks.push_keys_are_keys(None)]
    told = " ".join(f"{message.msg} {message.hint}" for message in messages)
    assert "planted" not in told
    return [message.id for message in messages]


def test_all_of_it_passes_and_nothing_of_it(settings):
    assert found(settings) == []
    assert found(settings, **dict.fromkeys(WHOLE, "")) == []


@pytest.mark.parametrize("name", [name for name in WHOLE if name != "FCM_CREDENTIALS"])
def test_half_of_it_is_refused_and_names_what_is_missing(settings, name):
    assert found(settings, **{name: ""}) == ["devices.E001"]
    assert name in checks.push_is_whole(None)[0].msg.partition(":")[2]


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("APNS_KEY", "planted", "devices.E002"),
        ("APNS_KEY", pem(ec.generate_private_key(ec.SECP384R1())), "devices.E002"),
        ("APNS_KEY", pem(ed25519.Ed25519PrivateKey.generate()), "devices.E002"),
        ("FCM_CREDENTIALS", "{planted", "devices.E003"),
        ("FCM_CREDENTIALS", "[]", "devices.E003"),
        *[("FCM_CREDENTIALS", json.dumps(ACCOUNT | {name: ""}), "devices.E003") for name in ACCOUNT],
        ("FCM_CREDENTIALS", json.dumps(ACCOUNT | {"private_key": P256}), "devices.E003"),
        ("FCM_CREDENTIALS", json.dumps(ACCOUNT | {"token_uri": "http://planted.example"}), "devices.E003"),
        ("VAPID_PRIVATE_KEY", "planted", "devices.E004"),
        ("VAPID_PRIVATE_KEY", "A" * 43, "devices.E004"),
        ("WEBPUSH_HOSTS", ["https://push.example"], "devices.E005"),
        ("WEBPUSH_HOSTS", ["*"], "devices.E005"),
        ("WEBPUSH_HOSTS", ["push.*.example"], "devices.E005"),
    ],
)
def test_a_key_that_is_none_is_refused_and_not_quoted(settings, name, value, expected):
    assert found(settings, **{name: value}) == [expected]


def test_the_sandbox_in_production_is_warned_of(settings):
    settings.PRODUCTION, settings.APNS_KEY = True, P256
    assert checks.push_reaches_real_devices(None) == []
    settings.APNS_API_BASE = "https://api.sandbox.push.apple.com"
    assert [message.id for message in checks.push_reaches_real_devices(None)] == ["devices.W001"]


def test_a_key_that_the_command_makes_passes(settings, capsys):
    call_command("vapid_key")
    name, _, value = capsys.readouterr().out.strip().partition("=")
    assert name == "VAPID_PRIVATE_KEY"
    assert found(settings, VAPID_PRIVATE_KEY=value) == []
