"""What support's page of a person holds: rows made here, so that the template only prints.

As many queries for somebody with two devices as for somebody with two hundred.
"""

from dataclasses import dataclass, field

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from django.urls import reverse
from django.utils import timezone
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from accounts import sign_ins
from accounts.models import Person
from accounts.presenters import FACTORS
from accounts.requests import SignedInRequest
from billing.entitlements import Payer, device_allowance
from billing.models import Subscription
from billing.usage import summary
from devices.models import DeviceAuthorization
from devices.presenters import DevicePresenter
from medimic import agents
from medimic.audit.activity import rows_for
from medimic.audit.models import AuditEvent
from medimic.audit.reading import NEWEST_FIRST
from medimic.formatting import Dates
from medimic.network import UNKNOWN_ADDRESS
from medimic.outbox.models import Delivery
from medimic.templatetags.look import icon
from orgs.models import Membership

SHOWN = 50
NEWEST = 15


@dataclass(frozen=True)
class Cell:
    """Text of a table, with what it leads to, a second line, and how it stands (a badge)."""

    text: str
    href: str = ""
    more: str = ""
    badge: str = ""
    icon: SafeString | str = ""


@dataclass(frozen=True)
class Section:
    """A table with a heading. `empty` is what stands in place of no rows, `note` below them."""

    key: str
    title: str
    head: list[str]
    rows: list[list[Cell]]
    empty: str
    note: str = ""
    href: str = ""
    link: str = ""

    @property
    def labelled(self) -> list[list[tuple[str, Cell]]]:
        """Each cell with the head of its column, which stands beside it on narrow screens."""
        return [list(zip(self.head, row, strict=True)) for row in self.rows]


@dataclass(frozen=True)
class Act:
    label: str
    href: str
    is_danger: bool = False


@dataclass(frozen=True)
class PersonPage:
    badges: list[Cell]
    facts: list[tuple[str, str]]
    acts: list[Act]
    sections: list[Section] = field(default_factory=list)


def page_of(person: Person, request: SignedInRequest) -> PersonPage:
    reader = request.user
    dates = Dates.of(reader)
    addresses = list(EmailAddress.objects.filter(user=person).order_by("-primary", "email"))
    factors = list(Authenticator.objects.filter(user=person).only("type", "created_at", "last_used_at"))
    sections = [
        _devices(person, reader, dates),
        _sign_ins(person, dates),
        _plan(person, reader, dates),
        _memberships(person, reader, dates),
        _deliveries(person, reader, dates),
    ]
    if reader.has_perm("audit.view_auditevent"):
        sections.append(_events(person, reader))
    return PersonPage(
        badges=_badges(person, addresses, factors),
        facts=_facts(person, addresses, factors, dates),
        acts=_acts(person, reader, addresses, factors),
        sections=sections,
    )


def _badges(person: Person, addresses: list[EmailAddress], factors: list[Authenticator]) -> list[Cell]:
    found = [
        Cell(_("Active"), badge="is-ok", icon=icon("check"))
        if person.is_active
        else Cell(_("Closed"), badge="is-off", icon=icon("stop"))
    ]
    if person.is_staff:
        found.append(Cell(_("Staff"), badge="is-info", icon=icon("shield")))
    if any(not address.verified for address in addresses):
        found.append(Cell(_("Address not verified"), badge="is-warning", icon=icon("warning")))
    if not factors:
        found.append(Cell(_("No second factor"), badge="is-off", icon=icon("stop")))
    return found


def _facts(
    person: Person, addresses: list[EmailAddress], factors: list[Authenticator], dates: Dates
) -> list[tuple[str, str]]:
    verified = {address.email: address.verified for address in addresses}
    waiting = [address.email for address in addresses if not address.verified]
    kinds = [
        _("%(factor)s since %(date)s")
        % {"factor": FACTORS.get(factor.type, factor.type), "date": dates.date(factor.created_at)}
        for factor in factors
    ]
    return [
        (_("Email address"), person.email or "–"),
        (_("Verified"), _("Yes") if verified.get(person.email) else _("No")),
        (_("Waits to be verified"), ", ".join(waiting) or "–"),
        (_("Name"), person.get_full_name() or "–"),
        (_("Display name"), person.display_name or "–"),
        # Whole numbers find a person; what is found does not show them.
        (_("Phone number"), _("recorded") if person.phone_hash else "–"),
        (_("Second factors"), "; ".join(kinds) or "–"),
        (_("Language"), person.language),
        (_("Time zone"), person.time_zone),
        (_("Created"), dates.date_time(person.created_at)),
        (_("Last sign-in"), dates.date_time(person.last_login) if person.last_login else "–"),
        (_("Id"), str(person.pk)),
    ]


def _acts(
    person: Person, reader: Person, addresses: list[EmailAddress], factors: list[Authenticator]
) -> list[Act]:
    found = []
    if reader.has_perm("desk.resend_verification") and any(not address.verified for address in addresses):
        found.append(Act(_("Resend verification"), reverse("desk_verification", args=[person.pk])))
    if reader.has_perm("desk.extend_trials"):
        found.append(Act(_("Grant sessions"), reverse("desk_person_sessions", args=[person.pk])))
    if reader.has_perm("desk.end_sign_ins"):
        found.append(Act(_("End all sign-ins"), reverse("desk_sign_outs", args=[person.pk]), is_danger=True))
    if reader.has_perm("desk.remove_factors") and factors and not person.is_staff:
        href = reverse("desk_factor_removal", args=[person.pk])
        found.append(Act(_("Remove second factors"), href, is_danger=True))
    return found


def _devices(person: Person, reader: Person, dates: Dates) -> Section:
    rows = (
        DeviceAuthorization.objects.filter(account=person)
        .with_state()
        .defer("phone_number", "push_token")
        .order_by("-created_at", "id")[: SHOWN + 1]
    )
    found = list(rows)
    may_act = reader.has_perm("desk.revoke_device")
    may_see = reader.has_perm("devices.view_deviceauthorization")
    page, revoke, lift = (
        reverse(name, args=[person.pk])
        for name in (
            "admin:devices_deviceauthorization_change",
            "desk_device_revocation",
            "desk_device_allowance",
        )
    )
    presenter = DevicePresenter(dates)
    table = []
    for one in found[:SHOWN]:
        status = presenter.status(one)
        by_themselves = one.revoked_reason == DeviceAuthorization.RevokedReason.SELF
        act = Cell("")
        if may_act and one.revoked_at is None:
            act = Cell(_("Revoke"), _for(revoke, person, one))
        elif may_act and one.revoked_reason in DeviceAuthorization.BLOCKING_REASONS:
            act = Cell(_("Lift the block"), _for(lift, person, one))
        table.append(
            [
                Cell(one.title, _for(page, person, one) if may_see else "", more=str(one.device or "")),
                Cell(
                    status.label,
                    more=_("revoked by the person") if by_themselves else status.reason,
                    badge=status.badge,
                    icon=status.icon,
                ),
                Cell(dates.date(one.created_at)),
                Cell(dates.relative(one.last_seen_at) if one.last_seen_at else "–"),
                act,
            ]
        )
    return Section(
        "devices",
        _("Devices and authorizations"),
        [_("Device"), _("Status"), _("Registered"), _("Last active"), _("Act")],
        table,
        _("No device was ever connected."),
        note=_("The newest %(shown)d.") % {"shown": SHOWN} if len(found) > SHOWN else "",
    )


def _for(address: str, person: Person, row: DeviceAuthorization) -> str:
    """The address made for one id, for another: looking each up again costs more than all else."""
    return address.replace(str(person.pk), str(row.pk))


def _sign_ins(person: Person, dates: Dates) -> Section:
    rows = [
        [
            Cell(agents.in_words(one.row.user_agent) or _("Unknown browser")),
            Cell(one.row.ip),
            Cell(dates.date_time(one.row.created_at)),
            Cell(dates.relative(one.row.last_seen_at)),
        ]
        for one in sign_ins.open_now(person)[:SHOWN]
    ]
    head = [_("Browser"), _("Address"), _("Since"), _("Last used")]
    return Section("sign-ins", _("Signed in now"), head, rows, _("No browser is signed in."))


def _plan(person: Person, reader: Person, dates: Dates) -> Section:
    allowance = device_allowance(person)
    used = summary(Payer(person_id=person.pk), at=timezone.now())
    own = Subscription.objects.filter(person=person).order_by("-anchor_at", "-id")[:NEWEST]
    may_see = reader.has_perm("billing.view_subscription")
    rows = [
        [
            Cell(
                str(one.plan.name),
                reverse("admin:billing_subscription_change", args=[one.pk]) if may_see else "",
            ),
            Cell(dates.date(one.anchor_at)),
            Cell(dates.date(one.ended_at) if one.ended_at else "–"),
        ]
        for one in own
    ]
    limit = _("any number of devices") if allowance.limit is None else str(allowance.limit)
    quota = _("no quota") if used.quota is None else str(used.quota)
    note = _(
        "Counts now: %(plan)s. Devices: %(limit)s. Own sessions used this period: %(used)s of %(quota)s."
    ) % {"plan": allowance.plan.name, "limit": limit, "used": used.used, "quota": quota}
    head = [_("Own plan"), _("Started"), _("Ended")]
    return Section("plan", _("Plan"), head, rows, _("No plan of their own."), note=note)


def _memberships(person: Person, reader: Person, dates: Dates) -> Section:
    found = Membership.objects.filter(person=person).select_related("organization")
    may_see = reader.has_perm("orgs.view_organization")
    rows = [
        [
            Cell(
                one.organization.name,
                reverse("admin:orgs_organization_change", args=[one.organization_id]) if may_see else "",
            ),
            Cell(one.get_role_display()),
            Cell(dates.date(one.created_at)),
            Cell(dates.date(one.ended_at) if one.ended_at else "–"),
        ]
        for one in found.order_by("-created_at", "-id")[:SHOWN]
    ]
    head = [_("Organization"), _("Role"), _("Joined"), _("Left")]
    return Section("memberships", _("Organizations"), head, rows, _("They belong to no organization."))


def _deliveries(person: Person, reader: Person, dates: Dates) -> Section:
    found = Delivery.objects.filter(person_id=person.pk).defer("recipient", "body")
    may_see = reader.has_perm("outbox.view_delivery")
    address = reverse("admin:outbox_delivery_change", args=[person.pk])
    badges = {"sent": "is-ok", "waiting": "is-info", "dropped": "is-off"}
    icons = {"sent": "check", "waiting": "clock", "failed": "warning", "given_up": "warning"}
    rows = [
        [
            Cell(one.kind, address.replace(str(person.pk), str(one.pk)) if may_see else ""),
            Cell(one.recipient_masked, more=one.channel),
            Cell(
                one.get_state_display(),
                more=one.last_error,
                badge=badges.get(one.state, "is-danger"),
                icon=icon(icons.get(one.state, "stop")),
            ),
            Cell(dates.date_time(one.created_at)),
        ]
        for one in found.order_by("-created_at", "-id")[:NEWEST]
    ]
    return Section(
        "deliveries",
        _("Mails and messages"),
        [_("Kind"), _("Recipient"), _("State"), _("When")],
        rows,
        _("Nothing was sent."),
        href=f"{reverse('admin:outbox_delivery_changelist')}?q={person.pk}" if may_see else "",
        link=_("All deliveries to this person"),
    )


def _events(person: Person, reader: Person) -> Section:
    """Of what concerns them, and of what they did: each along its index."""
    parts = (AuditEvent.objects.filter(person_id=person.pk), AuditEvent.objects.filter(actor_id=person.pk))
    newest: dict[object, AuditEvent] = {}
    for part in parts:
        newest.update({event.pk: event for event in part.order_by(*NEWEST_FIRST)[:NEWEST]})
    events = sorted(newest.values(), key=lambda event: (event.created_at, event.pk), reverse=True)[:NEWEST]
    address = reverse("admin:audit_auditevent_change", args=[person.pk])
    rows = [
        [
            Cell(row.what, address.replace(str(person.pk), str(event.pk))),
            Cell(_("This person") if event.actor_id == person.pk else row.who),
            Cell(event.address if event.address != UNKNOWN_ADDRESS else "–", more=row.agent),
            Cell(row.when, more=row.ago),
        ]
        for event, row in zip(events, rows_for(reader, events), strict=True)
    ]
    return Section(
        "events",
        _("What happened"),
        [_("What"), _("By"), _("From"), _("When")],
        rows,
        _("Nothing is in the log."),
        href=f"{reverse('admin:audit_auditevent_changelist')}?q={person.pk}",
        link=_("The whole log of this person"),
    )
