"""Amounts of money: whole minor units, and how they read."""

from decimal import Decimal

from babel.numbers import format_currency, get_currency_precision


def money(minor: int, currency: str, locale: str) -> str:
    """ "€49.00", in the form of a locale such as `en_GB`."""
    amount = Decimal(minor).scaleb(-get_currency_precision(currency))
    return format_currency(amount, currency, locale=locale)
