"""What support's pages cost with 1,000 and with 1,000,000 people, deliveries and rows of the log.

    python -m benchmarks.admin              # PostgreSQL, both sizes and the ratios; some minutes
    python -m benchmarks.admin sqlite       # the same on SQLite
    python -m benchmarks.admin sqlite 1000  # one size alone, as JSON

There is a device for every tenth person. A page is asked for in this process, by Django's test client;
what counts is CPU, this process's and the database server's, the best of some rounds.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from typing import Any

from benchmarks.history import BAR, _cpu, _get

SMALL, LARGE = 1_000, 1_000_000
ROUNDS = 7
# Of these each has one: whom the searches look for.
SOUGHT = 777
PEOPLE, DEVICES = "/admin/accounts/person/", "/admin/devices/deviceauthorization/"
LOG, MAILS = "/admin/audit/auditevent/", "/admin/outbox/delivery/"


def main(arguments: list[str]) -> int:
    database = "sqlite" if "sqlite" in arguments else "postgresql"
    sizes = [int(one) for one in arguments if one.isdigit()]
    if sizes:
        print(json.dumps(_measure_in(database, sizes[0])))
        return 0
    small, large = (_in_a_process(database, size) for size in (SMALL, LARGE))
    print(f"{database}: CPU in ms{'':21}{SMALL:>10,}{LARGE:>12,}{'ratio':>8}")
    missed = 0
    for page, before in small.items():
        ratio = large[page] / before
        missed += ratio > BAR
        print(f"{page:42}{before:10.1f}{large[page]:12.1f}{ratio:8.2f}{'  over the bar' * (ratio > BAR)}")
    return 1 if missed else 0


def _in_a_process(database: str, size: int) -> dict[str, float]:
    command = [sys.executable, "-m", "benchmarks.admin", database, str(size)]
    run = subprocess.run(command, stdout=subprocess.PIPE, check=True)
    found: dict[str, float] = json.loads(run.stdout)
    return found


def _measure_in(database: str, size: int) -> dict[str, float]:
    os.environ["DJANGO_SETTINGS_MODULE"] = "tests.settings"
    if database == "sqlite":
        with tempfile.TemporaryDirectory() as directory:
            os.environ["DATABASE_URL"] = f"sqlite:///{directory}/db.sqlite3"
            return _measure(size)
    from tests.postgres import cluster

    with cluster() as url:
        os.environ["DATABASE_URL"] = url
        return _measure(size)


def _measure(size: int) -> dict[str, float]:
    import django

    django.setup()
    from django.core.management import call_command

    call_command("migrate", verbosity=0)
    call_command("createcachetable", verbosity=0)
    started = time.monotonic()
    key = _fill(size)
    client = _desk()
    print(f"{size:,} of each in {time.monotonic() - started:.0f} s", file=sys.stderr)
    return {page: _best(client, path) for page, path in _pages(key).items()}


def _pages(key: str) -> dict[str, str]:
    return {
        "index": "/admin/",
        "people, unasked": PEOPLE,
        "people by a name that many have": f"{PEOPLE}?q=first1",
        "people by a whole name": f"{PEOPLE}?q=first{SOUGHT % 500}+last{SOUGHT}",
        "people by a name that nobody has": f"{PEOPLE}?q=zebra",
        "people by the beginning of an address": f"{PEOPLE}?q=person{SOUGHT}@",
        "people by a phone number": f"{PEOPLE}?q=%2B442079460018",
        "people by id": f"{PEOPLE}?q={key}",
        "a person": f"{PEOPLE}{key}/change/",
        "devices by a name that many have": f"{DEVICES}?q=tablet",
        "devices by their own name": f"{DEVICES}?q=tablet{SOUGHT // 10}x",
        "devices by their person": f"{DEVICES}?q=last{SOUGHT}",
        "deliveries, first": MAILS,
        "deliveries, last": f"{MAILS}?p=20",
        "deliveries of a person": f"{MAILS}?q={key}",
        "deliveries that failed": f"{MAILS}?state=failed",
        "deliveries that wait": f"{MAILS}?state=waiting",
        "deliveries of a channel": f"{MAILS}?channel=email",
        "deliveries of a service": f"{MAILS}?service=service3",
        "deliveries of a kind": f"{MAILS}?kind=tests.7",
        "deliveries of a kind that failed": f"{MAILS}?kind=tests.3&state=failed",
        "deliveries of a kind elsewhere": f"{MAILS}?kind=tests.7&service=service3",
        "log, first": LOG,
        "log, last": f"{LOG}?p=20",
        "log of a person": f"{LOG}?q={key}",
        "log of a kind": f"{LOG}?q=accounts.signed_in",
        "members by their name": f"/admin/orgs/membership/?q=last{SOUGHT}",
        "subscriptions by their holder": f"/admin/billing/subscription/?q=last{SOUGHT}",
    }


def _best(client: Any, path: str) -> float:
    from django.db import connection

    backend = 0
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_backend_pid()")
            backend = cursor.fetchone()[0]
    took = []
    for _round in range(ROUNDS + 2):
        before = time.process_time() + (_cpu(backend) if backend else 0)
        _get(client, path)
        took.append(time.process_time() + (_cpu(backend) if backend else 0) - before)
    return min(took[2:]) * 1000


def _desk() -> Any:
    """Support, with a second factor that is verified."""
    from allauth.mfa.models import Authenticator
    from django.contrib.auth.models import Group
    from django.test import Client

    from accounts.models import Person

    person = Person.objects.create_user(
        "desk@people.example", first_name="Sam", last_name="Desk", is_staff=True
    )
    person.groups.add(Group.objects.get(name="Support"))
    factor = Authenticator.objects.create(user=person, type="totp", data={})
    client = Client(headers={"host": "localhost"})
    client.force_login(person)
    session = client.session
    session["otp_device_id"] = f"accounts.factor/{factor.pk}"
    session.save()
    return client


def _fill(size: int) -> str:
    """So many people, deliveries and rows of the log, and a tenth of devices; the id of one person."""
    from django.db import connection
    from django.utils import timezone

    from accounts.models import Person
    from devices.models import Device, DeviceAuthorization
    from medimic.audit.log import SYSTEM, record
    from medimic.audit.models import AuditEvent
    from medimic.outbox.models import Delivery

    is_postgresql = connection.vendor == "postgresql"

    def key(mark: str, number: str = "n.m") -> str:
        """A UUID made of a mark and the row's number."""
        hexadecimal = f"lpad(to_hex({number}), 31, '0')" if is_postgresql else f"printf('%031x', {number})"
        return f"('{mark}' || {hexadecimal})" + ("::uuid" if is_postgresql else "")

    person = Person.objects.create_user(
        "template@people.example", first_name="Template", last_name="Person", phone_number="+442079460018"
    )
    device = Device.objects.create(
        identifier_hash="0" * 64, owner_person=person, model="iPad", device_type="tablet", platform="ipados"
    )
    now = timezone.now()
    authorization = DeviceAuthorization.objects.create(
        account=person, device=device, name="Template", activated_at=now, last_seen_at=now
    )
    delivery = Delivery.objects.create(
        channel="email", kind="tests.mail", person_id=person.pk, state="sent", finished_at=now, stale_at=now
    )
    from django.db import transaction

    with transaction.atomic():
        event = record("accounts.signed_in", origin=SYSTEM, person_id=person.pk)
    ago = (
        "t.created_at - n.m * interval '1 second'"
        if is_postgresql
        else ("strftime('%Y-%m-%d %H:%M:%f', t.created_at, '-' || n.m || ' seconds')")
    )
    with connection.cursor() as cursor, transaction.atomic():
        cursor.execute("CREATE TEMPORARY TABLE n (m integer PRIMARY KEY)")
        cursor.execute(
            "INSERT INTO n WITH RECURSIVE c(m) AS (SELECT 1 UNION ALL SELECT m + 1 FROM c WHERE m < %s) "
            "SELECT m FROM c",
            [size],
        )

        def multiply(model: Any, template: Any, where: str = "1 = 1", **values: str) -> None:
            columns = [field.column for field in model._meta.concrete_fields]
            chosen = ", ".join(values.get(column, f"t.{column}") for column in columns)
            pk = template.pk if is_postgresql else getattr(template.pk, "hex", template.pk)
            cursor.execute(
                f"INSERT INTO {model._meta.db_table} ({', '.join(columns)}) SELECT {chosen} "
                f"FROM n, {model._meta.db_table} AS t WHERE t.id = %s AND {where}",
                [pk],
            )

        first, last = "'first' || (n.m %% 500)", "'last' || n.m"
        multiply(
            Person, person, id=key("a"), email="'person' || n.m || '@people.example'",
            first_name=first, last_name=last, phone_number="''", phone_hash="''", created_at=ago,
        )  # fmt: skip
        for word in (first, last):
            cursor.execute(
                f"INSERT INTO accounts_personword (person_id, word) SELECT {key('a')}, {word} FROM n", []
            )
        tenth = "n.m %% 10 = 7"
        multiply(
            Device, device, tenth, id=key("b"), owner_person_id=key("a"),
            identifier_hash="'h' || n.m",
        )  # fmt: skip
        multiply(
            DeviceAuthorization, authorization, tenth, id=key("c"), account_id=key("a"), device_id=key("b"),
            created_at=ago,
        )  # fmt: skip
        cursor.execute(
            "INSERT INTO devices_authorizationword (authorization_id, word) "
            f"SELECT {key('c')}, 'tablet' || (n.m / 10) || 'x' FROM n WHERE {tenth}",
            [],
        )
        failed = "n.m %% 1000 = 3"
        opened = f"CASE WHEN {failed} THEN 'x' ELSE '' END"
        multiply(
            Delivery, delivery, id=key("d"), person_id=key("a"), created_at=ago, dedupe_key="NULL",
            kind="'tests.' || (n.m %% 40)", service="'service' || (n.m %% 6)",
            state=f"CASE WHEN {failed} THEN 'failed' ELSE 'sent' END", recipient=opened, body=opened,
        )  # fmt: skip
        multiply(AuditEvent, event, id=key("e"), person_id=key("a"), created_at=ago)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    return f"a{SOUGHT:031x}"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
