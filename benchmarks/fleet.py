"""What Organization → Devices costs with 1,000 devices and with 100,000 that had 1,000,000 sessions.

    python -m benchmarks.fleet             # both, the ratios, and the memory of an export; some minutes
    python -m benchmarks.fleet 1000        # one size alone, as JSON

Each size gets a PostgreSQL server of its own; a page is asked for in this process, as in
`benchmarks.history`. A search for what hardly any row holds has to look at all of them: it is printed
and held to no bar.
"""

import datetime as dt
import json
import os
import resource
import subprocess
import sys
import time
import uuid
from collections.abc import Callable
from typing import Any

from benchmarks.history import _get

SMALL, LARGE = 1_000, 100_000
SESSIONS_PER_DEVICE = 10
BAR = 1.2
DEVICES_PER_PERSON = 4
ROUNDS = 9
RARE = "search: one device of all"
FILTERS = {
    "platform": "platform=ios",
    "outdated app": "outdated=app",
    "outdated OS": "outdated=os",
    "not seen for 30 days": "unused=30",
    "not seen for 180 days": "unused=180",
    "pooled": "pooled=yes",
    "not pooled": "pooled=no",
    "active": "status=active",
    "inactive": "status=inactive",
    "a bar: system": "os=ios+16&status=active",
    "a bar: app": "app=000003.000001.000000&status=active",
    "several, sorted": "platform=android&status=active&sort=provider",
    "search: common": "q=pixel",
    "search: two words": "q=iphone+other",
    RARE: "q=the+only+one",
}


def main(arguments: list[str]) -> int:
    if arguments:
        print(json.dumps(_measure_in_cluster(int(arguments[0]))))
        return 0
    small, large = (_in_a_process(size) for size in (SMALL, LARGE))
    print(f"{'page':36}{SMALL:>9,} {'CPU':>6}{LARGE:>12,} {'CPU':>6}{'ratio':>8}{'queries':>9}")
    missed = 0
    # A page with a pooled device on it asks once more than one without.
    most = max(queries for _wall, _cpu, queries in small["pages"].values())
    for page, (wall, cpu, _queries) in small["pages"].items():
        wall_large, cpu_large, queries_large = large["pages"][page]
        ratio = wall_large / wall
        is_over = (ratio > BAR and page != RARE) or queries_large > most
        missed += is_over
        figures = f"{wall:9.1f} {cpu:6.1f}{wall_large:12.1f} {cpu_large:6.1f}{ratio:8.2f}{queries_large:9}"
        print(f"{page:36}{figures}{'  over the bar' if is_over else ''}")
    print(
        f"export of {large['rows']:,} rows: {large['seconds']:.0f} s, {large['bytes'] / 1e6:.1f} MB, "
        f"the process grew by {large['grown']:.0f} MB"
    )
    return 1 if missed or large["grown"] > 100 else 0


def _in_a_process(size: int) -> dict[str, Any]:
    run = subprocess.run(
        [sys.executable, "-m", "benchmarks.fleet", str(size)], stdout=subprocess.PIPE, check=True
    )
    found: dict[str, Any] = json.loads(run.stdout)
    return found


def _measure_in_cluster(size: int) -> dict[str, Any]:
    from tests.postgres import cluster

    with cluster() as url:
        os.environ.update(DATABASE_URL=url, DJANGO_SETTINGS_MODULE="tests.settings")
        import django

        django.setup()
        return _measure(size)


def _measure(size: int) -> dict[str, Any]:
    from django.core.management import call_command
    from django.db import connection
    from django.test import Client
    from django.test.utils import CaptureQueriesContext

    call_command("migrate", verbosity=0)
    call_command("createcachetable", verbosity=0)
    started = time.monotonic()
    organization, admin = _fill(size)
    print(f"{size:,} devices in {time.monotonic() - started:.0f} s", file=sys.stderr)
    client = Client(headers={"host": "localhost"})
    client.force_login(admin)
    client.get("/")  # the first page of a sign-in notes the browser
    root = f"/organizations/{organization.slug}/devices/"
    measured = {}
    for page, path in _pages(root).items():
        times = _times(lambda path=path: _get(client, path))
        with CaptureQueriesContext(connection) as queries:
            _get(client, path)
        measured[page] = (*times, len(queries))
        if os.environ.get("PLANS"):
            _explain(page, queries)
    found = {"pages": measured, **_export(organization, admin)}
    connection.close()
    return found


def _times(ask: Callable[[], object]) -> tuple[float, float]:
    """The best in ms, which other work on the machine moves least: wall clock, and own CPU."""
    ask()
    walls, cpus = [], []
    for _ in range(ROUNDS):
        wall, cpu = time.perf_counter(), time.process_time()
        ask()
        walls.append(time.perf_counter() - wall)
        cpus.append(time.process_time() - cpu)
    return min(walls) * 1000, min(cpus) * 1000


def _pages(root: str) -> dict[str, str]:
    pages = {"plain": root}
    for column in ("name", "provider", "os", "app", "sessions", "last_seen", "status"):
        for sign in ("", "-"):
            for place, query in (("first", ""), ("last", "&page=last")):
                pages[f"by {sign}{column}, {place}"] = f"{root}?sort={sign}{column}{query}"
    for name, query in FILTERS.items():
        pages[f"{name}, first" if name != RARE else name] = f"{root}?{query}"
        if name != RARE:
            pages[f"{name}, last"] = f"{root}?{query}&page=last"
    return pages


def _explain(page: str, queries: Any) -> None:
    from django.db import connection

    for query in queries:
        if "devices_fleetentry" in query["sql"] and query["sql"].startswith("SELECT"):
            with connection.cursor() as cursor:
                cursor.execute("EXPLAIN (ANALYZE, TIMING OFF) " + query["sql"])
                plan = "\n".join(row[0] for row in cursor.fetchall())
            print(f"== {page}\n{query['sql'][-900:]}\n{plan}\n", file=sys.stderr)


def _export(organization: Any, admin: Any) -> dict[str, float]:
    """The whole list as a file, and how much the process grew meanwhile: its highest mark."""
    from devices import fleet_export, policies
    from devices.fleet_list import rows_of
    from devices.fleet_presenters import FleetPresenter
    from medimic.csv_export import stream
    from medimic.formatting import Dates

    present = FleetPresenter(organization, policies.policy_of(organization), Dates.of(admin), viewer=admin)
    rows = rows_of(organization).order_by("-last_seen_at", "-id")
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    started, size, lines = time.monotonic(), 0, 0
    for parcel in stream(fleet_export.header(), fleet_export.lines(rows, present), "devices.csv"):
        size += len(parcel)
        lines += parcel.count(b"\n")
    return {
        "rows": lines - 1,
        "bytes": size,
        "seconds": time.monotonic() - started,
        "grown": (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024,
    }


def _fill(number: int) -> tuple[Any, Any]:
    """An organization on Enterprise with so many devices, every fiftieth of them pooled."""
    from django.db import connection, transaction
    from django.utils import timezone

    from accounts.models import Person
    from benchmarks.filling import _bulk
    from billing.catalogue import CURRENCY, ENTERPRISE
    from billing.models import Subscription
    from devices import fleet
    from devices.models import Device, DeviceAuthorization
    from devices.versions import version_key
    from orgs.models import Membership, Organization, Policy
    from sessions_app import tallies

    now = timezone.now()
    organization = Organization.objects.create(name="Bench Hospital", slug="bench-hospital")
    Subscription.objects.create(
        organization=organization, plan_code=ENTERPRISE.code, price_minor=0, currency=CURRENCY, anchor_at=now
    )
    Policy.objects.create(organization=organization, lowest_app={"ios": "3.1"}, unused_days=90)
    admin = Person.objects.create(email="admin@bench.example", first_name="Ada", last_name="Admin")
    Membership.objects.create(organization=organization, person=admin, role="admin")
    people = Person.objects.bulk_create(
        (
            Person(first_name="Other", last_name=f"{uuid.uuid4().hex[:8]}")
            for _ in range(max(number // DEVICES_PER_PERSON, 1))
        ),
        batch_size=5000,
    )
    Membership.objects.bulk_create(
        (Membership(organization=organization, person=person, role="provider") for person in people),
        batch_size=5000,
    )
    kinds = (
        ("iPhone 15 Pro", "phone", "ios"),
        ("Pixel 8", "phone", "android"),
        ("iPad Air", "tablet", "ipados"),
    )
    devices = []
    for place in range(number):
        model, device_type, platform = kinds[place % 3]
        os_version = f"{17 - place % 2}.{place % 7}"
        app_version = ("3.2.0", "3.1.0", "3.0.1", "2.9.6")[min(place % 11, 3)]
        is_pooled = place % 50 == 49
        devices.append(
            Device(
                identifier_hash=uuid.uuid4().hex * 2,
                owner_person=None if is_pooled else people[place % len(people)],
                owner_organization=organization if is_pooled else None,
                place=f"Room {place}" if is_pooled else "",
                model=model,
                device_type=device_type,
                platform=platform,
                os_version=os_version,
                os_version_key=version_key(os_version),
                app_version=app_version,
                app_version_key=version_key(app_version),
                last_seen_at=now - dt.timedelta(minutes=place * 300_000 // number),
            )
        )
    Device.objects.bulk_create(devices, batch_size=5000)
    authorizations = []
    for place, device in enumerate(devices):
        is_ended = place % 10 == 7
        authorizations.append(
            DeviceAuthorization(
                account=people[place % len(people)],
                device=device,
                name="The only one" if place == number // 2 else f"Device {place}",
                created_at=now - dt.timedelta(days=300),
                activated_at=now - dt.timedelta(days=300),
                last_seen_at=device.last_seen_at,
                revoked_at=now if is_ended else None,
                revoked_reason="self" if is_ended else "",
            )
        )
    DeviceAuthorization.objects.bulk_create(authorizations, batch_size=5000)
    with transaction.atomic(), _bulk():
        _sessions(organization, authorizations, number * SESSIONS_PER_DEVICE)
    tallies.rebuild()
    fleet.refresh_all()
    fleet.add_up_counts()
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE")
    return organization, admin


def _sessions(organization: Any, authorizations: list[Any], number: int) -> None:
    """So many sessions of the organization; some devices had many, and some none."""
    from django.db import connection

    from benchmarks.filling import _multiply, _session
    from sessions_app.models import Visit

    template = _session(authorizations[0])
    with connection.cursor() as cursor:
        cursor.execute(
            f"""CREATE TEMPORARY TABLE made AS
            WITH wanted AS (SELECT n, floor(power(random(), 2) * {len(authorizations)})::bigint AS place
                            FROM generate_series(1, {number}) AS n),
            leaves AS (SELECT row_number() OVER () - 1 AS place, id, account_id
                       FROM devices_deviceauthorization)
            SELECT n, gen_random_uuid() AS id, leaves.id AS leave, leaves.account_id AS host,
            now() - interval '2 days' - random() * interval '1 year' AS start,
            upper(substr(md5(n::text), 1, 6)) AS code
            FROM wanted JOIN leaves USING (place)"""
        )
        _multiply(
            Visit,
            template,
            "made",
            id="m.id",
            code="m.code",
            host_id="m.host",
            authorization_id="m.leave",
            organization_id=f"'{organization.pk}'::uuid",
            started_at="m.start",
            expires_at="m.start + interval '8 hours'",
            ended_at="m.start + interval '30 minutes'",
        )
        cursor.execute("DROP TABLE made")
    template.delete()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
