"""Sessions with people in them, as the tests of transcripts hold them."""

import datetime as dt
import itertools
import secrets
from dataclasses import dataclass

from django.test import Client
from django.utils import timezone

from accounts.models import Person
from devices import tokens
from devices.keys import PublicKey, thumbprint
from devices.models import DeviceAuthorization
from medimic.audit.log import SYSTEM
from sessions_app import visits
from sessions_app.base64url import encoded
from sessions_app.models import Envelope, Participant, Visit
from sessions_app.models.transcripts import RESERVED_AHEAD
from tests.devices.kit import call, public_key
from tests.sessions_app.conftest import make_authorization

_numbers = itertools.count(1)


def wrapped() -> str:
    """An envelope's content, as far as a server can tell."""
    return encoded(secrets.token_bytes(40))


@dataclass
class Seat:
    """Somebody in a session, on a device of their own, with its key and tokens."""

    visit: Visit
    participant: Participant
    authorization: DeviceAuthorization
    session_token: str
    key: dict

    @property
    def thumbprint(self) -> str:
        return thumbprint(PublicKey.model_validate(self.key))

    def device_token(self) -> str:
        return tokens.issue_pair(self.authorization).access_token

    def segment(self, sequence: int, **changes) -> dict:
        return {
            "participant_id": str(self.participant.pk),
            "sequence": sequence,
            "nonce": encoded(secrets.token_bytes(12)),
            "ciphertext": encoded(secrets.token_bytes(80)),
            **changes,
        }

    def send(self, *segments, token: str = "", client: Client | None = None):
        return call(
            "post",
            f"sessions/{self.visit.pk}/segments",
            {"segments": list(segments)},
            token=token or ("" if client else self.session_token),
            client=client,
        )

    def read(self, query: str = "", *, token: str = "", client: Client | None = None):
        return call(
            "get",
            f"sessions/{self.visit.pk}/segments{query}",
            token=token or ("" if client else self.session_token),
            client=client,
        )

    def envelope(self, *, mark: str = "", token: str = "", client: Client | None = None):
        return call(
            "get",
            f"sessions/{self.visit.pk}/envelope?thumbprint={mark or self.thumbprint}",
            token=token or ("" if client else self.session_token),
            client=client,
        )


def host(person: Person | None, *, mode: str = "two_device") -> Seat:
    """A session that was just started; by a guest without a person."""
    authorization = make_authorization(person)
    started = visits.start(visits.Wanted("Visit", mode), authorization=authorization, origin=SYSTEM)
    assert started.session_token
    return Seat(started.visit, started.visit.hosting, authorization, started.session_token, public_key())


def with_key(seat: Seat) -> Seat:
    """The host has made the session key, and its own envelope."""
    body = {"public_key": seat.key, "wrapped": wrapped()}
    assert (
        call("put", f"sessions/{seat.visit.pk}/envelope", body, token=seat.session_token).status_code == 201
    )
    return seat


def join(visit: Visit, person: Person | None, *, state: str = "admitted", key: bool = True) -> Seat:
    """Somebody else in it, as after their admission."""
    authorization = make_authorization(person)
    participant = Participant.objects.create(
        visit=visit,
        person=person,
        authorization=authorization,
        name=f"Joiner {next(_numbers)}",
        role=Participant.Role.PATIENT,
        state=state,
        reserved_up_to=RESERVED_AHEAD if state == "admitted" else 0,
    )
    token = tokens.issue_session_token(authorization, visit.pk, participant.pk, visit.expires_at)
    seat = Seat(visit, participant, authorization, token, public_key())
    if key and state == "admitted":
        Envelope.objects.create(
            visit=visit,
            person=person,
            authorization=authorization,
            thumbprint=seat.thumbprint,
            sender_key=public_key(),
            wrapped=wrapped(),
        )
        authorization.bind_key(PublicKey.model_validate(seat.key))
    return seat


def end(visit: Visit) -> None:
    visits.end(visit, origin=SYSTEM)


def expire(visit: Visit, ago: dt.timedelta = dt.timedelta(seconds=1)) -> None:
    """As if its time had passed so long ago; its tokens' too."""
    at = timezone.now() - ago
    Visit.objects.filter(pk=visit.pk).update(expires_at=at, started_at=at - dt.timedelta(hours=8))
    tokens.Token.objects.filter(session_id=visit.pk).update(expires_at=at)
