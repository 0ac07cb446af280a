"""Rows as pages print them."""

from collections.abc import Iterable
from dataclasses import dataclass

from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from accounts.models import Person
from medimic.formatting import Dates
from medimic.templatetags.look import icon
from orgs.models import Membership, Organization

ROLE_BADGES = {
    Membership.Role.ADMIN: ("is-info", "shield"),
    Membership.Role.PROVIDER: ("is-ok", "user"),
    Membership.Role.PATIENT: ("is-off", "user"),
}


@dataclass(frozen=True)
class MemberRow:
    name: str
    detail: str
    role: str
    badge: str
    icon: SafeString
    joined: str


def member_rows(
    people: Iterable[Person], organization: Organization, *, dates: Dates, viewer: Person, with_email: bool
) -> list[MemberRow]:
    """One row for each person, one query for their memberships. Only admins read addresses."""
    people = list(people)
    memberships = {
        m.person_id: m for m in organization.memberships.living().filter(person__in=[p.pk for p in people])
    }
    # Once for the page: in a row, a label's translation and an icon's drawing would cost the most.
    labels = {r.value: (str(r.label), badge, icon(sign)) for r, (badge, sign) in ROLE_BADGES.items()}
    rows = []
    for person in people:
        membership = memberships[person.pk]
        role, badge, sign = labels[membership.role]
        name = person.name
        if person.pk == viewer.pk:
            name = _("%(name)s (you)") % {"name": name}
        rows.append(
            MemberRow(
                name,
                (person.email or "") if with_email else "",
                role,
                badge,
                sign,
                dates.date(membership.created_at),
            )
        )
    return rows
