"""Workers killed at any instant, with real devices' services behind them: nothing is lost, and nothing goes
to a device that was revoked in the meantime."""

import contextlib
import os
import random
import signal
import time
import uuid
from collections import Counter

import pytest

from devices import actions
from devices.models import DeviceAuthorization
from medimic.audit.log import SYSTEM
from medimic.outbox import taking
from medimic.outbox.models import Delivery
from tests import cast, processes
from tests.devices.kit import sign_in_device
from tests.devices.pushes import queued, tell

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.once]
PEOPLE, DEVICES = 5, 3
# Alerts for each person, and as many deliveries as they have devices: 67 make a thousand.
ALERTS = int(os.environ.get("KILLED_ALERTS", "12"))
State = Delivery.State


@pytest.fixture
def fork_worker(apple, tmp_path):
    """Workers that send to the stand-in for Apple, with leases of a second; returns a process id."""
    journal = tmp_path / "journal"
    nursery = processes.start("tests.outbox.children:breed", str(journal), "0", "1", **apple.settings())
    pids = []

    def fork() -> int:
        nursery.stdin.write("\n")
        nursery.stdin.flush()
        pids.append(int(nursery.stdout.readline()))
        return pids[-1]

    yield fork
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    nursery.kill()
    nursery.communicate()


def wait_until(is_so, seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.02)


def waiting() -> int:
    return Delivery.objects.filter(state=State.WAITING).count()


def device_of(request) -> str:
    return request.path.rpartition("/")[2]


def kill_at_random(apple, fork_worker, *, until: int) -> int:
    """Two workers, one of which is killed and replaced again and again, until Apple has so many alerts
    or none waits; in the end both are killed. Returns how many died."""
    workers, kills = [fork_worker(), fork_worker()], 0
    while len(apple.taken) < until and waiting():
        goal = min(len(apple.taken) + random.randint(5, 25), until)
        wait_until(lambda goal=goal: len(apple.taken) >= goal or not waiting())
        os.kill(workers.pop(random.randrange(2)), signal.SIGKILL)
        kills += 1
        workers.append(fork_worker())
    for pid in workers:
        os.kill(pid, signal.SIGKILL)
    # What they had written by then has been read.
    wait_until(lambda: apple.server.open == 0)
    return kills + len(workers)


def test_nothing_is_lost_and_nothing_goes_to_a_revoked_device(apple, fork_worker):
    apple.server.seconds = 0.005
    tokens = {}
    for number in range(PEOPLE):
        person = cast.make_person(email=f"person-{number}@people.example")
        cast.join(cast.make_organization(f"Clinic {number}"), person)
        for _ in range(DEVICES):
            token = uuid.uuid4().hex * 2
            apple.devices[token] = "here"
            tokens[token] = sign_in_device(person, push={"service": "apns", "token": token}).authorization
        for _ in range(ALERTS):
            tell(person, uuid.uuid4())
    device_for = {str(delivery.id): delivery.recipient for delivery in queued()}
    assert len(device_for) == PEOPLE * DEVICES * ALERTS

    kills = kill_at_random(apple, fork_worker, until=len(device_for) // 3)
    revoked = random.sample(sorted(tokens), PEOPLE)
    for token in revoked:
        authorization = DeviceAuthorization.objects.get(pk=tokens[token].pk)
        actions.revoke(authorization=authorization, by=authorization.account, origin=SYSTEM)
    before = len(apple.server.requests)
    kills += kill_at_random(apple, fork_worker, until=10**6)

    assert not {device_of(request) for request in apple.server.requests[before:]} & set(revoked)
    sent = Counter(request.headers["apns-id"] for request in apple.taken)
    # Each came to the device that it was for, and to no other.
    assert all(
        str(tokens[device_of(request)].pk) == device_for[request.headers["apns-id"]]
        for request in apple.taken
    )
    gone = {str(tokens[token].pk) for token in revoked}
    states = {str(delivery.id): delivery.state for delivery in queued()}
    assert {name for name, state in states.items() if state == State.SENT} <= set(sent)
    assert {state for name, state in states.items() if device_for[name] not in gone} == {State.SENT}
    assert {state for name, state in states.items() if device_for[name] in gone} <= {
        State.SENT,
        State.DROPPED,
    }
    assert State.DROPPED in states.values()
    assert kills >= 6
    # Only what a worker had taken up when it died, or its lease ended, came twice: under the same id.
    assert sum(sent.values()) - len(sent) <= kills * taking.BATCH
