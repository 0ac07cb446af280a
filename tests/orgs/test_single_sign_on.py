"""An organization that asks for single sign-on: of its members with an address of the provider's domain."""

import pytest
from allauth.socialaccount.models import SocialAccount
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse

from accounts.models import Person
from orgs.models import Policy
from tests.accounts.conftest import is_signed_in, kinds
from tests.accounts.phones import PhoneSignIn
from tests.cast import PASSWORD

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _configured(settings):
    app = {
        "provider_id": "clinic",
        "name": "Lakeside ID",
        "client_id": "portal",
        "secret": "not a secret",
        "settings": {"server_url": "http://localhost:9", "tenant": "", "domains": ["people.example"]},
    }
    settings.SOCIALACCOUNT_PROVIDERS = {"openid_connect": {"APPS": [app]}}


@pytest.fixture
def asking(clinic) -> Policy:
    return Policy.objects.create(organization=clinic, single_sign_on=True)


def connect(person: Person) -> None:
    SocialAccount.objects.create(user=person, provider="clinic", uid=f"there-{person.pk}")


def log_in(person: Person):
    client = Client()
    return client, client.post(reverse("account_login"), {"login": person.email, "password": PASSWORD})


class TestThePolicy:
    def test_shows_who_has_not_connected_yet(self, asking, admin, provider, colleague, patient, sign_in):
        connect(admin)
        connect(colleague)
        path = f"/organizations/{asking.organization.slug}/policies/"
        page = sign_in(admin).post(path, {"single_sign_on": "on"}).content.decode()
        named = page.partition("Members who have not connected it yet: 1")[2]
        assert provider.name in named
        assert colleague.name not in named
        assert patient.name not in named

    def test_is_not_offered_where_no_domain_is_configured(self, clinic, admin, sign_in, settings):
        settings.SOCIALACCOUNT_PROVIDERS = {}
        page = sign_in(admin).get(f"/organizations/{clinic.slug}/policies/").content.decode()
        assert "Single sign-on required" not in page

    def test_is_saved_and_lifted_by_its_admins(self, clinic, admin, sign_in):
        connect(admin)
        path = f"/organizations/{clinic.slug}/policies/"
        client = sign_in(admin)
        client.post(path, {"single_sign_on": "on", "save": "yes"})
        assert Policy.objects.get().single_sign_on
        client.post(path, {"save": "yes"})
        assert not Policy.objects.get().single_sign_on


class TestWhoHasConnected:
    def test_is_not_signed_in_by_the_password_and_told_where_to_go(self, asking, provider):
        connect(provider)
        client, answer = log_in(provider)
        assert answer.url == "/accounts/oidc/clinic/login/"
        assert not is_signed_in(client)
        page = client.get(answer.url).content.decode()
        assert "Lakeside Clinic asks you to sign in with Lakeside ID, not with a password." in page
        assert kinds(provider) == ["accounts.sign_on_demanded"]

    def test_is_told_so_only_after_the_right_password(self, asking, provider):
        connect(provider)
        client = Client()
        wrong = client.post(reverse("account_login"), {"login": provider.email, "password": "wrong"})
        assert wrong.status_code == 200
        assert "Lakeside" not in wrong.content.decode().partition("<main")[2].partition("<form")[0]

    def test_signs_no_phone_in_by_the_password(self, asking, provider):
        connect(provider)
        answer = PhoneSignIn().log_in(provider)
        assert (answer.status_code, answer.json()["code"]) == (403, "single_sign_on_required")

    def test_cannot_disconnect_it(self, asking, provider, sign_in):
        connect(provider)
        client = sign_in(provider)
        client.post(reverse("socialaccount_connections"), {"account": SocialAccount.objects.get().pk})
        assert SocialAccount.objects.exists()

    def test_goes_everywhere(self, asking, provider, sign_in):
        connect(provider)
        assert sign_in(provider).get("/sessions/").status_code == 200


class TestWhoHasNot:
    def test_signs_in_as_before_and_is_led_to_connecting(self, asking, provider):
        client, _answer = log_in(provider)
        answer = client.get("/sessions/")
        assert answer.url == reverse("socialaccount_connections")
        page = client.get(answer.url).content.decode()
        assert "Lakeside Clinic asks for single sign-on. Connect Lakeside ID, and go on." in page

    @pytest.mark.parametrize("name", ["security", "account_logout", "accessibility"])
    def test_is_not_kept_from_signing_out_or_from_security(self, name, asking, provider, sign_in):
        assert sign_in(provider).get(reverse(name)).status_code == 200


class TestNobodyElse:
    def test_with_another_address(self, asking, provider):
        Person.objects.filter(pk=provider.pk).update(email="provider@elsewhere.example")
        provider.refresh_from_db()
        provider.emailaddress_set.update(email=provider.email)
        connect(provider)
        client, _answer = log_in(provider)
        assert client.get("/sessions/").status_code == 200

    def test_outside_of_the_organization_or_as_its_patient(self, asking, outsider, patient):
        for person in (outsider, patient):
            connect(person)
            client, _answer = log_in(person)
            assert client.get("/sessions/").status_code == 200

    def test_of_a_domain_that_only_ends_alike(self, asking, provider):
        Person.objects.filter(pk=provider.pk).update(email="provider@other-people.example")
        provider.refresh_from_db()
        provider.emailaddress_set.update(email=provider.email)
        connect(provider)
        client, _answer = log_in(provider)
        assert is_signed_in(client)


class TestTheWayOut:
    def test_lets_members_sign_in_by_password_again(self, asking, provider, capsys):
        connect(provider)
        call_command("lift_single_sign_on", asking.organization.slug)
        assert capsys.readouterr().out == "Lifted.\n"
        client, _answer = log_in(provider)
        assert is_signed_in(client)

    def test_says_where_there_is_nothing_to_lift(self, clinic, capsys):
        call_command("lift_single_sign_on", clinic.slug)
        assert "did not ask" in capsys.readouterr().out
        with pytest.raises(CommandError):
            call_command("lift_single_sign_on", "nowhere")

    def test_is_open_too_where_the_provider_leaves_the_configuration(self, asking, provider, settings):
        connect(provider)
        settings.SOCIALACCOUNT_PROVIDERS = {}
        client, _answer = log_in(provider)
        assert client.get("/sessions/").status_code == 200
