"""Building all of the demonstration data, once."""

import datetime as dt
import random

from django.contrib.auth.hashers import check_password, make_password
from django.db import transaction
from django.utils import timezone

from accounts.models import Person
from devices import actions, pool
from devices import fleet as device_fleet
from devices.models import DeviceAuthorization, Platform, PushSettings
from medimic.audit.log import Origin
from medimic.audit.models import ActorKind
from medimic.demo import billing, care, joining, pushes, transcripts
from medimic.demo.accounts import ACCOUNTS
from medimic.demo.cast import Cast, Casting
from medimic.demo.fleet import FAIRPHONE_5, Fleet, equip
from medimic.demo.history import History
from orgs.models import Policy
from sessions_app import tallies

SEED = 20_260_101
# Long enough for several billing periods, whose first day is no first of the month.
SINCE = dt.timedelta(days=163, hours=7)
AGENT = "Demonstration data"


def is_built() -> bool:
    return Person.objects.filter(email=ACCOUNTS[0][0]).exists()


@transaction.atomic
def build(password: str) -> None:
    """Make everything, relative to now; the same each time, but for ids and secrets."""
    now = timezone.now()
    rng = random.Random(SEED)  # noqa: S311 - nothing secret is made of it
    cast = Casting(make_password(password), since=now - SINCE).make()
    fleet = Fleet(now, rng)
    equip(fleet, cast)
    history = History(cast, fleet, now, rng)
    history.tell(days=SINCE.days - 3)
    push_settings = pushes.route(fleet)
    fleet.save()
    PushSettings.objects.bulk_create(push_settings)
    history.save()
    tallies.rebuild()
    device_fleet.refresh_all()
    billing.tell(cast, now)
    _act(cast)
    care.tell(cast)
    transcripts.tell(cast)


def _act(cast: Cast) -> None:
    """What happens just now goes through the portal's own actions, and so into the audit log."""
    provider = cast.person("provider@clinic.example")
    origin = Origin(ActorKind.PERSON, provider.pk, agent=AGENT)
    actions.issue_link(account=provider, by=provider, name="Paul's new phone", origin=origin)
    _ask_of_devices(cast)
    joining.invite(cast, AGENT)
    colleague = cast.person("colleague@clinic.example")
    actions.revoke(
        authorization=_lost_phone(colleague),
        by=colleague,
        origin=Origin(ActorKind.PERSON, colleague.pk, agent=AGENT),
    )


def _ask_of_devices(cast: Cast) -> None:
    """Policies that some devices break, and a question that a member has not answered."""
    Policy.objects.create(
        organization=cast.clinic.organization,
        lowest_app={Platform.IOS: "3.1", Platform.ANDROID: "3.1"},
        unused_days=60,
    )
    hospital, admin = cast.hospital.organization, cast.person("admin@hospital.example")
    Policy.objects.create(
        organization=hospital,
        lowest_app={Platform.IOS: "3.1", Platform.IPADOS: "3.2", Platform.ANDROID: "3.1"},
        lowest_os={Platform.IPADOS: "17", Platform.IOS: "17"},
        confirm_devices=False,
    )
    member = next(person for person in cast.hospital.staff if person not in (admin, cast.locum))
    pool.ask(
        authorization=DeviceAuthorization.objects.living().filter(
            account=member, device__owner_person=member
        )[0],
        organization=hospital,
        place="Exam room 4",
        by=admin,
        origin=Origin(ActorKind.PERSON, admin.pk, agent=AGENT),
    )


def _lost_phone(owner: Person) -> DeviceAuthorization:
    fleet = Fleet(timezone.now(), random.Random(SEED))  # noqa: S311 - nothing secret is made of it
    fleet.own(owner, FAIRPHONE_5, since=50, seen=4, name="Kira's old phone")
    fleet.save()
    return fleet.authorizations[0]


def set_password(password: str) -> None:
    """Make it the password of every demonstration account that has another one."""
    accounts = Person.objects.filter(email__in=[email for email, _what in ACCOUNTS])
    # They share one hash unless somebody changed theirs: so mostly one is checked, which takes long.
    stored = set(accounts.values_list("password", flat=True))
    others = [encoded for encoded in stored if not check_password(password, encoded)]
    if others:
        accounts.filter(password__in=others).update(password=make_password(password))
