"""Pushes to browsers: RFC 8030, encrypted by RFC 8291, signed by RFC 8292."""


def public_key() -> str:
    """The key that browsers subscribe with (`applicationServerKey`), in base64url; "" where none is set up."""
    return ""
