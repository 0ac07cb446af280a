"""What `manage.py check` says about Stripe's keys."""

import pytest

from billing import checks

pytestmark = pytest.mark.once
KEY, SECRET = "sk_test_1", "whsec_1"


def found(settings, **changes: object) -> list[str]:
    for name, value in changes.items():
        setattr(settings, name, value)
    return [message.id for message in checks.stripe_is_whole(None)]


@pytest.mark.parametrize(("key", "secret"), [("", ""), (KEY, SECRET), ("rk_live_1", SECRET)])
def test_all_of_it_or_nothing_passes(settings, key, secret):
    assert found(settings, STRIPE_SECRET_KEY=key, STRIPE_WEBHOOK_SECRET=secret) == []


@pytest.mark.parametrize(
    ("key", "secret", "missing"),
    [(KEY, "", "STRIPE_WEBHOOK_SECRET"), ("", SECRET, "STRIPE_SECRET_KEY")],
)
def test_half_of_it_is_refused_and_names_the_other_half(settings, key, secret, missing):
    assert found(settings, STRIPE_SECRET_KEY=key, STRIPE_WEBHOOK_SECRET=secret) == ["billing.E001"]
    [message] = checks.stripe_is_whole(None)
    assert missing in message.msg


def test_a_browsers_key_and_a_strange_secret_are_refused(settings):
    assert found(settings, STRIPE_SECRET_KEY="pk_live_1", STRIPE_WEBHOOK_SECRET="secret") == [
        "billing.E002",
        "billing.E003",
    ]


@pytest.mark.parametrize(
    ("key", "base", "warnings"),
    [
        ("", "https://api.stripe.com", []),
        ("sk_live_1", "https://api.stripe.com", []),
        ("sk_test_1", "https://api.stripe.com", ["billing.W001"]),
        ("sk_live_1", "https://stand-in.example", ["billing.W001"]),
    ],
)
def test_production_is_told_where_no_money_is_taken(settings, key, base, warnings):
    settings.PRODUCTION, settings.STRIPE_SECRET_KEY, settings.STRIPE_API_BASE = True, key, base
    assert [message.id for message in checks.stripe_takes_real_money(None)] == warnings


@pytest.mark.parametrize(
    ("account", "key", "warnings"),
    [("", "", ["billing.W002"]), (" ", "", ["billing.W002"]), ("", "sk_live_1", []), ("IBAN: GB33", "", [])],
)
def test_production_is_told_where_invoices_name_no_account(settings, account, key, warnings):
    settings.PRODUCTION, settings.BILLING_ACCOUNT, settings.STRIPE_SECRET_KEY = True, account, key
    assert [message.id for message in checks.invoices_can_be_paid(None)] == warnings


def test_no_message_quotes_a_secret(settings):
    found(settings, STRIPE_SECRET_KEY="pk_hidden", STRIPE_WEBHOOK_SECRET="hidden")
    assert not any("hidden" in f"{m.msg} {m.hint}" for m in checks.stripe_is_whole(None))
