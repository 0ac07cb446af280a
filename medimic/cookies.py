"""Cookies of our own: for all of the portal, for no script, and in production over https alone."""

from django.conf import settings
from django.http.response import HttpResponseBase


def keep(response: HttpResponseBase, name: str, value: str, *, max_age: int) -> None:
    """Have the browser keep it for so many seconds."""
    response.set_cookie(
        name,
        value,
        max_age=max_age,
        path="/",
        secure=settings.PRODUCTION,
        httponly=True,
        samesite="Lax",
    )
