"""What `manage.py check` finds in settings that load and are still wrong."""

import pytest

from medimic import checks


def found(check) -> list[str]:
    return [message.id for message in check(None)]


def test_these_settings_pass():
    for check in (checks.cache_is_shared, checks.keys_differ, checks.mail_goes_out):
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


def test_production_without_a_mail_server_is_warned_of(settings):
    settings.PRODUCTION = True
    settings.EMAIL_BACKEND = "django.core.mail.backends.filebased.EmailBackend"
    assert found(checks.mail_goes_out) == ["medimic.W001"]
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    assert found(checks.mail_goes_out) == []
