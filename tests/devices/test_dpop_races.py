"""Proofs and sign-ins that many present at once, in threads and in two processes."""

import json
import shutil
import socket
import subprocess
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.core.cache import cache
from django.db import connection

from devices import actions, dpop
from devices.models import DeviceAuthorization, Token
from medimic.audit.log import SYSTEM
from tests.accounts.phones import signed_in
from tests.devices.kit import call, facts, link_for, token_in
from tests.devices.proofs import ProofKey, sign_in_bound
from tests.processes import start

pytestmark = pytest.mark.django_db(transaction=True)
AT_ONCE = 20
DEVICE = "/api/device"


@pytest.fixture(autouse=True)
def _fresh_store(db):
    cache.clear()


@pytest.fixture
def key() -> ProofKey:
    return ProofKey()


def at_once(ask, number: int = AT_ONCE) -> Counter:
    """How often each answer came to so many calls at the same instant."""
    begin = threading.Barrier(number)

    def run(index: int) -> str:
        try:
            begin.wait()
            response = ask(index)
            return "won" if response.status_code < 300 else response.json()["code"]
        finally:
            connection.close()

    with ThreadPoolExecutor(number) as pool:
        return Counter(pool.map(run, range(number)))


class TestOneProof:
    def test_at_once_gets_one_call_through(self, outsider, key):
        token = sign_in_bound(outsider, key).tokens.access_token
        proof = key.proof("get", DEVICE, token)
        outcome = at_once(lambda _: key.call("get", "device", token=token, proof=proof))
        assert outcome == {"won": 1, "dpop_replayed": AT_ONCE - 1}

    def test_at_once_refreshes_once(self, outsider, key):
        token = sign_in_bound(outsider, key).tokens.refresh_token
        proof = key.proof("post", "/api/token")
        outcome = at_once(lambda _: key.refresh(token, proof=proof))
        assert outcome == {"won": 1, "dpop_replayed": AT_ONCE - 1}
        assert Token.objects.filter(kind="refresh", ended_at=None, rotated_at=None).count() == 1

    def test_at_once_signs_one_device_in(self, outsider, key):
        body = {"token": token_in(link_for(outsider).link), "device": facts()}
        proof = key.proof("post", "/api/device-login")
        outcome = at_once(lambda _: key.call("post", "device-login", body, proof=proof))
        assert outcome == {"won": 1, "dpop_replayed": AT_ONCE - 1}

    def test_looked_up_and_then_kept_would_let_several_through(self, outsider, key, monkeypatch):
        token = sign_in_bound(outsider, key).tokens.access_token
        proof, number = key.proof("get", DEVICE, token), 8
        all_have_looked = threading.Barrier(number)

        def naive(name):
            known = cache.get(name)
            all_have_looked.wait()
            cache.set(name, 1, dpop.KEPT)
            return known is None

        monkeypatch.setattr(dpop, "_add", naive)
        outcome = at_once(lambda _: key.call("get", "device", token=token, proof=proof), number)
        assert outcome == {"won": number}


def test_a_proof_of_its_own_each_gets_every_call_through(outsider, key):
    token = sign_in_bound(outsider, key).tokens.access_token
    outcome = at_once(lambda _: key.call("get", "device", token=token))
    assert outcome == {"won": AT_ONCE}


class TestOneSignIn:
    """Made on a phone, and presented in place of a link."""

    def test_signs_one_of_many_devices_in(self, outsider):
        proof = signed_in(outsider)
        bodies = [{"sign_in_proof": proof, "device": facts()} for _ in range(AT_ONCE)]
        outcome = at_once(lambda i: call("post", "device-login", bodies[i]))
        assert outcome == {"won": 1, "sign_in_used": AT_ONCE - 1}
        assert DeviceAuthorization.objects.count() == 1

    def test_leaves_one_living_pair_to_a_device_that_asks_often(self, outsider, key):
        body = {"sign_in_proof": signed_in(outsider), "device": facts()}
        outcome = at_once(lambda _: key.call("post", "device-login", body))
        # The first answer, and the one repetition for an answer that was lost.
        assert outcome == {"won": 2, "sign_in_used": AT_ONCE - 2}
        living = Token.objects.filter(ended_at=None, family__ended_at=None)
        assert sorted(living.values_list("kind", flat=True)) == ["access", "refresh"]

    def test_of_many_takes_the_last_place_once(self, outsider):
        for _ in range(2):
            sign_in_bound(outsider, ProofKey())
        cache.clear()
        proofs = [signed_in(outsider) for _ in range(AT_ONCE)]
        bodies = [{"sign_in_proof": proof, "device": facts()} for proof in proofs]
        outcome = at_once(lambda i: call("post", "device-login", bodies[i]))
        assert outcome == {"won": 1, "device_limit": AT_ONCE - 1}


class Worker:
    """Another process of the portal, which has answered before."""

    def __init__(self):
        self.process = start("tests.devices.children:answer")
        assert self.process.stdout.readline() == "ready\n"

    def ask(self, method, path, *, body=None, **headers):
        line = json.dumps({"method": method, "path": path, "headers": headers, "body": body})
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()
        told = json.loads(self.process.stdout.readline())
        return told["code"] or told["status"]

    def device(self, key, token, proof=None):
        proof = proof or key.proof("get", DEVICE, token)
        return self.ask("get", DEVICE, Authorization=f"DPoP {token}", DPoP=proof)


@pytest.fixture
def worker():
    worker = Worker()
    yield worker
    worker.process.stdin.close()
    worker.process.wait(20)
    worker.process.stdout.close()


class TestTwoProcesses:
    def test_take_one_proof_once_between_them(self, outsider, key, worker):
        token = sign_in_bound(outsider, key).tokens.access_token
        assert worker.device(key, token) == 200
        for first_here in (True, False):
            proof = key.proof("get", DEVICE, token)

            def here(proof=proof):
                response = key.call("get", "device", token=token, proof=proof)
                return response.json().get("code") or response.status_code

            def there(proof=proof):
                return worker.device(key, token, proof)

            calls = (here, there) if first_here else (there, here)
            assert [ask() for ask in calls] == [200, "dpop_replayed"]

    def test_refuse_every_channel_at_once_after_a_revocation(self, outsider, key, worker):
        link = link_for(outsider)
        held = sign_in_bound(outsider, key)
        body = {"name": "Visit"}
        session = key.call("post", "sessions", body, token=held.tokens.access_token).json()
        path = f"/api/sessions/{session['id']}"

        def everything():
            token = session["session_token"]
            return [
                worker.device(key, held.tokens.access_token),
                worker.ask("get", path, Authorization=f"DPoP {token}", DPoP=key.proof("get", path, token)),
            ]

        assert everything() == [200, 200]
        actions.revoke(authorization=held.authorization, by=outsider, origin=SYSTEM)
        actions.revoke(authorization=link.authorization, by=outsider, origin=SYSTEM)
        assert everything() == ["device_revoked"] * 2
        grant = {"grant_type": "refresh_token", "refresh_token": held.tokens.refresh_token}
        proof = key.proof("post", "/api/token")
        assert worker.ask("post", "/api/token", body=grant, DPoP=proof) == "device_revoked"
        pending = {"token": token_in(link.link), "device": facts()}
        assert worker.ask("post", "/api/device-login", body=pending) == "registration_cancelled"

    def test_end_a_sign_in_on_a_phone_for_both(self, outsider, worker):
        proof = signed_in(outsider)
        path = "/api/sign-in/session"
        assert worker.ask("get", path, **{"X-Session-Token": proof}) == 200
        body = {"sign_in_proof": proof, "device": facts()}
        assert call("post", "device-login", body).status_code == 200
        assert worker.ask("get", path, **{"X-Session-Token": proof}) == 410
        other = {"sign_in_proof": proof, "device": facts()}
        assert worker.ask("post", "/api/device-login", body=other) == "sign_in_used"


@pytest.fixture
def redis(settings, tmp_path):
    """A Redis of our own in the place of the cache."""
    binary = shutil.which("redis-server")
    if binary is None:
        pytest.skip("redis-server is not on this machine")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    server = subprocess.Popen(
        [binary, "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", str(tmp_path)],
        stdout=subprocess.DEVNULL,
    )
    settings.CACHES = {
        "default": {
            "BACKEND": "django.core.cache.backends.redis.RedisCache",
            "LOCATION": f"redis://127.0.0.1:{port}/0",
        }
    }
    try:
        _wait_for(port)
        yield server
    finally:
        server.kill()
        server.wait()


def _wait_for(port: int) -> None:
    for _ in range(100):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise AssertionError("Redis did not start")


class TestRedis:
    def test_gets_one_call_through(self, redis, outsider, key):
        token = sign_in_bound(outsider, key).tokens.access_token
        proof = key.proof("get", DEVICE, token)
        outcome = at_once(lambda _: key.call("get", "device", token=token, proof=proof))
        assert outcome == {"won": 1, "dpop_replayed": AT_ONCE - 1}

    def test_that_stopped_lets_nobody_through(self, redis, outsider, key):
        token = sign_in_bound(outsider, key).tokens.access_token
        redis.kill()
        redis.wait()
        response = key.call("get", "device", token=token)
        assert (response.status_code, response.json()["code"]) == (503, "unavailable")
