"""Session keys, each wrapped for one device. We keep them, and can open none."""

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from devices import keys
from devices.keys import PublicKey
from devices.models import DeviceAuthorization, Token
from medimic.problems import Problem
from sessions_app import visits
from sessions_app.models import Envelope, Visit


def of_host(caller: Token, *, key: PublicKey, wrapped: str) -> bool:
    """Keep the host's own envelope: the first of a session. False where it was here already.

    The caller's device is bound to the key. Raises `Problem` 403 `host_only`, 409 `envelope_exists`.
    """
    if caller.session_id is None or caller.participant_id is None:
        raise ValueError("that is no session token")
    with transaction.atomic():
        # A device's own rows first, as everywhere; then the session, where two tabs queue up.
        authorization = visits.locked(caller.authorization)
        visit = Visit.objects.select_for_update(no_key=True).get(pk=caller.session_id)
        if not visit.participants.filter(pk=caller.participant_id, is_host=True).exists():
            raise Problem(403, "host_only", _("Only the host of this session can do that."))
        own = visit.envelopes.of(authorization)
        if own.filter(thumbprint=keys.thumbprint(key), wrapped=wrapped).exists():
            return False
        if visit.envelopes.exists():
            raise Problem(
                409, "envelope_exists", _("The session has a key already, and it never gets another one.")
            )
        authorization.bind_key(key)
        give(visit, to=authorization, key=key, wrapped=wrapped, sender_key=key.model_dump())
        return True


def give(
    visit: Visit, *, to: DeviceAuthorization, key: PublicKey, wrapped: str, sender_key: dict[str, str]
) -> Envelope:
    """Keep the session key, wrapped by the holder of `sender_key` for the device with `key`.

    What was wrapped for that key before gives way. In a transaction that holds the session's lock.
    """
    mark = keys.thumbprint(key)
    Envelope.objects.of(to).filter(visit=visit, thumbprint=mark).delete()
    return Envelope.objects.create(
        visit=visit,
        person=to.account,
        authorization=to,
        thumbprint=mark,
        wrapped=wrapped,
        sender_key=sender_key,
    )
