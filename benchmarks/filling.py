"""A PostgreSQL full of sessions and devices, within a minute or two.

Sessions are multiplied by the server itself from one that the portal's models made, so that
columns that are added later need nothing here.
"""

import datetime as dt
import uuid
from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection, transaction
from django.utils import timezone

from accounts.models import Person
from billing.catalogue import CURRENCY, INDIVIDUAL
from billing.models import Subscription
from devices.models import Device, DeviceAuthorization
from sessions_app.models import Participant, Visit

DEVICES_OF_ONE = 50
PEOPLE_PER_DEVICE = 10
TOPICS = (
    "Follow up", "Wound check", "Intake interview", "Medication review", "Discharge talk", "Test results",
    "Pain clinic", "Family meeting", "Second opinion", "Ward round", "Speech therapy", "Asthma check",
)  # fmt: skip
# Of other providers alone.
FOREIGN_TOPIC = "Prenatal visit"
YEARS = 3
# So many are running, so many are of this week, this month: a page of each is full in any database.
RECENT = 60


def fill(*, own: int, others: int, devices: int) -> Person:
    """One provider with `own` sessions and 50 devices, beside `others` of all other people."""
    provider = _person("provider@bench.example")
    Subscription.objects.create(
        person=provider, plan_code=INDIVIDUAL.code, price_minor=0, currency=CURRENCY, anchor_at=timezone.now()
    )
    own_device = _devices([provider], DEVICES_OF_ONE)[0]
    people = Person.objects.bulk_create(
        Person(first_name="Other", last_name=str(number))
        for number in range(max(devices // PEOPLE_PER_DEVICE, 1))
    )
    foreign_device = _devices(people, devices)[0]
    with transaction.atomic(), _bulk():
        _sessions(own_device, own, TOPICS)
        _recent(own_device)
        if others:
            _sessions(foreign_device, others, (*TOPICS, FOREIGN_TOPIC), hosts=people)
        _participants()
        _attend(provider, (own + others) // 1000)
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE")
    return provider


@contextmanager
def _bulk() -> Iterator[None]:
    """Without indexes, which are made anew afterwards, and without checks of foreign keys."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT indexname, indexdef FROM pg_indexes WHERE tablename = ANY(%s)"
            " AND indexname NOT IN (SELECT conname FROM pg_constraint)",
            [[Visit._meta.db_table, Participant._meta.db_table]],
        )
        indexes = cursor.fetchall()
        for name, _definition in indexes:
            cursor.execute(f'DROP INDEX "{name}"')
        cursor.execute("SET LOCAL session_replication_role = replica")
        yield
        cursor.execute("SET LOCAL session_replication_role = DEFAULT")
        for _name, definition in indexes:
            cursor.execute(definition)


def _person(email: str) -> Person:
    return Person.objects.create(
        email=email, first_name="Paula", last_name="Provider", time_zone="Europe/Warsaw"
    )


def _devices(people: list[Person], number: int) -> list[DeviceAuthorization]:
    """So many devices, dealt out to these people; the first one's authorization comes first."""
    now = timezone.now()
    devices = Device.objects.bulk_create(
        (
            Device(
                identifier_hash=uuid.uuid4().hex * 2,
                owner_person=people[place % len(people)],
                model=("iPhone 15 Pro", "Pixel 8", "iPad Air")[place % 3],
                device_type=("phone", "phone", "tablet")[place % 3],
                platform=("ios", "android", "ios")[place % 3],
                os_version="17.4",
                os_version_key="17.4",
                app_version="3.2.0",
                app_version_key="3.2.0",
            )
            for place in range(number)
        ),
        batch_size=5000,
    )
    return DeviceAuthorization.objects.bulk_create(
        (
            DeviceAuthorization(
                account=people[place % len(people)],
                device=device,
                name=f"Device {place}",
                created_at=now - dt.timedelta(hours=place % 10_000),
                activated_at=now - dt.timedelta(hours=place % 10_000),
                last_seen_at=now - dt.timedelta(minutes=place % 10_000),
            )
            for place, device in enumerate(devices)
        ),
        batch_size=5000,
    )


def _sessions(
    on: DeviceAuthorization, number: int, topics: tuple[str, ...], hosts: list[Person] | None = None
) -> None:
    """Over three years; half of them Two-Device, a fifth expired, the rest ended after half an hour."""
    template = _session(on)
    names = "ARRAY[" + ", ".join(f"'{topic}'" for topic in topics) + "]"
    people = "ARRAY[" + ", ".join(f"'{person.pk}'" for person in hosts or []) + "]::uuid[]"
    start = f"now() - interval '2 days' - random() * interval '{YEARS} years'"
    with connection.cursor() as cursor:
        cursor.execute(
            f"""CREATE TEMPORARY TABLE made AS SELECT n, gen_random_uuid() AS id, {start} AS start,
            upper(substr(md5(n::text || random()), 1, 6)) AS code,
            ({names})[1 + floor(random() * {len(topics)})] || ' No ' || n AS name,
            random() < 0.5 AS is_shared, random() < 0.2 AS is_expired,
            {f"({people})[1 + n % {len(hosts)}]" if hosts else f"'{on.account_id}'::uuid"} AS host
            FROM generate_series(1, {number}) AS n"""
        )
        _multiply(
            Visit,
            template,
            "made",
            id="m.id",
            name="m.name",
            code="m.code",
            search="' ' || lower(m.name) || ' ' || lower(m.code)",
            mode="CASE WHEN m.is_shared THEN 'shared_device' ELSE 'two_device' END",
            host_id="m.host",
            started_at="m.start",
            expires_at="m.start + interval '8 hours'",
            ended_at="CASE WHEN m.is_expired THEN NULL ELSE m.start + interval '30 minutes' END",
        )
        cursor.execute("DROP TABLE made")
    template.delete()


def _recent(on: DeviceAuthorization) -> None:
    now = timezone.now()
    ages = [dt.timedelta(minutes=number) for number in range(RECENT)]
    ages += [dt.timedelta(days=2 + number / 100) for number in range(RECENT)]
    Visit.objects.bulk_create(
        Visit(
            name=f"Consent talk {number}",
            code="ABCDEF",
            mode="two_device" if number % 2 else "shared_device",
            host=on.account,
            authorization=on,
            started_at=now - age,
            expires_at=now - age + dt.timedelta(hours=24),
        )
        for number, age in enumerate(ages)
    )


def _participants() -> None:
    """Each session's host, and somebody without an account."""
    template = _session(DeviceAuthorization.objects.all()[0])
    for is_host, person, name in ((True, "m.host_id", "Host"), (False, "NULL::uuid", "Guest")):
        one = Participant.objects.create(visit=template, name=name, role="patient", is_host=is_host)
        _multiply(
            Participant,
            one,
            "sessions_app_visit",
            id="gen_random_uuid()",
            visit_id="m.id",
            visit_started_at="m.started_at",
            joined_at="m.started_at",
            left_at="m.ended_at",
            person_id=person,
        )
    template.participants.all().delete()
    template.delete()


def _attend(provider: Person, number: int) -> None:
    """The provider took part in so many sessions of others."""
    visits = Visit.objects.exclude(host=provider)[:number]
    Participant.objects.bulk_create(
        Participant(
            visit=visit, visit_started_at=visit.started_at, person=provider, name="Paula", role="provider"
        )
        for visit in visits
    )


def _session(on: DeviceAuthorization) -> Visit:
    now = timezone.now()
    return Visit.objects.create(
        name="Template",
        code="ABCDEF",
        mode="two_device",
        host=on.account,
        authorization=on,
        expires_at=now + dt.timedelta(hours=8),
    )


def _multiply(
    model: type[Visit | Participant], template: Visit | Participant, source: str, **values: str
) -> None:
    """A row like the template for each row `m` of the source, with these expressions in its columns."""
    columns = [field.column for field in model._meta.concrete_fields]
    table = model._meta.db_table
    chosen = ", ".join(values.get(column, f"t.{column}") for column in columns)
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO {table} ({', '.join(columns)}) SELECT {chosen} "
            f"FROM {source} AS m, {table} AS t WHERE t.id = %s AND m.id <> %s",
            [template.pk, template.visit_id if isinstance(template, Participant) else template.pk],
        )
