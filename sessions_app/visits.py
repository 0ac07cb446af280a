"""Sessions are started and ended here, whoever asks: a device, a guest's device or the portal."""

import datetime as dt
import json
import uuid
from dataclasses import dataclass, field
from typing import Any

from django.conf import settings
from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from accounts.models import Person
from billing import usage
from billing.entitlements import Payer, guest_payer, payer_for
from billing.models import Subscription
from devices import fleet, guests, identity, tokens
from devices.models import DeviceAuthorization, Token
from devices.schemas import DeviceIn
from devices.tokens import IssuedTokens
from medimic import crypto
from medimic.audit.log import Origin, record
from medimic.problems import Problem
from orgs.models import Membership, Organization
from orgs.standing import Standing, standing_of
from sessions_app import news, notices
from sessions_app.codes import new_code
from sessions_app.models import Participant, Visit
from sessions_app.models.transcripts import RESERVED_AHEAD

DIGEST_PURPOSE = "session-request"
CODE_ATTEMPTS = 20
# A guest has no token to ask again with: its device and key do, and not for long.
GUEST_RETRY_WITHIN = dt.timedelta(minutes=10)


@dataclass(frozen=True)
class Wanted:
    """What a new session is to be. Without `chooses_organization` it is as last time.

    `idempotency_key` is the caller's own name for this wish: a second call with the
    same one finds the session of the first.
    """

    name: str
    mode: str
    organization_id: uuid.UUID | None = None
    chooses_organization: bool = False
    idempotency_key: str = ""

    def digest(self, device: DeviceIn | None = None, jkt: str = "") -> str:
        """A keyed hash of all of it, to know another wish under the same key, or another caller."""
        content: dict[str, Any] = {
            "name": self.name,
            "mode": self.mode,
            "organization": str(self.organization_id) if self.chooses_organization else "as last time",
            "device": device.model_dump(mode="json") if device else None,
            "bound_to": jkt,
        }
        return crypto.keyed_hash(DIGEST_PURPOSE, json.dumps(content, sort_keys=True))


@dataclass(frozen=True)
class Started:
    """A session with what its host's device needs for it.

    `session_token` is None where the session is over meanwhile, or none was asked for; `tokens`
    are there for a guest's device that came without.
    """

    visit: Visit
    session_token: str | None
    tokens: IssuedTokens | None = field(default=None, repr=False)


def start(
    wanted: Wanted,
    *,
    authorization: DeviceAuthorization,
    origin: Origin,
    jkt: str = "",
    with_token: bool = True,
) -> Started:
    """Start a session on a device, for its account or its guest.

    `jkt`: the thumbprint of the key that the session token is bound to, as the caller's own is.
    A browser starts it without a token: its page asks for one (`views_token`).
    Raises `Problem`: `device_revoked`, `patients_cannot_create`, `quota_exceeded`, `payment_required`,
    `organization_unknown`, `idempotency_mismatch`.
    """
    digest = wanted.digest()
    with transaction.atomic():
        authorization = locked(authorization)
        earlier = _earlier(Visit.objects.filter(authorization=authorization), wanted, digest)
        if earlier is None:
            visit = _start(wanted, digest, authorization, origin)
            return Started(visit, _token(visit, authorization, jkt) if with_token else None)
        return _again(earlier, authorization, jkt) if with_token else Started(earlier, None)


def start_as_guest(wanted: Wanted, *, device: DeviceIn, origin: Origin, jkt: str = "") -> Started:
    """Start a session on a device without an account: it is registered, and gets tokens.

    Who knows a `device_id` meets the quota of that device, and nothing that it did
    before: the authorization is a new one each time. Raises `Problem` as `start`
    does, and `device_blocked`, `answer_received`.
    """
    digest = wanted.digest(device, jkt)
    with transaction.atomic():
        # Its lock makes two calls with the same key queue up.
        row, _is_new = identity.find_or_make(device)
        recent = Visit.objects.filter(
            authorization__device=row,
            authorization__account=None,
            authorization__revoked_at=None,
            started_at__gt=timezone.now() - GUEST_RETRY_WITHIN,
        )
        earlier = _earlier(recent, wanted, digest)
        if earlier is not None:
            return _again_as_guest(earlier, jkt)
        authorization, issued = guests.first_use(device, origin, jkt=jkt)
        visit = _start(wanted, digest, authorization, origin)
        return Started(visit, _token(visit, authorization, jkt), issued)


def end(visit: Visit, *, origin: Origin) -> bool:
    """End a session, and with it every token that lets somebody take part; False if it was over."""
    with transaction.atomic():
        now = timezone.now()
        if not visit.end(now):
            return False
        # At the very instant: a segment that is late is taken from a token that ended with its session.
        tokens.end_session_tokens(session_id=visit.pk, at=now)
        record(
            "sessions.ended",
            origin=origin,
            person_id=visit.host_id,
            organization_id=visit.organization_id,
            subject=visit,
            details={"mode": visit.mode},
        )
        notices.over(visit)
        news.session_changed(visit)
        return True


def locked(authorization: DeviceAuthorization) -> DeviceAuthorization:
    """The authorization as it is now, and stays until the end: a revocation waits, or came first."""
    fresh = (
        DeviceAuthorization.objects.select_for_update(of=("self",), no_key=True)
        .select_related("account", "device")
        .get(pk=authorization.pk)
    )
    if fresh.revoked_at is not None:
        raise Problem(401, "device_revoked", _("This device's access was revoked. Sign in on it again."))
    known, now = authorization.account, fresh.account
    if known is not None and now is not None and known.token_epoch != now.token_epoch:
        # Signed out since the token was looked at: a token made now would outlive that.
        raise Problem(401, "token_ended", _("This device was signed out. Sign in on it again."))
    return fresh


def _earlier(among: Any, wanted: Wanted, digest: str) -> Visit | None:
    if not wanted.idempotency_key:
        return None
    earlier: Visit | None = among.filter(idempotency_key=wanted.idempotency_key).first()
    if earlier is not None and earlier.request_digest != digest:
        raise Problem(
            422, "idempotency_mismatch", _("This Idempotency-Key was used for another session before.")
        )
    return earlier


def _again(visit: Visit, authorization: DeviceAuthorization, jkt: str) -> Started:
    """The answer once more: its first one was lost, and so was the token in it, if nobody used it."""
    Token.objects.filter(
        kind=Token.Kind.SESSION,
        authorization=authorization,
        session_id=visit.pk,
        first_used_at=None,
        ended_at=None,
    ).update(ended_at=timezone.now())
    if visit.status(timezone.now()) is not Visit.Status.ACTIVE:
        return Started(visit, None)
    return Started(visit, _token(visit, authorization, jkt))


def _token(visit: Visit, authorization: DeviceAuthorization, jkt: str) -> str:
    """What the host's device takes part with."""
    return tokens.issue_session_token(authorization, visit.pk, visit.hosting.pk, visit.expires_at, jkt)


def _again_as_guest(visit: Visit, jkt: str) -> Started:
    authorization = locked(visit.authorization)
    if not tokens.discard_unused_pair(authorization):
        raise Problem(
            409, "answer_received", _("This call was answered before. Go on with the tokens of its answer.")
        )
    again = _again(visit, authorization, jkt)
    return Started(visit, again.session_token, tokens.issue_pair(authorization, jkt))


def _start(wanted: Wanted, digest: str, authorization: DeviceAuthorization, origin: Origin) -> Visit:
    now = timezone.now()
    host = authorization.account
    organization = _organization(wanted, host)
    if host is not None and organization is not None:
        _hold_membership(host, organization)
    visit = Visit(
        name=wanted.name,
        mode=wanted.mode,
        host=host,
        organization=organization,
        authorization=authorization,
        started_at=now,
        expires_at=now + dt.timedelta(hours=settings.SESSION_HOURS),
        idempotency_key=wanted.idempotency_key,
        request_digest=digest if wanted.idempotency_key else "",
    )
    # Before the code is taken: who waits here holds nothing that somebody else waits for.
    _charge(visit, authorization)
    _save_with_code(visit)
    Participant.objects.create(
        visit=visit,
        person=host,
        authorization=authorization,
        name=host.name if host else "",
        role=Participant.Role.PROVIDER if host else Participant.Role.OTHER,
        is_host=True,
        joined_at=now,
        reserved_up_to=RESERVED_AHEAD,
    )
    record(
        "sessions.started",
        origin=origin,
        person_id=visit.host_id,
        organization_id=visit.organization_id,
        subject=visit,
        details={"mode": visit.mode, "device": authorization.title},
    )
    notices.started(visit, origin)
    fleet.session_started(visit.organization_id, authorization)
    news.session_changed(visit)
    return visit


def may_start(host: Person, standing: Standing) -> bool:
    """Not somebody who is a patient and nothing else, and pays for no plan of their own."""
    return not standing.is_patient_only or Subscription.objects.living().filter(person=host).exists()


def _refuse_patients(host: Person, standing: Standing) -> None:
    if not may_start(host, standing):
        raise Problem(
            403, "patients_cannot_create", _("As a patient you can join sessions; a provider starts them.")
        )


def _organization(wanted: Wanted, host: Person | None) -> Organization | None:
    """The one chosen; else the usual one."""
    standing = standing_of(host) if host else Standing(())
    if host is not None:
        _refuse_patients(host, standing)
    known = {organization.pk: organization for organization in standing.organizations}
    if wanted.organization_id is not None:
        if wanted.organization_id not in known:
            raise Problem(422, "organization_unknown", _("You do not work in that organization."))
        return known[wanted.organization_id]
    if wanted.chooses_organization or host is None:
        return None
    return usual_organization(host, standing)


def _hold_membership(host: Person, organization: Organization) -> None:
    """They work there until this session is made: who removes them waits, and ends it, or came first."""
    working = Membership.objects.working().filter(person=host, organization=organization)
    if working.select_for_update(no_key=True).values_list("pk").first() is None:
        raise Problem(422, "organization_unknown", _("You do not work in that organization."))


def usual_organization(host: Person, standing: Standing) -> Organization | None:
    """That of last time, if the host still works there; else their first one."""
    known = {organization.pk: organization for organization in standing.organizations}
    if not known:
        return None
    last = Visit.objects.filter(host=host).newest_first().first()
    if last is not None and last.organization_id is None:
        return None
    first = standing.organizations[0]
    return known.get(last.organization_id, first) if last and last.organization_id else first


def _charge(visit: Visit, authorization: DeviceAuthorization) -> None:
    try:
        usage.charge(visit.pk, _payer(visit, authorization), at=visit.started_at)
    except usage.QuotaExceeded as error:
        raise _quota_problem(visit, error) from error


def _payer(visit: Visit, authorization: DeviceAuthorization) -> Payer:
    if visit.host is not None:
        return payer_for(visit.host, visit.organization)
    if authorization.device is None:
        raise ValueError("a guest's authorization has a device from its first instant on")
    return guest_payer(authorization.device.identifier_hash)


def _quota_problem(visit: Visit, error: usage.QuotaExceeded) -> Problem:
    if visit.host is None:
        way_out = _("Create an account to go on.")
    elif visit.organization is not None:
        way_out = _("An admin of the organization can upgrade its plan under Billing.")
    else:
        way_out = _("Upgrade the plan under Billing.")
    used_up = ngettext(
        "The plan %(plan)s holds %(quota)d session, and it is used.",
        "The plan %(plan)s holds %(quota)d sessions, and all are used.",
        error.quota,
    ) % {"plan": error.plan.name, "quota": error.quota}
    return Problem(
        409,
        "quota_exceeded",
        f"{used_up} {way_out}",
        plan=error.plan.code,
        quota=error.quota,
        used=error.used,
        upgrade_url=f"{settings.PORTAL_URL}/billing/",
    )


def _save_with_code(visit: Visit) -> None:
    """Save it under a code that no other active session has, even at the same instant."""
    for _attempt in range(CODE_ATTEMPTS):
        visit.code = visit.open_code = new_code()
        Visit.objects.all().release_code(visit.code, visit.started_at)
        if Visit.objects.filter(open_code=visit.code).exists():
            continue
        try:
            with transaction.atomic():
                visit.save(force_insert=True)
            return
        except IntegrityError:
            # Another one took the code meanwhile; anything else fails again and comes through.
            if not Visit.objects.filter(open_code=visit.code).exists():
                raise
    raise RuntimeError("no free join code was found")
