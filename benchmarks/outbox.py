"""What 10,000 alerts cost, from the event to the service: seconds, memory, and load on the database.

    python -m benchmarks.outbox                 # PostgreSQL: pushes to Apple, then mails; some minutes
    python -m benchmarks.outbox sqlite 1000     # SQLite, and fewer of them

Apple is the tests' fake, HTTP/2 over TLS; the mail server takes what it gets. Each is a process of its
own on the loopback, and so is the worker, which is `manage.py worker` without the seal and its jobs.
"""

import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from itertools import count
from pathlib import Path
from typing import Any

NUMBER, PEOPLE = 10_000, 100
AT_ONCE = 100
PHONE = "{:064x}"


def main(arguments: list[str]) -> int:
    number = next((int(one) for one in arguments if one.isdigit()), NUMBER)
    os.environ["DJANGO_SETTINGS_MODULE"] = "tests.settings"
    with tempfile.TemporaryDirectory() as directory:
        if "sqlite" in arguments:
            os.environ["DATABASE_URL"] = f"sqlite:///{directory}/db.sqlite3"
            _measure(number, Path(directory))
            return 0
        from tests.postgres import cluster

        with cluster() as url:
            os.environ["DATABASE_URL"] = url
            _measure(number, Path(directory))
    return 0


def _measure(number: int, directory: Path) -> None:
    import django

    django.setup()
    from django.core.management import call_command

    call_command("migrate", verbosity=0)
    call_command("createcachetable", verbosity=0)
    people = _people()
    for name, fill in (("push", _alerts), ("mail", _mails)):
        server, settings = _serve(name, directory)
        try:
            took, queries = _counted(lambda fill=fill: fill(people, number))
            print(f"{name}: {number:,} queued in {took:.1f} s, {queries / number:.1f} queries each")
            _send(name, number, settings)
        finally:
            server.kill()
            server.communicate()


def _people() -> list[Any]:
    """A hundred, with a phone each that Apple reaches."""
    from devices import push
    from devices.schemas import Push
    from tests.cast import make_person
    from tests.devices.kit import sign_in_device

    people = []
    for number in range(PEOPLE):
        person = make_person("Anna", f"Person{number}")
        phone = sign_in_device(person, device_id=f"benchmark-device-{number:032d}").authorization
        push.take_route(phone, Push(service="apns", token=PHONE.format(number)))
        people.append(person)
    return people


def _alerts(people: list[Any], number: int) -> None:
    import datetime as dt
    import uuid

    from django.db import transaction

    from devices import push_alerts
    from devices.models import PushKind

    for first in range(0, number, AT_ONCE):
        with transaction.atomic():
            for place in range(first, min(first + AT_ONCE, number)):
                told = push_alerts.alert(
                    people[place % PEOPLE],
                    PushKind.PARTICIPANT_JOINED,
                    message="benchmarks.alert",
                    title="Somebody asks to join your session",
                    body="Open MediMic to let them in.",
                    session_id=uuid.uuid4(),
                    subject_id=uuid.uuid4(),
                    path="/sessions/",
                    collapse=str(place),
                    stale_after=dt.timedelta(hours=1),
                )
                assert told == 1


def _mails(people: list[Any], number: int) -> None:
    from django.db import transaction

    from medimic.outbox.mail import enqueue_message

    text = "A session was started under your account.\n" * 20
    for first in range(0, number, AT_ONCE):
        with transaction.atomic():
            for place in range(first, min(first + AT_ONCE, number)):
                enqueue_message(
                    "benchmarks.mail",
                    to=people[place % PEOPLE].email,
                    subject="A session was started",
                    text=text,
                    html=f"<p>{text * 4}</p>",
                )


def _counted(act: Any) -> tuple[float, int]:
    from django.db import connection

    queries = count()
    started = time.monotonic()
    with connection.execute_wrapper(lambda execute, *rest: next(queries) >= 0 and execute(*rest)):
        act()
    return time.monotonic() - started, next(queries)


def _send(name: str, number: int, settings: dict[str, Any]) -> None:
    from medimic.outbox.models import Delivery
    from tests import processes

    waiting = Delivery.objects.filter(state=Delivery.State.WAITING)
    before = _database_seconds()
    worker = processes.start("benchmarks.outbox:work", **settings)
    assert worker.stdout is not None
    idle = json.loads(worker.stdout.readline())
    started = time.monotonic()
    while waiting.exists():
        time.sleep(0.1)
    took = time.monotonic() - started
    worker.terminate()
    found = json.loads(worker.communicate()[0].splitlines()[-1])
    states = set(Delivery.objects.values_list("state", flat=True))
    assert states == {Delivery.State.SENT}, states
    spent = found["seconds"] - idle["seconds"]
    print(
        f"{name}: sent in {took:.1f} s ({number / took:.0f}/s), "
        f"{found['queries'] / number:.2f} queries each, "
        f"{spent / number * 1000:.2f} ms of the worker's CPU each, "
        f"its memory {idle['megabytes']:.0f} MB at the start and {found['megabytes']:.0f} MB at most"
    )
    if theirs := _database_seconds() - before:
        print(f"{name}: {theirs / number * 1000:.2f} ms of the database server's CPU each")


def work() -> None:
    """The worker, counting its queries until it is told to end."""
    from django.db.backends.signals import connection_created

    from medimic.outbox import registry, worker

    queries = count()

    def note(execute: Any, *rest: Any) -> Any:
        next(queries)
        return execute(*rest)

    def listen(connection: Any, **_: Any) -> None:
        # Told of each new connection, and the wrappers stay over that.
        if note not in connection.execute_wrappers:
            connection.execute_wrappers.append(note)

    connection_created.connect(listen)
    registry._jobs.clear()
    stop = worker.Stop()
    stop.listen()
    print(json.dumps(_own()), flush=True)
    worker.work(stop)
    print(json.dumps({**_own(), "queries": next(queries)}), flush=True)


def _own() -> dict[str, float]:
    # Not getrusage's: that begins with what the process had which started this one.
    status = Path("/proc/self/status").read_text()
    peak = int(status.partition("VmHWM:")[2].split()[0])
    return {"seconds": time.process_time(), "megabytes": peak / 1024}


def _database_seconds() -> float:
    """What PostgreSQL's processes that have ended spent; its server gathers that."""
    from django.db import connection

    if connection.vendor != "postgresql":
        return 0.0
    with connection.cursor() as cursor:
        cursor.execute("SELECT setting FROM pg_settings WHERE name = 'data_directory'")
        directory = Path(cursor.fetchone()[0])
    pid = (directory / "postmaster.pid").read_text().split()[0]
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[13]) + int(fields[14])) / os.sysconf("SC_CLK_TCK")


def _serve(name: str, directory: Path) -> tuple[subprocess.Popen[str], dict[str, Any]]:
    command = [sys.executable, "-c", f"from benchmarks.outbox import {name}; {name}({str(directory)!r})"]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert server.stdout is not None
    settings: dict[str, Any] = json.loads(server.stdout.readline())
    if certificate := settings.pop("certificate", ""):
        os.environ["SSL_CERT_FILE"] = certificate
    return server, settings


def push(directory: str) -> None:
    """Apple, which knows everybody's phone."""
    import django

    django.setup()
    from tests.push_services import http2
    from tests.push_services.fakes import Apple

    file, context = http2.certificate(Path(directory))
    apple = Apple(context)
    apple.devices.update({PHONE.format(number): "here" for number in range(PEOPLE)})
    apple.server.start()
    print(json.dumps({**apple.settings(), "certificate": str(file)}), flush=True)
    threading.Event().wait()


def mail(directory: str) -> None:
    from tests.outbox.servers import free_port, mail_server

    port = free_port()
    with mail_server(port):
        backend = "django.core.mail.backends.smtp.EmailBackend"
        told = {"EMAIL_BACKEND": backend, "EMAIL_HOST": "127.0.0.1", "EMAIL_PORT": port}
        print(json.dumps({**told, "EMAIL_USE_TLS": False, "EMAIL_HOST_USER": ""}), flush=True)
        threading.Event().wait()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
