import base64
import datetime as dt
import json
import time
import uuid

import pytest
from django.core.cache import cache
from django.test import Client
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from joserfc.jwk import ECKey, OctKey, RSAKey

from devices import tokens
from devices.models import DeviceAuthorization, Registration, Token, TokenFamily
from sessions_app.models import Visit
from tests.devices.kit import (
    call,
    events,
    facts,
    link_for,
    log_in,
    public_key,
    refused,
    sign_in_device,
    token_in,
)
from tests.devices.proofs import PORTAL, ProofKey, sign_in_bound

pytestmark = pytest.mark.django_db
DEVICE = "/api/device"


@pytest.fixture
def key() -> ProofKey:
    return ProofKey()


@pytest.fixture
def bound(provider, key) -> tokens.IssuedTokens:
    return sign_in_bound(provider, key).tokens


@pytest.fixture
def access(bound) -> str:
    return bound.access_token


def part(content) -> str:
    return base64.urlsafe_b64encode(json.dumps(content).encode()).rstrip(b"=").decode()


class TestSignIn:
    def test_with_a_proof_binds_the_tokens(self, provider, key):
        answer = key.log_in(token_in(link_for(provider).link)).json()
        assert answer["token_type"] == "DPoP"
        assert TokenFamily.objects.get().jkt == key.thumbprint
        assert key.call("get", "device", token=answer["access_token"]).json() == answer["device"]

    def test_without_a_proof_binds_nothing(self, provider):
        answer = log_in(token_in(link_for(provider).link)).json()
        assert answer["token_type"] == "Bearer"
        assert TokenFamily.objects.get().jkt == ""

    def test_with_a_wrong_proof_is_refused_and_leaves_the_link_good(self, provider, key):
        token = token_in(link_for(provider).link)
        body = {"token": token, "device": facts()}
        wrong = key.proof("post", DEVICE)
        assert refused(key.call("post", "device-login", body, proof=wrong), 401, "dpop_wrong_address")
        assert Registration.objects.good().exists()
        assert key.log_in(token).status_code == 200

    def test_answers_a_lost_answer_to_the_same_key_with_a_fresh_proof(self, provider, key):
        token, phone = token_in(link_for(provider).link), facts()
        lost = key.log_in(token, **phone).json()
        answer = key.log_in(token, **phone).json()
        assert answer["token_type"] == "DPoP"
        assert refused(key.call("get", "device", token=lost["access_token"]), 401, "token_ended")
        assert key.call("get", "device", token=answer["access_token"]).status_code == 200

    def test_does_not_answer_another_key_or_none(self, provider, key):
        token, phone = token_in(link_for(provider).link), facts(public_key=public_key())
        assert key.log_in(token, **phone).status_code == 200
        assert refused(ProofKey().log_in(token, **phone), 410, "registration_used")
        assert refused(log_in(token, **phone), 410, "registration_used")

    def test_does_not_take_the_name_of_the_key_for_the_key(self, provider, key):
        token, phone = token_in(link_for(provider).link), facts()
        assert key.log_in(token, **phone).status_code == 200
        named = {**phone, "public_key": key.public}
        assert refused(log_in(token, **named), 410, "registration_used")

    def test_by_replay_is_refused_and_ends_nothing(self, provider, key):
        token, phone = token_in(link_for(provider).link), facts()
        proof = key.proof("post", "/api/device-login")
        body = {"token": token, "device": phone}
        answer = key.call("post", "device-login", body, proof=proof).json()
        assert refused(key.call("post", "device-login", body, proof=proof), 401, "dpop_replayed")
        assert key.call("get", "device", token=answer["access_token"]).status_code == 200

    def test_without_a_link_spends_no_proof(self, key):
        proof = key.proof("post", "/api/device-login")
        body = {"token": "x" * 43, "device": facts()}
        for _ in range(2):
            response = key.call("post", "device-login", body, proof=proof)
            assert refused(response, 404, "registration_unknown")


class TestCall:
    """Each refusal has a code of its own."""

    def test_with_a_proof_is_answered_again_and_again(self, key, access):
        for _ in range(3):
            assert key.call("get", "device", token=access).status_code == 200

    def test_without_a_proof(self, key, access):
        assert refused(key.call("get", "device", token=access, proof=""), 401, "dpop_missing")

    def test_as_a_bearer(self, key, access):
        assert refused(call("get", "device", token=access), 401, "token_bound")
        proof = key.proof("get", DEVICE, access)
        with_proof = key.call("get", "device", token=access, proof=proof, scheme="Bearer")
        assert refused(with_proof, 401, "token_bound")

    def test_replayed(self, key, access):
        proof = key.proof("get", DEVICE, access)
        assert key.call("get", "device", token=access, proof=proof).status_code == 200
        assert refused(key.call("get", "device", token=access, proof=proof), 401, "dpop_replayed")

    def test_of_another_key_may_have_the_same_name(self, key, access, colleague):
        other = ProofKey()
        theirs = sign_in_bound(colleague, other).tokens.access_token
        assert other.call("get", "device", token=theirs, proof=other.proof("get", DEVICE, theirs, jti="one"))
        mine = key.call("get", "device", token=access, proof=key.proof("get", DEVICE, access, jti="one"))
        assert mine.status_code == 200

    def test_by_another_key(self, access):
        assert refused(ProofKey().call("get", "device", token=access), 401, "dpop_other_key")

    def test_of_another_method(self, key, access):
        proof = key.proof("post", DEVICE, access)
        assert refused(key.call("get", "device", token=access, proof=proof), 401, "dpop_wrong_method")

    def test_of_a_head(self, key, access):
        assert key.call("head", "device", token=access).status_code == 200

    @pytest.mark.parametrize(
        "address",
        [
            PORTAL + "/api/devices",
            PORTAL + "/api/device/",
            "https://localhost:8000/api/device",
            "http://localhost:8001/api/device",
            "http://portal.example/api/device",
            "http://localhost:8000@portal.example/api/device",
            "http://user@localhost:8000/api/device",
            "/api/device",
            "http://[/api/device",
            "http://localhost:port/api/device",
        ],
    )
    def test_of_another_address(self, key, access, address):
        proof = key.proof("get", DEVICE, access, htu=address)
        assert refused(key.call("get", "device", token=access, proof=proof), 401, "dpop_wrong_address")

    @pytest.mark.parametrize(
        "address",
        [
            "HTTP://LocalHost:8000/api/device",
            PORTAL + "/api/%64evice",
            PORTAL + "/api/device?page=2#top",
            "http://127.0.0.1:8000/api/device",
        ],
    )
    def test_of_the_same_address_in_other_words(self, key, access, address):
        proof = key.proof("get", DEVICE, access, htu=address)
        assert key.call("get", "device", token=access, proof=proof).status_code == 200

    def test_a_laptops_other_names_count_nowhere_else(self, key, access, settings):
        settings.PRODUCTION = True
        proof = key.proof("get", DEVICE, access, htu="http://127.0.0.1:8000/api/device")
        assert refused(key.call("get", "device", token=access, proof=proof), 401, "dpop_wrong_address")

    @pytest.mark.parametrize("seconds", [-61, -3600, 8, 3600, 10**400, -(10**400)])
    def test_of_another_time(self, key, access, seconds):
        proof = key.proof("get", DEVICE, access, iat=int(time.time()) + seconds)
        response = key.call("get", "device", token=access, proof=proof)
        assert refused(response, 401, "dpop_wrong_time")
        assert abs(response.json()["server_time"] - time.time()) < 5

    @pytest.mark.parametrize("seconds", [-55, 3])
    def test_of_nearly_this_time(self, key, access, seconds):
        proof = key.proof("get", DEVICE, access, iat=time.time() + seconds)
        assert key.call("get", "device", token=access, proof=proof).status_code == 200

    @pytest.mark.parametrize("wrong", [None, "", "x" * 43, "ü", "\ud800"])
    def test_for_another_token(self, key, access, wrong):
        proof = key.proof("get", DEVICE, access, ath=wrong)
        assert refused(key.call("get", "device", token=access, proof=proof), 401, "dpop_wrong_token")

    def test_with_a_bad_signature(self, key, access):
        proof = key.proof("get", DEVICE, access, signed_by=ProofKey().key)
        assert refused(key.call("get", "device", token=access, proof=proof), 401, "dpop_bad_signature")

    def test_of_an_unbound_token(self, key, provider):
        token = sign_in_device(provider).tokens.access_token
        assert refused(key.call("get", "device", token=token), 401, "token_unbound")

    def test_after_a_revocation_says_so(self, key, access, provider):
        row = DeviceAuthorization.objects.get()
        row.revoke(by=provider, reason=row.RevokedReason.SELF)
        assert refused(key.call("get", "device", token=access), 401, "device_revoked")

    def test_refused_leaves_the_token_unused(self, key, access):
        key.call("get", "device", token=access, proof="")
        ProofKey().call("get", "device", token=access)
        assert not Token.objects.exclude(first_used_at=None).exists()


class TestMalformed:
    @pytest.mark.parametrize(
        "header",
        [
            {"typ": "JWT"},
            {"typ": None},
            {"jwk": None},
            {"jwk": "key"},
            {"jwk": {}},
            {"jwk": {"kty": "EC", "crv": "P-256", "x": "A" * 43, "y": "A" * 43}},
            {"jwk": {"kty": "EC", "crv": "P-256", "x": 1, "y": []}},
            {"jwk": {"kty": "EC", "crv": "P-384", "x": "A" * 43, "y": "A" * 43}},
            {"crit": ["b64"], "b64": False},
        ],
    )
    def test_header(self, key, access, header):
        proof = key.proof("get", DEVICE, access, header=header)
        assert refused(key.call("get", "device", token=access, proof=proof), 401, "dpop_malformed")

    def test_private_key(self, key, access):
        whole = key.key.as_dict(private=True)
        proof = key.proof("get", DEVICE, access, header={"jwk": dict(whole)})
        assert refused(key.call("get", "device", token=access, proof=proof), 401, "dpop_malformed")

    def test_members_that_tell_nothing_are_no_harm(self, key, access):
        spoken = {**key.public, "ext": True, "key_ops": ["verify"]}
        proof = key.proof("get", DEVICE, access, header={"jwk": spoken})
        assert key.call("get", "device", token=access, proof=proof).status_code == 200

    @pytest.mark.parametrize(
        "claims",
        [
            {"jti": None},
            {"jti": ""},
            {"jti": 7},
            {"jti": "x" * 257},
            {"jti": "\ud800"},
            {"htm": None},
            {"htm": ["GET"]},
            {"htu": None},
            {"htu": {"path": DEVICE}},
            {"iat": None},
            {"iat": "now"},
            {"iat": True},
            {"iat": float("nan")},
            {"iat": float("inf")},
            {"ath": 1},
        ],
    )
    def test_claims(self, key, access, claims):
        proof = key.proof("get", DEVICE, access, **claims)
        assert refused(key.call("get", "device", token=access, proof=proof), 401, "dpop_malformed")

    @pytest.mark.parametrize(
        ("algorithm", "signer"),
        [
            ("HS256", OctKey.generate_key(256)),
            ("RS256", RSAKey.generate_key(2048, auto_kid=False)),
            ("ES384", ECKey.generate_key("P-384")),
            ("none", None),
        ],
    )
    def test_algorithm(self, key, access, algorithm, signer):
        whole = key.proof("get", DEVICE, access)
        if algorithm == "none":
            proof = ".".join(
                [part({"typ": "dpop+jwt", "alg": "none", "jwk": key.public}), whole.split(".")[1], ""]
            )
        else:
            proof = key.proof("get", DEVICE, access, algorithm=algorithm, signed_by=signer)
        assert refused(key.call("get", "device", token=access, proof=proof), 401, "dpop_malformed")

    def test_two_proofs(self, key, access):
        two = ",".join(key.proof("get", DEVICE, access) for _ in range(2))
        assert refused(key.call("get", "device", token=access, proof=two), 401, "dpop_malformed")

    @pytest.mark.parametrize(
        "text",
        [" ", "x", "a.b.c", "." * 2, "é.é.é", "A" * 5000, f"{part('[' * 900)}.x.x", "e30.e30.e30"],
    )
    def test_text(self, key, access, text):
        assert refused(key.call("get", "device", token=access, proof=text), 401, "dpop_malformed")

    def test_deep_nesting(self, key, access):
        head, _payload, signature = key.proof("get", DEVICE, access).split(".")
        deep = base64.urlsafe_b64encode(b"[" * 2400).rstrip(b"=").decode()
        text = f"{head}.{deep}.{signature}"
        assert refused(key.call("get", "device", token=access, proof=text), 401, "dpop_malformed")

    @settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(place=st.integers(0, 520), sign=st.characters(min_codepoint=33, max_codepoint=126))
    def test_one_changed_sign(self, key, access, place, sign):
        proof = key.proof("get", DEVICE, access)
        place %= len(proof)
        changed = proof[:place] + sign + proof[place + 1 :]
        response = key.call("get", "device", token=access, proof=changed)
        assert response.status_code == (200 if changed == proof else 401)


class TestRefresh:
    def test_needs_a_proof_by_the_same_key_and_keeps_it(self, key, bound):
        answer = key.refresh(bound.refresh_token).json()
        assert answer["token_type"] == "DPoP"
        assert key.call("get", "device", token=answer["access_token"]).status_code == 200
        assert refused(call("get", "device", token=answer["access_token"]), 401, "token_bound")

    def test_without_the_key_changes_nothing(self, key, bound):
        spent = bound.refresh_token
        assert refused(key.refresh(spent, proof=""), 401, "dpop_missing")
        assert refused(ProofKey().refresh(spent), 401, "dpop_other_key")
        assert key.refresh(spent).status_code == 200

    def test_stolen_and_used_without_the_key_does_not_end_the_family(self, key, bound):
        answer = key.refresh(bound.refresh_token).json()
        key.call("get", "device", token=answer["access_token"])
        assert refused(key.refresh(bound.refresh_token, proof=""), 401, "dpop_missing")
        assert refused(ProofKey().refresh(bound.refresh_token), 401, "dpop_other_key")
        assert key.call("get", "device", token=answer["access_token"]).status_code == 200

    def test_reused_with_the_key_ends_the_family(self, key, bound):
        answer = key.refresh(bound.refresh_token).json()
        key.call("get", "device", token=answer["access_token"])
        assert refused(key.refresh(bound.refresh_token), 401, "token_reused")
        assert refused(key.call("get", "device", token=answer["access_token"]), 401, "token_ended")
        assert len(events("devices.token_reused")) == 1

    def test_with_a_lost_answer_works_once_more_with_a_fresh_proof(self, key, bound):
        lost, second = key.refresh(bound.refresh_token).json(), key.refresh(bound.refresh_token).json()
        assert refused(key.call("get", "device", token=lost["access_token"]), 401, "token_ended")
        assert key.call("get", "device", token=second["access_token"]).status_code == 200

    def test_replayed_ends_nothing(self, key, bound):
        proof = key.proof("post", "/api/token")
        answer = key.refresh(bound.refresh_token, proof=proof).json()
        assert refused(key.refresh(bound.refresh_token, proof=proof), 401, "dpop_replayed")
        assert key.call("get", "device", token=answer["access_token"]).status_code == 200

    def test_of_an_unbound_token_takes_no_proof(self, key, provider):
        token = sign_in_device(provider).tokens.refresh_token
        assert refused(key.refresh(token), 401, "token_unbound")


class TestSignOut:
    def test_needs_a_proof(self, key, bound):
        for token in (bound.access_token, bound.refresh_token):
            assert refused(call("post", "revoke", {"token": token}), 401, "dpop_missing")
        assert key.call("get", "device", token=bound.access_token).status_code == 200

    def test_with_a_proof_ends_all(self, key, bound):
        assert key.call("post", "revoke", {"token": bound.refresh_token}).status_code == 200
        assert refused(key.call("get", "device", token=bound.access_token), 401, "token_ended")

    def test_of_an_unknown_token_needs_none(self, db):
        assert call("post", "revoke", {"token": "x" * 43}).status_code == 200


class TestSession:
    def start(self, key, token, **rest):
        return key.call("post", "sessions", {"name": "Visit"}, token=token, **rest)

    def test_started_with_a_bound_token_has_a_bound_one(self, key, access):
        started = self.start(key, access).json()
        path, token = f"sessions/{started['id']}", started["session_token"]
        assert refused(call("get", path, token=token), 401, "token_bound")
        assert refused(ProofKey().call("get", path, token=token), 401, "dpop_other_key")
        assert key.call("get", path, token=token).json()["name"] == "Visit"
        assert key.call("post", f"{path}/end", token=token).json()["status"] == "ended"

    def test_started_with_a_bearer_token_has_a_bearer_one(self, provider):
        token = sign_in_device(provider).tokens.access_token
        started = call("post", "sessions", {"name": "Visit"}, token=token).json()
        path = f"sessions/{started['id']}"
        assert call("get", path, token=started["session_token"]).status_code == 200

    def test_a_session_tokens_key_is_asked_for_in_the_query_that_finds_it(
        self, key, provider, django_assert_num_queries
    ):
        row = sign_in_bound(provider, key).authorization
        ending = timezone.now() + dt.timedelta(hours=1)
        token = tokens.issue_session_token(row, uuid.uuid4(), uuid.uuid4(), ending, key.thumbprint)
        asked = []
        tokens.authenticate(token, Token.Kind.SESSION, prove=asked.append)
        with django_assert_num_queries(1):
            tokens.authenticate(token, Token.Kind.SESSION, prove=asked.append)
        assert asked == [key.thumbprint] * 2


class TestGuest:
    def first(self, key, idempotency="", proof=None, phone=None):
        address = "/api/sessions"
        headers = {"DPoP": proof or key.proof("post", address)} if key else {}
        if idempotency:
            headers["Idempotency-Key"] = idempotency
        body = {"name": "Visit", "device": phone or facts()}
        return Client().post(address, body, content_type="application/json", headers=headers)

    def test_binds_its_tokens_with_its_first_call(self, db, key):
        answer = self.first(key).json()
        assert answer["tokens"]["token_type"] == "DPoP"
        token = answer["tokens"]["access_token"]
        assert key.call("get", "device", token=token).status_code == 200
        assert refused(call("get", "device", token=token), 401, "token_bound")
        session = f"sessions/{answer['id']}"
        assert refused(call("get", session, token=answer["session_token"]), 401, "token_bound")
        assert key.call("get", session, token=answer["session_token"]).status_code == 200

    def test_without_a_proof_binds_nothing(self, db):
        assert self.first(None).json()["tokens"]["token_type"] == "Bearer"

    def test_asks_again_with_a_fresh_proof(self, db, key):
        phone = facts()
        lost = self.first(key, "one", phone=phone).json()
        answer = self.first(key, "one", phone=phone).json()
        assert answer["id"] == lost["id"]
        assert key.call("get", "device", token=answer["tokens"]["access_token"]).status_code == 200
        assert Visit.objects.count() == 1

    def test_gives_nothing_to_another_key(self, db, key):
        phone = facts()
        answer = self.first(key, "one", phone=phone).json()
        for other in (ProofKey(), None):
            assert refused(self.first(other, "one", phone=phone), 422, "idempotency_mismatch")
        assert key.call("get", "device", token=answer["tokens"]["access_token"]).status_code == 200

    def test_replayed_is_refused(self, db, key):
        proof = key.proof("post", "/api/sessions")
        assert self.first(key, proof=proof).status_code == 201
        assert refused(self.first(key, proof=proof), 401, "dpop_replayed")


class TestChallenge:
    """WWW-Authenticate as RFC 9449 has it."""

    def test_of_a_refused_proof(self, key, access):
        header = key.call("get", "device", token=access, proof="")["WWW-Authenticate"]
        assert header == 'DPoP error="invalid_dpop_proof", error_description="dpop_missing", algs="ES256"'

    def test_of_a_bound_token_as_a_bearer(self, access):
        header = call("get", "device", token=access)["WWW-Authenticate"]
        assert header == 'DPoP error="invalid_token", error_description="token_bound", algs="ES256"'

    def test_of_a_token_that_is_over(self, key, bound):
        key.call("post", "revoke", {"token": bound.refresh_token})
        header = key.call("get", "device", token=bound.access_token)["WWW-Authenticate"]
        assert header == 'DPoP error="invalid_token", error_description="token_ended", algs="ES256"'

    def test_of_a_bearer_stays(self, db):
        assert call("get", "device", token="x" * 43)["WWW-Authenticate"] == 'Bearer error="token_unknown"'


class TestCache:
    """Where the store of spent proofs does not answer, nobody gets through."""

    @pytest.fixture
    def broken(self, monkeypatch):
        def fail(*args, **kwargs):
            raise ConnectionError("no cache")

        monkeypatch.setattr("devices.dpop.cache.add", fail, raising=False)

    @pytest.fixture
    def silent(self, monkeypatch):
        """A table that could not be written to says no, and holds nothing."""
        monkeypatch.setattr("devices.dpop.cache.add", lambda *args, **kwargs: False, raising=False)

    @pytest.mark.parametrize("how", ["broken", "silent"])
    def test_every_bound_call_ends_in_503(self, key, bound, provider, request, how):
        link = token_in(link_for(provider).link)
        request.getfixturevalue(how)
        answers = [
            key.call("get", "device", token=bound.access_token),
            key.refresh(bound.refresh_token),
            key.call("post", "revoke", {"token": bound.refresh_token}),
            key.log_in(link),
        ]
        for answer in answers:
            assert refused(answer, 503, "unavailable")
            assert answer["Retry-After"]
        assert Registration.objects.good().exists()
        assert not Token.objects.exclude(rotated_at=None, ended_at=None).exists()

    def test_what_it_keeps_names_no_key_and_no_proof(self, key, access):
        proof = key.proof("get", DEVICE, access, jti="tell-tale")
        key.call("get", "device", token=access, proof=proof)
        from django.db import connection

        with connection.cursor() as cursor:
            cursor.execute("SELECT cache_key FROM medimic_cache")
            kept = [row[0] for row in cursor.fetchall()]
        assert any("dpop-" in name for name in kept)
        assert not any("tell-tale" in name or key.thumbprint in name for name in kept)
        cache.clear()
