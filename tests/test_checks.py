"""What `manage.py check` finds in settings that load and are still wrong."""

import pytest

from medimic import checks


def found(check) -> list[str]:
    return [message.id for message in check(None)]


def test_these_settings_pass():
    for check in (checks.cache_is_shared, checks.keys_are_whole, checks.keys_differ, checks.mail_goes_out):
        assert found(check) == []


@pytest.mark.parametrize("backend", ["locmem.LocMemCache", "dummy.DummyCache"])
def test_a_cache_per_process_is_refused(settings, backend):
    settings.CACHES = {"default": {"BACKEND": f"django.core.cache.backends.{backend}"}}
    assert found(checks.cache_is_shared) == ["medimic.E001"]


def test_one_key_for_two_purposes_is_refused(settings):
    settings.FIELD_KEYS = [*settings.FIELD_KEYS, settings.CRYPTO_KEY[0]]
    (message,) = checks.keys_differ(None)
    assert message.id == "medimic.E002"
    assert "CRYPTO_KEY and FIELD_KEYS" in message.msg
    settings.FIELD_KEYS = [settings.LOOKUP_KEY]
    (message,) = checks.keys_differ(None)
    assert "FIELD_KEYS and LOOKUP_KEY" in message.msg


def test_a_key_given_twice_is_refused(settings):
    settings.AUDIT_KEYS = settings.AUDIT_KEYS * 2
    (message,) = checks.keys_differ(None)
    assert "AUDIT_KEYS twice" in message.msg


@pytest.mark.parametrize("name", checks.KEYED)
@pytest.mark.parametrize("nothing", [None, [], b"", [b""]])
def test_a_missing_key_is_refused(settings, name, nothing):
    setattr(settings, name, nothing)
    (message,) = checks.keys_are_whole(None)
    assert (message.id, message.msg) == ("medimic.E003", f"{name} is missing.")
    assert found(checks.keys_differ) == []


@pytest.mark.parametrize("name", ["CRYPTO_KEY", "FIELD_KEYS", "AUDIT_KEYS"])
def test_a_key_that_is_too_short_is_refused_and_not_quoted(settings, name):
    setattr(settings, name, [*getattr(settings, name), b"much too short"])
    (message,) = checks.keys_are_whole(None)
    assert message.id == "medimic.E004"
    assert f"Key 2 of {name} has 14 bytes" in message.msg
    assert "much" not in f"{message.msg} {message.hint}"


def test_a_short_secret_key_is_refused(settings):
    settings.SECRET_KEY = "s" * 49
    assert found(checks.keys_are_whole) == ["medimic.E004"]


def test_production_without_a_mail_server_is_warned_of(settings):
    settings.PRODUCTION = True
    settings.EMAIL_BACKEND = "django.core.mail.backends.filebased.EmailBackend"
    assert found(checks.mail_goes_out) == ["medimic.W001"]
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    assert found(checks.mail_goes_out) == []
