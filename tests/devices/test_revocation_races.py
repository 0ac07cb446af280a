"""A revocation between two requests: the very next one is refused, in every worker and on every channel."""

import json
import threading
import time

import pytest
from django.db import connection

from devices import actions, tokens
from devices.models import DeviceAuthorization, Token
from devices.schemas import DevicePatch
from medimic.audit.log import SYSTEM
from medimic.problems import Problem
from tests.devices.kit import call, facts, link_for, log_in, push, sign_in_device, token_in
from tests.devices.test_receipt import LIST, browser_on, refresh
from tests.processes import start

pytestmark = pytest.mark.django_db(transaction=True)
WORKERS = 2


def revoke(row) -> bool:
    return actions.revoke(authorization=row, by=row.account, origin=SYSTEM)


class TestWorkers:
    """Processes of their own, each with its connection and whatever it has cached."""

    @pytest.fixture
    def workers(self):
        children = [start("tests.devices.children:answer") for _ in range(WORKERS)]
        for child in children:
            assert child.stdout.readline() == "ready\n"
        yield children
        for child in children:
            child.stdin.close()
            child.wait(timeout=20)
            child.stdout.close()

    def ask(self, worker, method: str, path: str, *, token: str = "", cookie: str = "", body=None) -> tuple:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        if cookie:
            headers["Cookie"] = cookie
        call = {"method": method, "path": path, "headers": headers, "body": body}
        worker.stdin.write(json.dumps(call) + "\n")
        worker.stdin.flush()
        answer = json.loads(worker.stdout.readline())
        return answer["status"], answer["code"]

    def test_each_refuses_the_very_next_call(self, workers, outsider):
        phone = sign_in_device(outsider, push=push())
        access = phone.tokens.access_token
        visit = call("post", "sessions", {"name": "Visit"}, token=access).json()
        browser = browser_on(phone.authorization)
        cookie = f"sign-in={browser.cookies['sign-in'].value}"
        pending = link_for(outsider)

        def ask_all(worker) -> dict:
            return {
                "access": self.ask(worker, "get", "/api/device", token=access),
                "session": self.ask(
                    worker, "get", f"/api/sessions/{visit['id']}", token=visit["session_token"]
                ),
                "browser": self.ask(worker, "get", LIST, cookie=cookie),
            }

        good = {"access": (200, None), "session": (200, None), "browser": (200, None)}
        for worker in workers * 3:
            assert ask_all(worker) == good

        revoke(phone.authorization)
        revoke(pending.authorization)
        ended = {
            "access": (401, "device_revoked"),
            "session": (401, "device_revoked"),
            "browser": (302, None),
        }
        spent = {"grant_type": "refresh_token", "refresh_token": phone.tokens.refresh_token}
        late = {"token": token_in(pending.link), "device": facts()}
        for worker in workers:
            assert ask_all(worker) == ended
            assert self.ask(worker, "post", "/api/token", body=spent) == (401, "device_revoked")
            assert self.ask(worker, "post", "/api/device-login", body=late) == (410, "registration_cancelled")


class TestWhileOthersCall:
    """Calls without a pause on every channel; whichever begins after the revocation is refused."""

    def accepted_after(self, row, channels) -> dict[str, tuple[bool, bool]]:
        """For each channel, whether a call was accepted before the revocation, and whether one was after."""
        stop = threading.Event()
        accepted = {name: [] for name in channels}

        def run(name: str, ask) -> None:
            try:
                while not stop.is_set():
                    began = time.monotonic()
                    if ask():
                        accepted[name].append(began)
            finally:
                connection.close()

        threads = [threading.Thread(target=run, args=item) for item in channels.items()]
        for thread in threads:
            thread.start()
        deadline = time.monotonic() + 20
        while not all(accepted.values()) and time.monotonic() < deadline:
            time.sleep(0.01)
        revoke(row)
        revoked_at = time.monotonic()
        time.sleep(0.5)
        stop.set()
        for thread in threads:
            thread.join()
        return {
            name: (bool(began), any(instant > revoked_at for instant in began))
            for name, began in accepted.items()
        }

    def test_none_gets_through(self, outsider):
        phone = sign_in_device(outsider, push=push())
        row, access = phone.authorization, phone.tokens.access_token
        visit = call("post", "sessions", {"name": "Visit"}, token=access).json()
        browser = browser_on(row)
        newest = [phone.tokens.refresh_token]

        def rotate() -> bool:
            response = refresh(newest[0])
            if response.status_code == 200:
                newest[0] = response.json()["refresh_token"]
            return response.status_code == 200

        def believe_what_was_once_true(known={}) -> bool:  # noqa: B006 that is the point
            if "token" not in known:
                known["token"] = tokens.authenticate(access, Token.Kind.ACCESS)
            return known["token"].authorization.revoked_at is None

        outcome = self.accepted_after(
            row,
            {
                "access": lambda: call("get", "device", token=access).status_code == 200,
                "session": lambda: (
                    call("get", f"sessions/{visit['id']}", token=visit["session_token"]).status_code == 200
                ),
                "refresh": rotate,
                "push": lambda: call("patch", "device", {"push": push()}, token=access).status_code == 200,
                "browser": lambda: browser.get(LIST).status_code == 200,
                "naive": believe_what_was_once_true,
            },
        )
        # The control shows that this would be seen.
        assert outcome.pop("naive") == (True, True)
        assert set(outcome.values()) == {(True, False)}
        row.refresh_from_db()
        assert (row.push_service, row.push_hash, row.push_token) == ("", "", "")

    def test_no_route_is_left_by_a_change_that_was_let_in_just_before(self, outsider):
        """The phone was authenticated; then came the revocation; then it writes its push token."""
        phone = sign_in_device(outsider)
        let_in = tokens.authenticate(phone.tokens.access_token, Token.Kind.ACCESS).authorization
        revoke(DeviceAuthorization.objects.get(pk=let_in.pk))
        changes = DevicePatch.model_validate({"push": push(), "name": "Mine", "app_version": "9.9"})
        with pytest.raises(Problem) as caught:
            actions.update_record(authorization=let_in, changes=changes, origin=SYSTEM)
        assert caught.value.code == "device_revoked"
        row = DeviceAuthorization.objects.select_related("device").get()
        assert (row.push_hash, row.name, row.device.app_version) == ("", "", "3.2.0")

    def test_a_sign_in_at_the_same_instant_wins_or_loses_whole(self, outsider):
        """A link that is used while it is cancelled."""
        for _ in range(5):
            issued = link_for(outsider)
            answers = []
            threads = [
                threading.Thread(target=_sign_in, args=(token_in(issued.link), answers)),
                threading.Thread(target=_revoke, args=(issued.authorization,)),
            ]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            row = DeviceAuthorization.objects.get(pk=issued.authorization.pk)
            assert row.revoked_at is not None
            if answers[0].status_code == 200:
                token = answers[0].json()["access_token"]
                assert call("get", "device", token=token).json()["code"] == "device_revoked"
                assert row.receipt.access_tokens == 1
            else:
                assert answers[0].json()["code"] == "registration_cancelled"
                assert row.receipt.pending_registrations == 1


def _sign_in(token: str, answers: list) -> None:
    try:
        answers.append(log_in(token))
    finally:
        connection.close()


def _revoke(row) -> None:
    try:
        revoke(row)
    finally:
        connection.close()
