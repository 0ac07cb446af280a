"""OpenID Connect providers as the environment names them, and what their tokens must say."""

import base64
import hmac
import time

import environ
import pytest
from django.core.exceptions import ImproperlyConfigured
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import RSAKey

from accounts.oidc import id_tokens
from accounts.oidc.provider import OpenIdConnect
from medimic.identity_providers import providers

pytestmark = pytest.mark.once
CLINIC = {
    "OIDC_PROVIDERS": "clinic",
    "OIDC_CLINIC_ISSUER": "https://id.clinic.example/",
    "OIDC_CLINIC_CLIENT_ID": "portal",
    "OIDC_CLINIC_CLIENT_SECRET": "s3cret",
}


def read(monkeypatch, **variables: str) -> list[dict]:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    return providers(environ.Env(), "OIDC_PROVIDERS")


class TestTheConfiguration:
    def test_names_none_by_default(self, monkeypatch):
        assert read(monkeypatch) == []

    def test_takes_an_issuer(self, monkeypatch):
        [clinic] = read(monkeypatch, **CLINIC, OIDC_CLINIC_DOMAINS="Clinic.example, ward.example")
        assert (clinic["provider_id"], clinic["name"]) == ("clinic", "Clinic")
        assert clinic["settings"] == {
            "server_url": "https://id.clinic.example",
            "tenant": "",
            "domains": ["clinic.example", "ward.example"],
        }

    def test_takes_entra_by_its_tenant_and_several_at_once(self, monkeypatch):
        found = read(
            monkeypatch,
            **CLINIC
            | {
                "OIDC_PROVIDERS": "clinic,our-entra",
                "OIDC_OUR_ENTRA_TENANT": "contoso.example",
                "OIDC_OUR_ENTRA_CLIENT_ID": "portal",
                "OIDC_OUR_ENTRA_CLIENT_SECRET": "s3cret",
                "OIDC_OUR_ENTRA_NAME": "Contoso",
            },
        )
        assert [(app["name"], app["settings"]["server_url"]) for app in found] == [
            ("Clinic", "https://id.clinic.example"),
            ("Contoso", "https://login.microsoftonline.com/contoso.example/v2.0"),
        ]

    @pytest.mark.parametrize(
        "changes",
        [
            {"OIDC_PROVIDERS": "Clinic!"},
            {"OIDC_PROVIDERS": "clinic,clinic"},
            {"OIDC_CLINIC_ISSUER": "http://id.clinic.example"},
            {"OIDC_CLINIC_ISSUER": "https://id.clinic.example/?a=b"},
            {"OIDC_CLINIC_ISSUER": ""},
            {"OIDC_CLINIC_TENANT": "contoso.example"},
            {"OIDC_CLINIC_ISSUER": "", "OIDC_CLINIC_TENANT": "common"},
            {"OIDC_CLINIC_ISSUER": "", "OIDC_CLINIC_TENANT": "Organizations"},
            {"OIDC_CLINIC_ISSUER": "", "OIDC_CLINIC_TENANT": "../evil"},
            {"OIDC_CLINIC_CLIENT_ID": ""},
            {"OIDC_CLINIC_CLIENT_SECRET": ""},
        ],
    )
    def test_is_refused_with_one_sentence_where_it_is_half(self, monkeypatch, changes):
        with pytest.raises(ImproperlyConfigured) as refusal:
            read(monkeypatch, **CLINIC | changes)
        assert str(refusal.value).startswith("OIDC_")
        assert str(refusal.value).count(".") == 1
        assert "s3cret" not in str(refusal.value)


KEY = RSAKey.generate_key(2048, {"kid": "one"})
KEYS = {"keys": [KEY.as_dict(private=False)]}


def token(key=KEY, header: dict | None = None, **changes) -> str:
    claims = {
        "iss": "https://id.clinic.example",
        "aud": "portal",
        "sub": "anna",
        "iat": int(time.time()),
        "exp": int(time.time()) + 300,
    }
    claims |= changes
    claims = {name: value for name, value in claims.items() if value is not None}
    header = {"alg": "RS256", "kid": "one"} | (header or {})
    return jwt.encode(header, claims, key, algorithms=["RS256", "HS256", "none"])


def claims_of(text: str, keys: dict = KEYS) -> dict:
    return id_tokens.claims_of(text, keys, issuer="https://id.clinic.example", client_id="portal")


class TestAnIdToken:
    def test_is_read_where_all_is_right(self):
        assert claims_of(token())["sub"] == "anna"
        assert claims_of(token(aud=["portal", "other"], azp="portal"))["sub"] == "anna"

    @pytest.mark.parametrize(
        "changes",
        [
            {"iss": "https://elsewhere.example"},
            {"aud": "other"},
            {"azp": "other"},
            {"exp": int(time.time()) - 3600},
            {"exp": None},
            {"sub": None},
            {"iat": None},
        ],
    )
    def test_is_refused_for_another_issuer_client_or_time(self, changes):
        with pytest.raises((JoseError, ValueError)):
            claims_of(token(**changes))

    def test_is_refused_by_another_key(self):
        with pytest.raises(JoseError):
            claims_of(token(RSAKey.generate_key(2048, {"kid": "one"})))

    def test_is_refused_with_the_public_key_as_a_shared_secret(self):
        header = base64.urlsafe_b64encode(b'{"alg":"HS256","kid":"one"}').rstrip(b"=").decode()
        signed = f"{header}.{token().split('.')[1]}"
        mac = hmac.digest(KEY.as_pem(private=False), signed.encode(), "sha256")
        forged = f"{signed}.{base64.urlsafe_b64encode(mac).rstrip(b'=').decode()}"
        with pytest.raises((JoseError, ValueError)):
            claims_of(forged)

    def test_is_refused_unsigned(self):
        unsigned = token(header={"alg": "RS256"}).rsplit(".", 1)[0] + "."
        with pytest.raises((JoseError, ValueError)):
            claims_of(unsigned)

    def test_without_a_key_s_name_is_read_by_the_only_key_alone(self):
        other = RSAKey.generate_key(2048, {"kid": "two"}).as_dict(private=False)
        nameless = jwt.encode({"alg": "RS256"}, claims_of(token()), KEY)
        assert claims_of(nameless)["sub"] == "anna"
        stripped = {name: value for name, value in KEYS["keys"][0].items() if name != "kid"}
        with pytest.raises(ValueError, match="no key"):
            claims_of(token(), {"keys": [stripped, other]})


class TestWhoSomebodyIs:
    def uid(self, tenant: str = "", **claims) -> str:
        provider = OpenIdConnect.__new__(OpenIdConnect)
        provider.app = type("App", (), {"settings": {"tenant": tenant}})()
        told = {"iss": "https://id.example", "sub": "1"} | claims
        return provider.extract_uid({"id_token": told, "claims": told})

    def test_follows_neither_the_address_nor_the_name(self):
        assert self.uid(email="a@x.example", name="A") == self.uid(email="b@x.example", name="B")

    def test_differs_by_issuer(self):
        assert self.uid(iss="https://other.example") != self.uid()

    def test_is_of_entra_the_tenant_and_the_object_whatever_the_sub(self):
        entra = {"tenant": "contoso", "tid": "t", "oid": "o"}
        assert self.uid(**entra, sub="for one client") == self.uid(**entra, sub="for another")
        assert self.uid(**entra | {"tid": "t2"}) != self.uid(**entra)
        with pytest.raises(KeyError):
            self.uid(tenant="contoso")

    @pytest.mark.parametrize(
        ("tenant", "claims", "is_verified"),
        [
            ("", {"email_verified": True}, True),
            ("", {"email_verified": "true"}, True),
            ("", {"email_verified": "false"}, False),
            ("", {}, False),
            ("contoso", {"email_verified": True}, False),
            ("contoso", {"xms_edov": True}, True),
            ("contoso", {"xms_edov": "1"}, True),
            ("contoso", {"xms_edov": False}, False),
        ],
    )
    def test_an_address_counts_as_verified_only_where_the_provider_may_say_so(
        self, tenant, claims, is_verified
    ):
        provider = OpenIdConnect.__new__(OpenIdConnect)
        provider.app = type("App", (), {"settings": {"tenant": tenant}})()
        [address] = provider.extract_email_addresses({"claims": claims | {"email": "a@x.example"}})
        assert address.verified is is_verified
