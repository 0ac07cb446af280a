"""Who is asked into the organizations, and has not answered yet."""

import datetime as dt

from django.utils import timezone

from medimic.audit.log import Origin
from medimic.audit.models import ActorKind
from medimic.demo.cast import ADMIN, PROVIDER, Cast
from orgs import invitations
from orgs.invitations import Wish
from orgs.models import Invitation

# The last one ran out before anybody looked at it.
ASKED = (
    ("lena.harrow@clinic.example", PROVIDER, 2),
    ("osric.vale@clinic.example", ADMIN, 6),
    ("bea.thornwick@clinic.example", PROVIDER, 19),
)


def invite(cast: Cast, agent: str) -> None:
    """Through the portal's own action, and then as long ago as it is to have been."""
    admin = cast.person("admin@clinic.example")
    for email, role, days in ASKED:
        invitation = invitations.invite(
            organization=cast.clinic.organization,
            wish=Wish(email, role),
            by=admin,
            origin=Origin(ActorKind.PERSON, admin.pk, agent=agent),
        )
        sent = timezone.now() - dt.timedelta(days=days)
        Invitation.objects.filter(pk=invitation.pk).update(
            created_at=sent, sent_at=sent, expires_at=sent + (invitation.expires_at - invitation.sent_at)
        )
