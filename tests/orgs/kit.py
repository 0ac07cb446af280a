"""Organizations as the tests of members handle them."""

import json
import re

from django.test import Client

from accounts.models import Person
from medimic.audit.log import Origin
from medimic.audit.models import ActorKind, AuditEvent
from medimic.outbox.models import Delivery
from orgs import invitations
from orgs.invitations import Wish
from orgs.models import Invitation, Membership, Organization
from tests.devices.kit import just_now

INVITATION = re.compile(r"/invitations/([\w-]{20,})/")


def home(organization: Organization, rest: str = "") -> str:
    return f"/organizations/{organization.slug}/{rest}"


def signed_in_just_now(person: Person) -> Client:
    client = Client()
    client.force_login(person)
    return just_now(client)


def origin(person: Person) -> Origin:
    return Origin(ActorKind.PERSON, person.pk)


def membership(person: Person, organization: Organization) -> Membership:
    return organization.memberships.living().get(person=person)


def invite(
    organization: Organization, email: str, by: Person, role: str = Membership.Role.PROVIDER
) -> Invitation:
    return invitations.invite(organization=organization, wish=Wish(email, role), by=by, origin=origin(by))


def mails(kind: str) -> list[dict]:
    """What stands in the outbox of that kind, oldest first: `to`, `subject`, `text`, `language`."""
    rows = Delivery.objects.filter(kind=kind).order_by("created_at", "id")
    return [{"to": row.recipient, **json.loads(row.body)} for row in rows]


def mailed_token(number: int = -1) -> str:
    """The token in the newest invitation's mail, or in another one."""
    return INVITATION.search(mails("orgs.invitation")[number]["text"])[1]


def events(kind: str, organization: Organization | None = None) -> list[AuditEvent]:
    """Those of one organization where several threads wrote: the log outlives such a test."""
    rows = AuditEvent.objects.filter(kind=kind).order_by("created_at", "id")
    return list(rows.filter(organization_id=organization.pk) if organization else rows)


def details(event: AuditEvent) -> dict:
    return json.loads(event.details)


def roles(organization: Organization) -> dict[str, str]:
    return {row.person.first_name: row.role for row in organization.memberships.living()}
