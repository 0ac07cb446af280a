"""Single sign-on, against a real OpenID Connect provider on loopback."""

import hashlib
import json
from base64 import urlsafe_b64encode
from urllib.parse import parse_qs, urlsplit

import pytest
from allauth.account.models import EmailAddress
from allauth.socialaccount.models import SocialAccount
from allauth.socialaccount.providers.oauth2.client import OAuth2Client
from django.test import Client
from django.urls import reverse
from joserfc.jwk import RSAKey

from accounts.models import Person
from accounts.oidc import id_tokens
from accounts.oidc.adapter import Adapter
from medimic.audit.models import AuditEvent
from tests.accounts.conftest import code_in, is_signed_in, kinds, link_in, mails
from tests.cast import PASSWORD
from tests.oidc.provider import Provider, running

pytestmark = [pytest.mark.django_db, pytest.mark.once]
LOGIN = "/accounts/oidc/clinic/login/"
ANNA = {
    "email": "anna@clinic.example",
    "email_verified": True,
    "given_name": "Anna",
    "family_name": "Nowak",
    "zoneinfo": "Europe/Warsaw",
}


@pytest.fixture(scope="module")
def provider_there() -> Provider:
    with running() as provider:
        yield provider


@pytest.fixture
def there(provider_there, settings) -> Provider:
    """The provider, configured under the name of "clinic"."""
    configure(settings, provider_there.url)
    return provider_there


def configure(settings, url: str, tenant: str = "") -> None:
    app = {
        "provider_id": "clinic",
        "name": "Lakeside ID",
        "client_id": "portal",
        "secret": "not a secret",
        "settings": {"server_url": url, "tenant": tenant},
    }
    settings.SOCIALACCOUNT_PROVIDERS = {"openid_connect": {"APPS": [app]}}


def begin(client: Client, process: str = "login") -> str:
    """The address at the provider that the portal leads to."""
    answer = client.post(f"{LOGIN}?process={process}")
    assert answer.status_code == 200, answer
    assert f'content="0; url={answer.context["url"]}"'.replace("&", "&amp;") in answer.content.decode()
    return answer.context["url"]


def come_back(client: Client, location: str):
    parts = urlsplit(location)
    assert f"{parts.scheme}://{parts.netloc}" == "http://localhost:8000"
    return client.get(f"{parts.path}?{parts.query}")


def through(there: Provider, sub: str, client: Client | None = None, process: str = "login"):
    """Sign in there as `sub`; the browser, and the portal's last answer."""
    client = client or Client()
    return client, come_back(client, there.authorize(begin(client, process), sub))


def connect(person: Person, there: Provider, sub: str) -> Client:
    client = Client()
    client.post(reverse("account_login"), {"login": person.email, "password": PASSWORD})
    _client, answer = through(there, sub, client, "connect")
    assert answer.status_code == 302, answer.content.decode()
    return client


class TestTheSignInPage:
    def test_offers_the_providers_of_the_configuration(self, client, there):
        page = client.get(reverse("account_login")).content.decode()
        assert "Sign in with Lakeside ID" in page
        assert f'action="{LOGIN}?process=login"' in page

    def test_offers_none_without_one(self, client, db):
        assert "Sign in with" not in client.get(reverse("account_login")).content.decode()

    def test_leads_on_by_post_alone(self, client, there):
        asked = client.get(LOGIN)
        assert asked.status_code == 200
        assert "url" not in asked.context
        assert Client(enforce_csrf_checks=True).post(LOGIN).status_code == 403

    def test_leads_with_state_nonce_and_challenge_and_nothing_of_a_stranger_s(self, client, there):
        answer = client.post(f"{LOGIN}?process=login&scope=admin&auth_params=prompt%3Dnone")
        asked = {name: values[0] for name, values in parse_qs(urlsplit(answer.context["url"]).query).items()}
        assert asked.keys() == {
            "client_id", "redirect_uri", "scope", "response_type", "state", "nonce",
            "code_challenge", "code_challenge_method",
        }  # fmt: skip
        assert set(asked["scope"].split()) == {"openid", "profile", "email"}
        assert asked["code_challenge_method"] == "S256"
        assert asked["redirect_uri"] == f"http://localhost:8000{LOGIN}callback/"

    def test_an_unknown_provider_is_not_there(self, client, there):
        assert client.get("/accounts/oidc/other/login/").status_code == 404
        assert client.get("/accounts/oidc/other/login/callback/").status_code == 404

    def test_no_row_of_a_table_makes_a_provider(self, client, there):
        from allauth.socialaccount.models import SocialApp

        SocialApp.objects.create(
            provider="openid_connect",
            provider_id="planted",
            client_id="x",
            name="Planted",
            settings={"server_url": there.url},
        )
        assert client.get("/accounts/oidc/planted/login/").status_code == 404
        assert "Planted" not in client.get(reverse("account_login")).content.decode()


class TestSomebodyNew:
    def test_becomes_a_person_with_what_the_provider_tells(self, there):
        client, answer = through(there, there.user("anna", **ANNA))
        assert answer.url == "/"
        assert is_signed_in(client)
        person = Person.objects.get(email="anna@clinic.example")
        assert (person.get_full_name(), person.time_zone) == ("Anna Nowak", "Europe/Warsaw")
        assert not person.has_usable_password()
        assert EmailAddress.objects.get(user=person).verified
        assert kinds(person) == ["accounts.signed_up", "accounts.signed_in"]
        event = AuditEvent.objects.get(kind="accounts.signed_in")
        assert json.loads(event.details)["provider"] == "clinic"

    def test_is_known_again_by_what_the_provider_calls_them(self, there):
        through(there, there.user("berta", **ANNA | {"email": "berta@clinic.example"}))
        there.user("berta", **ANNA | {"email": "moved@clinic.example"})
        client, _answer = through(there, "berta")
        assert is_signed_in(client)
        assert Person.objects.filter(email__endswith="@clinic.example").count() == 1

    def test_is_asked_for_what_is_missing(self, there):
        sub = there.user("carl", email="carl@clinic.example", email_verified=True)
        client, answer = through(there, sub)
        assert answer.url == reverse("socialaccount_signup")
        assert not Person.objects.filter(email="carl@clinic.example").exists()
        form = {"email": "carl@clinic.example", "first_name": "Carl", "last_name": "Vogel"}
        client.post(answer.url, form)
        assert is_signed_in(client)
        assert Person.objects.get(email="carl@clinic.example").get_full_name() == "Carl Vogel"

    def test_whose_address_the_provider_does_not_vouch_for_proves_it_by_a_code(self, there):
        for claim in (False, "false", None):
            sub = there.user(
                f"dora-{claim}", **ANNA | {"email": f"d{claim}@clinic.example", "email_verified": claim}
            )
            client, _answer = through(there, sub)
            assert not is_signed_in(client)
        code = code_in(mails("email_confirmation_signup")[-1])
        client.post(reverse("account_email_verification_sent"), {"code": code})
        assert is_signed_in(client)

    def test_has_an_account_or_none_when_the_log_cannot_be_written(self, there, monkeypatch):
        def broken(*args, **kwargs):
            raise OSError

        sub = there.user("erik", **ANNA | {"email": "erik@clinic.example"})
        client = Client(raise_request_exception=False)
        location = there.authorize(begin(client), sub)
        monkeypatch.setattr("accounts.listeners.record", broken)
        assert come_back(client, location).status_code == 500
        assert not Person.objects.filter(email="erik@clinic.example").exists()
        assert not SocialAccount.objects.exists()


class TestAnAccountThatExists:
    @pytest.mark.parametrize("vouched", [True, False])
    def test_is_not_taken_over_by_its_address(self, there, provider, vouched):
        sub = there.user(f"thief-{vouched}", **ANNA | {"email": provider.email, "email_verified": vouched})
        client, _answer = through(there, sub)
        assert not is_signed_in(client)
        assert not SocialAccount.objects.exists()
        # Whoever has the mailbox learns of it, and nobody else does.
        assert mails("account_already_exists")[-1]["to"] == provider.email

    def test_is_connected_from_within_and_told(self, there, provider):
        sub = there.user("paula", **ANNA)
        connect(provider, there, sub)
        assert SocialAccount.objects.get().user == provider
        assert "accounts.sign_on_connected" in kinds(provider)
        assert "Lakeside ID signs you in now" in mails("account_connected")[0]["subject"]
        client, _answer = through(there, sub)
        assert is_signed_in(client)
        assert kinds(provider)[-1] == "accounts.signed_in"
        # Its address stays its own.
        provider.refresh_from_db()
        assert provider.email == "provider@people.example"

    def test_finds_the_way_to_it_on_security(self, there, provider, sign_in):
        page = sign_in(provider).get(reverse("security")).content.decode()
        assert "Not connected" in page
        assert reverse("socialaccount_connections") in page
        connect(provider, there, there.user("seen", **ANNA))
        page = sign_in(provider).get(reverse("security")).content.decode()
        assert "Not connected" not in page

    def test_is_connected_only_after_a_confirmation_of_just_now(self, there, provider, sign_in):
        _client, answer = through(there, there.user("late", **ANNA), sign_in(provider), "connect")
        assert answer.url.startswith(reverse("account_reauthenticate"))
        assert not SocialAccount.objects.exists()

    def test_is_not_connected_by_somebody_signed_out(self, there, client):
        assert client.post(f"{LOGIN}?process=connect").url == reverse("account_login")

    def test_one_there_signs_one_person_in(self, there, provider, colleague):
        sub = there.user("shared", **ANNA)
        connect(provider, there, sub)
        connect(colleague, there, sub)
        assert SocialAccount.objects.get().user == provider

    def test_is_disconnected_again_and_told(self, there, provider):
        client = connect(provider, there, there.user("gone", **ANNA))
        client.post(reverse("socialaccount_connections"), {"account": SocialAccount.objects.get().pk})
        assert not SocialAccount.objects.exists()
        assert len(mails("account_disconnected")) == 1
        assert kinds(provider)[-1] == "accounts.sign_on_disconnected"

    def test_without_a_password_the_last_one_stays(self, there):
        client, _answer = through(there, there.user("only", **ANNA | {"email": "only@clinic.example"}))
        client.post(reverse("socialaccount_connections"), {"account": SocialAccount.objects.get().pk})
        assert SocialAccount.objects.exists()

    def test_is_still_asked_for_its_second_factor(self, there, provider, enrol):
        sub = there.user("factor", **ANNA)
        connect(provider, there, sub)
        app = enrol(provider)
        client, answer = through(there, sub)
        assert answer.url == reverse("mfa_authenticate")
        assert not is_signed_in(client)
        client.post(answer.url, {"code": app.code()})
        assert is_signed_in(client)
        assert "otp_device_id" in client.session

    def test_that_is_closed_stays_closed(self, there, provider):
        sub = there.user("closed", **ANNA)
        connect(provider, there, sub)
        Person.objects.filter(pk=provider.pk).update(is_active=False)
        client, _answer = through(there, sub)
        assert not is_signed_in(client)


class TestWithoutPasswordAndFactor:
    @pytest.mark.parametrize("name", ["sign_out_everywhere", "confirm_devices", "device_authentication"])
    def test_a_factor_is_set_up_before_what_matters(self, there, name):
        client, _answer = through(there, there.user("bare", **ANNA | {"email": "bare@clinic.example"}))
        answer = client.get(reverse(name))
        assert answer.status_code == 302
        assert answer.url.startswith(reverse("second_factor"))

    def test_it_can_be_set_up_right_after_the_sign_in(self, there):
        client, _answer = through(there, there.user("new", **ANNA | {"email": "new@clinic.example"}))
        assert client.get(reverse("mfa_activate_totp")).status_code == 200


class TestAnAnswerThatIsNotTrue:
    """Each ends in a page that says so, signs nobody in and is in the log."""

    @pytest.fixture(autouse=True)
    def _known(self, there, provider):
        self.sub = there.user("known", **ANNA)
        connect(provider, there, self.sub)

    def refused(self, client: Client, answer, status: int = 401) -> None:
        assert answer.status_code == status
        assert "Signing in did not work" in answer.content.decode()
        assert not is_signed_in(client)
        assert AuditEvent.objects.filter(kind="accounts.sign_on_failed").count() == 1

    def test_of_an_attempt_in_another_browser(self, there):
        location = there.authorize(begin(Client()), self.sub)
        client = Client()
        self.refused(client, come_back(client, location))

    def test_used_twice(self, there):
        client = Client()
        location = there.authorize(begin(client), self.sub)
        come_back(client, location)
        client.post(reverse("account_logout"))
        self.refused(client, come_back(client, location))

    def test_with_another_attempt_s_nonce(self, there, monkeypatch):
        client = Client()
        address = begin(client)
        location = there.authorize(address.replace("nonce=", "nonce=x"), self.sub)
        self.refused(client, come_back(client, location))

    def test_with_a_code_of_another_attempt(self, there):
        client, other = Client(), Client()
        mine, theirs = begin(client), begin(other)
        code = parse_qs(urlsplit(there.authorize(theirs, self.sub)).query)["code"][0]
        state = parse_qs(urlsplit(mine).query)["state"][0]
        self.refused(client, client.get(f"{LOGIN}callback/", {"code": code, "state": state}))

    def test_for_another_client(self, there, settings):
        client = Client()
        location = there.authorize(begin(client).replace("client_id=portal", "client_id=other"), self.sub)
        self.refused(client, come_back(client, location))

    def test_signed_by_nobody_we_know(self, there, monkeypatch):
        key = RSAKey.generate_key(2048).as_dict(private=False)
        real = id_tokens.claims_of
        monkeypatch.setattr(
            id_tokens, "claims_of", lambda token, keys, **rest: real(token, {"keys": [key]}, **rest)
        )
        client = Client()
        self.refused(client, come_back(client, there.authorize(begin(client), self.sub)))

    def test_with_the_user_info_of_somebody_else(self, there, monkeypatch):
        monkeypatch.setattr(Adapter, "_fetch_user_info", lambda self, token: {"sub": "somebody else"})
        client = Client()
        self.refused(client, come_back(client, there.authorize(begin(client), self.sub)))

    def test_of_another_issuer_than_the_one_configured(self, there, settings):
        configure(settings, there.url.replace("localhost", "127.0.0.1"))
        client = Client()
        # The provider describes itself by the name that it was asked under: made to lie here.
        original = Adapter._check_issuer

        def check(self, found):
            original(self, found | {"issuer": "https://elsewhere.example"})

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(Adapter, "_check_issuer", check)
            self.refused(client, client.post(LOGIN))

    def test_that_is_an_error(self, there):
        client = Client()
        state = parse_qs(urlsplit(begin(client)).query)["state"][0]
        self.refused(client, client.get(f"{LOGIN}callback/", {"error": "server_error", "state": state}))

    def test_that_is_a_refusal_by_the_person_leads_back(self, there):
        client = Client()
        address = begin(client)
        # The provider of these tests leaves the state out, where others give it back.
        state = parse_qs(urlsplit(address).query)["state"][0]
        answer = come_back(client, f"{there.deny(address)}&state={state}")
        assert answer.url == reverse("socialaccount_login_cancelled")
        assert "Nothing has changed" in client.get(answer.url).content.decode()


class TestAProviderThatIsAway:
    def test_has_a_page_that_says_so(self, settings, client, db):
        # Nobody listens on port 9.
        configure(settings, "http://localhost:9")
        answer = client.post(LOGIN)
        assert answer.status_code == 503
        assert "Lakeside ID does not answer" in answer.content.decode()

    def test_on_the_way_back_too(self, there, settings):
        client = Client()
        location = there.authorize(begin(client), there.user("away", **ANNA))
        configure(settings, "http://localhost:9")
        assert come_back(client, location).status_code == 503
        assert not is_signed_in(client)

    def test_leaves_the_password_to_those_who_have_one(self, settings, provider, client):
        configure(settings, "http://localhost:9")
        client.post(reverse("account_login"), {"login": provider.email, "password": PASSWORD})
        assert is_signed_in(client)


def test_the_code_is_exchanged_with_the_verifier_of_the_challenge(there, monkeypatch):
    """The provider of these tests does not check it: what is sent is checked here."""
    sent: list[str] = []
    real = OAuth2Client.get_access_token

    def spy(self, code, pkce_code_verifier=None, **more):
        sent.append(pkce_code_verifier)
        return real(self, code, pkce_code_verifier=pkce_code_verifier, **more)

    monkeypatch.setattr(OAuth2Client, "get_access_token", spy)
    client = Client()
    address = begin(client)
    challenge = parse_qs(urlsplit(address).query)["code_challenge"][0]
    come_back(client, there.authorize(address, there.user("pkce", **ANNA)))
    digest = hashlib.sha256(sent[0].encode()).digest()
    assert urlsafe_b64encode(digest).rstrip(b"=").decode() == challenge


def test_no_token_of_the_provider_s_is_kept(there):
    from allauth.socialaccount.models import SocialToken

    through(there, there.user("tokens", **ANNA))
    assert not SocialToken.objects.exists()
    assert SocialAccount.objects.get().extra_data == {"email": "anna@clinic.example"}


def test_a_reset_leads_those_to_a_password_who_had_none(there):
    through(there, there.user("reset", **ANNA | {"email": "reset@clinic.example"}))
    Client().post(reverse("account_reset_password"), {"email": "reset@clinic.example"})
    assert link_in(mails("password_reset_key")[-1])
