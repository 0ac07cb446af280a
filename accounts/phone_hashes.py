"""Phone numbers are encrypted: one is found whole, by its keyed hash, or not at all."""

from phonenumber_field.phonenumber import PhoneNumber
from phonenumbers import NumberParseException

from medimic import crypto

PURPOSE = "phone-number"


def phone_hash(number: str) -> str:
    """The hash of a number however it is written; empty for what is none."""
    if not number:
        return ""
    try:
        read = PhoneNumber.from_string(number)
    except NumberParseException:
        return ""
    return crypto.keyed_hash(PURPOSE, read.as_e164) if read.is_valid() else ""
