"""The links themselves: made for a row that waits for its device, and known again."""

import datetime as dt
from dataclasses import dataclass

from django.conf import settings
from django.utils import timezone

from accounts.models import Person
from devices import deep_link
from devices.models import DeviceAuthorization, Registration
from medimic import crypto


@dataclass(frozen=True)
class IssuedLink:
    """A pending authorization and the link that makes it active. The link is kept nowhere."""

    authorization: DeviceAuthorization
    registration: Registration
    link: str

    @property
    def expires_at(self) -> dt.datetime:
        return self.registration.expires_at


def make(authorization: DeviceAuthorization, *, by: Person) -> IssuedLink:
    """A new one-time token for this row, inside a link. In the caller's transaction."""
    token = crypto.new_token()
    registration = Registration.objects.create(
        authorization=authorization,
        token_hash=crypto.token_hash(token),
        created_by=by,
        expires_at=timezone.now() + dt.timedelta(hours=settings.REGISTRATION_HOURS),
    )
    return IssuedLink(authorization, registration, deep_link.seal(_content(token), settings.CRYPTO_KEY))


def _content(token: str) -> dict[str, object]:
    content: dict[str, object] = {
        "token": token,
        "tenant_id": settings.API_TENANT_ID,
        "instance_id": settings.API_INSTANCE_ID,
        "api_key": settings.API_KEY,
    }
    if settings.SHARED_DOCUMENTS_CDN_URL and settings.SHARED_DOCUMENTS_CONSENT_LOCALES:
        content["consent_url"] = settings.SHARED_DOCUMENTS_CDN_URL
        content["consent_locales"] = settings.SHARED_DOCUMENTS_CONSENT_LOCALES
    return content


def recognize(link: str, authorization: DeviceAuthorization) -> IssuedLink | None:
    """The link of this row that is still good, brought back by whoever it was shown to; else None."""
    try:
        token = deep_link.open_link(link, settings.CRYPTO_KEY).get("token")
    except deep_link.DeepLinkError:
        return None
    held = authorization.registrations.good().filter(token_hash=crypto.token_hash(str(token))).first()
    if held is None or authorization.revoked_at is not None:
        return None
    return IssuedLink(authorization, held, link)
