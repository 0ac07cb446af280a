"""A few transcripts, as a phone would have left them: encrypted, with a key that nobody keeps.

The portal shows of them what it shows of all whose key is elsewhere, and warns before the phone is revoked.
"""

import datetime as dt
from typing import Any

from devices.keys import PublicKey
from devices.models import DeviceAuthorization
from medimic.demo.cast import Cast
from medimic.simulator import encryption
from medimic.simulator.keychain import new_key
from sessions_app.base64url import decoded
from sessions_app.models import Envelope, Segment, Visit

SESSIONS = 4
SAID = (
    "Good morning. How did the new tablets suit you?",
    "Better than the old ones. I sleep through most nights now.",
    "Then we keep the dose, and look at the blood values in four weeks.",
)


def tell(cast: Cast) -> None:
    """On the phone that the provider has used last."""
    provider = cast.person("provider@clinic.example")
    phones = DeviceAuthorization.objects.active().filter(account=provider, device__device_type="phone")
    phone = phones.order_by("-last_seen_at", "id").first()
    if phone is None:
        raise RuntimeError("the demonstration's provider has no phone")
    own_key = new_key()
    public = PublicKey.model_validate({name: own_key[name] for name in ("kty", "crv", "x", "y")})
    phone.bind_key(public)
    for visit in Visit.objects.ended().filter(host=provider, authorization=phone).newest_first()[:SESSIONS]:
        _keep(visit, phone, own_key, public)


def _keep(visit: Visit, phone: DeviceAuthorization, own_key: encryption.Key, public: PublicKey) -> None:
    session, host = str(visit.pk), visit.hosting
    session_key = encryption.new_session_key()
    Envelope.objects.create(
        visit=visit,
        person=visit.host,
        authorization=phone,
        thumbprint=encryption.thumbprint(own_key),
        sender_key=public.model_dump(),
        wrapped=encryption.wrap(session_key, session, own_key, public.model_dump()),
        created_at=visit.started_at,
    )
    speaker = {"name": host.name, "role": host.role}
    for sequence, text in enumerate((*SAID, None), start=1):
        at = visit.started_at + dt.timedelta(minutes=2 * sequence)
        content: dict[str, Any] = {
            "v": 1,
            "type": "end" if text is None else "text",
            "seen": {str(host.pk): sequence - 1},
        }
        if text is not None:
            content |= {"text": text, "speaker": speaker, "at": at.isoformat()}
        sealed = encryption.encrypt_segment(session_key, session, str(host.pk), sequence, content)
        Segment.objects.create(
            visit=visit,
            participant=host,
            sequence=sequence,
            position=sequence,
            nonce=decoded(sealed["nonce"]),
            ciphertext=decoded(sealed["ciphertext"]),
            created_at=at,
        )
        visit.bump()
