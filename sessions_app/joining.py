"""Joining a session by its code: a device, a guest's device or a browser asks to be let in.

To a stranger an unknown code, and that of a session that is ended, expired or full, are one:
the same answer from the same query.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

from django.db import transaction
from django.db.models import Count, Exists, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.models import Person
from devices import guests, identity, tokens
from devices.models import DeviceAuthorization, Token
from devices.schemas import DeviceIn
from medimic.audit.log import Origin, record
from medimic.problems import Problem
from orgs.standing import standing_of
from sessions_app import alerts, guessing, visits
from sessions_app.models import Participant, Visit

# At the door, inside and speaking on the host's own screen, the host counted.
MOST_PARTICIPANTS = 20
# With those who left or were refused: what one session keeps at most.
MOST_ROWS = 200
# Of one participant, in as many tabs; the oldest ends.
MOST_TOKENS = 5

# The device that joins this session, registered or known; called once the code is found right.
DeviceOf = Callable[[Visit], DeviceAuthorization]


@dataclass(frozen=True)
class Joining:
    """Who wants to come in. The same commitment again, from the same device, is the same wish."""

    code: str
    name: str
    role: str
    key_commitment: str


@dataclass(frozen=True)
class Joined:
    """Somebody at the door; `session_token` is None where the caller asked for none."""

    participant: Participant
    visit: Visit
    session_token: str | None = field(repr=False)

    @property
    def host_name(self) -> str:
        return self.visit.hosting.name


class CodeUnknown(Problem):
    """This code opens no session, for whatever reason."""

    def __init__(self) -> None:
        super().__init__(404, "code_unknown", _("No session can be joined with this code. Check it."))


def join(wanted: Joining, *, authorization: DeviceAuthorization, origin: Origin, jkt: str = "") -> Joined:
    """Ask to be let in, on a device of an account or of a guest that is known by its token.

    `jkt`: the thumbprint of the key that the session token is bound to, as the caller's own is.
    Raises `Problem`: `code_unknown`, `too_many_guesses`, `role_refused`, `already_host`,
    `handshake_step`, `device_revoked`.
    """
    account = authorization.account
    return ask(wanted, lambda _visit: visits.locked(authorization), account=account, origin=origin, jkt=jkt)


def join_as_guest(wanted: Joining, *, device: DeviceIn, origin: Origin, jkt: str = "") -> Joined:
    """Ask to be let in on a device without an account, which is registered by it.

    Raises `Problem` as `join` does, and `device_blocked`.
    """

    def device_of(visit: Visit) -> DeviceAuthorization:
        # Its lock makes two calls of one device queue up.
        row, _is_new = identity.find_or_make(device)
        earlier = visit.participants.filter(
            authorization__device=row,
            authorization__account=None,
            authorization__revoked_at=None,
            commitment=wanted.key_commitment,
        ).first()
        if earlier is not None and earlier.authorization is not None and _had_token(earlier, jkt):
            return visits.locked(earlier.authorization)
        return guests.register(device, origin)

    return ask(wanted, device_of, account=None, origin=origin, jkt=jkt)


def ask(
    wanted: Joining,
    device_of: DeviceOf,
    *,
    account: Person | None,
    origin: Origin,
    jkt: str = "",
    with_token: bool = True,
) -> Joined:
    """What all ways to join have in common. Raises as `join` does."""
    if wanted.role == Participant.Role.PROVIDER and not may_provide(account):
        raise role_refused()
    account_id = account.pk if account else None
    guessing.check(origin, account_id)
    try:
        with transaction.atomic():
            visit = _open(wanted)
            participant = _enter(visit, wanted, device_of(visit), origin)
            alerts.asks_to_join(participant)
            token = issue_token(participant, visit, jkt) if with_token else None
    except CodeUnknown:
        guessing.failed(origin, account_id)
        raise
    return Joined(participant, visit, token)


def enter_invited(
    visit: Visit, wanted: Joining, authorization: DeviceAuthorization, origin: Origin
) -> Participant:
    """Ask to be let in by the right of an invitation: no code is asked for, none can be guessed.

    In a transaction that holds the authorization's lock. Raises `Problem` as `join` does; `code_unknown`
    where the session is over or full.
    """
    if wanted.role == Participant.Role.PROVIDER and not may_provide(authorization.account):
        raise role_refused()
    return _enter(visit, wanted, authorization, origin)


def may_provide(account: Person | None) -> bool:
    """Whether somebody can be a session's provider: signed in, and no patient alone."""
    return account is not None and visits.may_start(account, standing_of(account))


def role_refused() -> Problem:
    return Problem(
        422, "role_refused", _("Only somebody who works with their own account can be the provider.")
    )


def issue_token(participant: Participant, visit: Visit, jkt: str = "") -> str:
    """A session token for a participant's device: one for each tab, or for an answer that was lost.

    In a transaction that holds the session's lock.
    """
    if participant.authorization is None:
        raise ValueError(f"participant {participant.pk} has no device")
    now = timezone.now()
    living = Token.objects.filter(
        session_id=visit.pk,
        participant_id=participant.pk,
        kind=Token.Kind.SESSION,
        ended_at=None,
        expires_at__gt=now,
    )
    oldest_first = living.order_by("created_at", "hash").values_list("pk", flat=True)
    surplus = list(oldest_first)[: 1 - MOST_TOKENS]
    Token.objects.filter(pk__in=surplus).update(ended_at=now)
    return tokens.issue_session_token(
        participant.authorization, visit.pk, participant.pk, visit.expires_at, jkt
    )


def part_of(authorization: DeviceAuthorization, visit: Visit) -> Participant | None:
    """What a device is in a session: its host, else whoever joined on it last."""
    own = visit.participants.filter(authorization=authorization)
    return own.order_by("-is_host", "-joined_at", "id").first()


def normalized(code: str) -> str:
    """A code as it is written here, from one as people write it."""
    return code.replace(" ", "").replace("-", "").upper()


def _open(wanted: Joining) -> Visit:
    """The session that the code opens, with a place left; one query, whatever is the matter with it."""
    rows = Participant.objects.filter(visit=OuterRef("pk"))
    present = rows.filter(_taking_a_place()).order_by().values("visit").annotate(number=Count("pk"))
    found = (
        Visit.objects.active(timezone.now())
        .filter(open_code=normalized(wanted.code))
        .annotate(
            present=Coalesce(Subquery(present.values("number")), 0),
            # Who asks once more needs no further place. Nobody else knows the commitment.
            has_asked=Exists(rows.filter(commitment=wanted.key_commitment)),
        )
        .filter(Q(present__lt=MOST_PARTICIPANTS) | Q(has_asked=True))
        .first()
    )
    if found is None:
        raise CodeUnknown
    return found


def _taking_a_place() -> Q:
    return ~Q(state=Participant.State.REFUSED) & Q(left_at=None)


def _enter(visit: Visit, wanted: Joining, authorization: DeviceAuthorization, origin: Origin) -> Participant:
    lock(visit)
    if visit.status(timezone.now()) is not Visit.Status.ACTIVE:
        raise CodeUnknown
    own = visit.participants.filter(authorization=authorization)
    if own.filter(is_host=True).exists():
        raise Problem(409, "already_host", _("This device hosts the session."), session_id=str(visit.pk))
    earlier = own.filter(commitment=wanted.key_commitment).first()
    if earlier is not None:
        if earlier.left_at is not None:
            raise wrong_step()
        return earlier
    _make_way(own)
    if not _has_room(visit):
        raise CodeUnknown
    participant = Participant.objects.create(
        visit=visit,
        person=authorization.account,
        authorization=authorization,
        name=wanted.name,
        role=wanted.role,
        state=Participant.State.WAITING,
        commitment=wanted.key_commitment,
    )
    visit.bump()
    record(
        "sessions.joined",
        origin=origin,
        person_id=participant.person_id or visit.host_id,
        organization_id=visit.organization_id,
        subject=visit,
        details={"role": participant.role, "device": authorization.title},
    )
    return participant


def lock(visit: Visit) -> None:
    """Hold the session as it is now; taken after a device's or an authorization's lock."""
    visit.refresh_from_db(from_queryset=Visit.objects.select_for_update(no_key=True, of=("self",)))


def _make_way(own: QuerySet[Participant]) -> None:
    """A device takes part once: who begins anew there has left."""
    for before in own.filter(left_at=None):
        before.leave()
        tokens.end_session_tokens(participant_id=before.pk)


def _has_room(visit: Visit) -> bool:
    present = visit.participants.filter(_taking_a_place()).count()
    return present < MOST_PARTICIPANTS and visit.participants.count() < MOST_ROWS


def require_room(visit: Visit) -> None:
    """For the host, who may know why. Raises `Problem` 409 `session_full`."""
    if not _has_room(visit):
        raise Problem(409, "session_full", _("Nobody else fits into this session."))


def wrong_step() -> Problem:
    return Problem(
        409, "handshake_step", _("This step was taken before, or is not due yet. Begin the handshake anew.")
    )


def _had_token(participant: Participant, jkt: str) -> bool:
    return Token.objects.filter(
        kind=Token.Kind.SESSION, session_id=participant.visit_id, participant_id=participant.pk, jkt=jkt
    ).exists()
