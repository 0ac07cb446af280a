"""An invitation from the mail's link on, by whoever has an account and by whoever has none."""

import datetime as dt

import pytest
from allauth.account.models import EmailAddress
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import Person
from orgs import invitations
from orgs.models import Invitation, Membership
from tests import cast
from tests.orgs import kit

pytestmark = pytest.mark.django_db
NEW = "new@people.example"


@pytest.fixture
def link(admin, clinic):
    """The mailed link to an invitation for an address without an account."""
    kit.invite(clinic, NEW, admin)
    return f"/invitations/{kit.mailed_token()}/"


@pytest.fixture
def outsiders_link(admin, clinic, outsider):
    kit.invite(clinic, outsider.email, admin, Membership.Role.ADMIN)
    return f"/invitations/{kit.mailed_token()}/"


def accept(client, link):
    return client.post(link, {"decision": "accept"})


class TestWithAnAccount:
    def test_accepting_lets_them_in_and_tells_the_inviter(
        self, sign_in, outsider, outsiders_link, clinic, admin
    ):
        client = sign_in(outsider)
        assert "Accept" in client.get(outsiders_link).content.decode()
        assert accept(client, outsiders_link)["Location"] == kit.home(clinic)
        assert kit.roles(clinic) == {"Ada": "admin", "Olga": "admin"}
        [event] = kit.events("orgs.joined")
        assert (event.person_id, event.organization_id) == (outsider.pk, clinic.pk)
        [mail] = kit.mails("orgs.invitation_accepted")
        assert (mail["to"], "Olga Outsider" in mail["text"]) == (admin.email, True)

    def test_works_once_and_leads_whoever_took_it_home(self, sign_in, outsider, outsiders_link, clinic):
        client = sign_in(outsider)
        accept(client, outsiders_link)
        assert client.get(outsiders_link)["Location"] == kit.home(clinic)
        assert accept(client, outsiders_link)["Location"] == kit.home(clinic)
        assert clinic.memberships.filter(person=outsider).count() == 1
        assert Client().get(outsiders_link).status_code == 404

    def test_looking_changes_nothing(self, sign_in, outsider, outsiders_link, clinic):
        for client in (Client(), sign_in(outsider)):
            for _ in range(2):
                assert (
                    client.get(outsiders_link).status_code == client.head(outsiders_link).status_code == 200
                )
        assert Invitation.objects.get().state == "open"

    def test_nobody_else_can_accept_it(self, sign_in, support, outsiders_link, clinic):
        client = sign_in(support)
        page = client.get(outsiders_link).content.decode()
        assert "Only the holder of" in page
        assert 'value="accept"' not in page
        assert accept(client, outsiders_link).status_code == 403
        assert kit.roles(clinic) == {"Ada": "admin"}

    def test_an_address_that_is_not_verified_does_not_count(self, sign_in, outsider, outsiders_link, clinic):
        EmailAddress.objects.filter(user=outsider).update(verified=False)
        assert accept(sign_in(outsider), outsiders_link).status_code == 403
        assert "Olga" not in kit.roles(clinic)

    def test_case_of_the_address_does_not_matter(self, sign_in, admin, clinic):
        person = cast.make_person(email="mixed@people.example")
        EmailAddress.objects.filter(user=person).update(email="Mixed@People.Example")
        kit.invite(clinic, "MIXED@people.example", admin)
        assert accept(sign_in(person), f"/invitations/{kit.mailed_token()}/").status_code == 302

    def test_signed_out_the_way_leads_over_the_sign_in(self, outsiders_link):
        page = Client().get(outsiders_link).content.decode()
        assert "Sign in and accept" in page
        assert accept(Client(), outsiders_link)["Location"] == (
            f"/accounts/login/?next={outsiders_link.replace('/', '%2F')}"
        )
        assert Client().get(f"{outsiders_link}sign-up/")["Location"].startswith("/accounts/login/")

    def test_declining_needs_no_sign_in_and_ends_it(self, outsiders_link, sign_in, outsider):
        page = Client().post(outsiders_link, {"decision": "decline"})
        assert "Invitation declined" in page.content.decode()
        assert accept(sign_in(outsider), outsiders_link).status_code == 404
        assert len(kit.events("orgs.invitation_declined")) == 1

    def test_a_member_who_accepts_stays_what_they_are(self, sign_in, outsider, outsiders_link, clinic):
        cast.join(clinic, outsider, Membership.Role.PROVIDER)
        assert accept(sign_in(outsider), outsiders_link)["Location"] == kit.home(clinic)
        assert kit.roles(clinic)["Olga"] == "provider"

    def test_who_left_can_come_back(self, sign_in, provider, admin, clinic):
        first = kit.membership(provider, clinic)
        first.end()
        kit.invite(clinic, provider.email, admin)
        accept(sign_in(provider), f"/invitations/{kit.mailed_token()}/")
        assert kit.membership(provider, clinic).pk != first.pk

    def test_a_patient_lands_on_their_own_dashboard(self, sign_in, outsider, admin, clinic):
        kit.invite(clinic, outsider.email, admin, Membership.Role.PATIENT)
        assert accept(sign_in(outsider), f"/invitations/{kit.mailed_token()}/")["Location"] == "/"


class TestSigningUp:
    def form(self, **changes):
        return {
            "first_name": "Nora",
            "last_name": "New",
            "password1": cast.PASSWORD,
            "password2": cast.PASSWORD,
            **changes,
        }

    def test_makes_the_account_verifies_the_address_and_joins(self, client, link, clinic):
        assert "Sign up and accept" in client.get(link).content.decode()
        assert NEW in client.get(f"{link}sign-up/").content.decode()
        response = client.post(f"{link}sign-up/", self.form())
        assert response["Location"] == kit.home(clinic)
        person = Person.objects.get(email=NEW)
        assert EmailAddress.objects.get(user=person).verified
        assert kit.roles(clinic)["Nora"] == "provider"
        assert "Nora New" in client.get(kit.home(clinic)).content.decode()
        assert kit.mails("accounts.email_confirmation_signup") == []
        kinds = {
            kind
            for kind in ("accounts.signed_up", "accounts.email_verified", "orgs.joined")
            if kit.events(kind)
        }
        assert len(kinds) == 3

    def test_another_address_is_not_read(self, client, link):
        client.post(f"{link}sign-up/", self.form(email="boss@people.example"))
        assert Person.objects.filter(email=NEW).exists()
        assert not Person.objects.filter(email="boss@people.example").exists()

    def test_a_weak_password_is_refused_and_the_names_kept(self, client, link, clinic):
        response = client.post(f"{link}sign-up/", self.form(password1="password", password2="password"))
        assert response.status_code == 200
        assert response.context["form"]["first_name"].value() == "Nora"
        assert not Person.objects.filter(email=NEW).exists()

    def test_proves_no_address_for_an_ordinary_sign_up_later(self, client, link):
        client.post(f"{link}sign-up/", self.form(password1="x"))
        client.post("/accounts/signup/", self.form(email=NEW))
        assert not EmailAddress.objects.filter(email=NEW, verified=True).exists()

    def test_whoever_is_signed_in_is_led_back(self, sign_in, outsider, link):
        assert sign_in(outsider).get(f"{link}sign-up/")["Location"] == link

    def test_nothing_stays_where_the_log_cannot_be_written(self, client, link, clinic, monkeypatch):
        def fail(*args, **kwargs):
            raise RuntimeError

        monkeypatch.setattr("orgs.memberships.record", fail)
        with pytest.raises(RuntimeError):
            client.post(f"{link}sign-up/", self.form())
        assert not Person.objects.filter(email=NEW).exists()
        assert Invitation.objects.get().state == "open"

    def test_an_account_that_never_proved_the_address_does_not_get_in(self, client, sign_in, link, clinic):
        squatter = cast.make_person(email=NEW)
        EmailAddress.objects.filter(user=squatter).update(verified=False)
        assert accept(sign_in(squatter), link).status_code == 403
        assert client.get(f"{link}sign-up/")["Location"].startswith("/accounts/login/")


class TestALinkThatIsNotGood:
    def gone(self, link):
        yield "nonsense", "/invitations/nonsense/"
        yield "nobody's", f"/invitations/{'A' * 43}/"
        Invitation.objects.update(expires_at=timezone.now() - dt.timedelta(seconds=1))
        yield "ran out", link
        Invitation.objects.update(state="withdrawn", decided_at=timezone.now())
        yield "withdrawn", link

    def test_answers_alike_whatever_became_of_it(self, link, sign_in, outsider, provider):
        answers = set()
        for _what, path in self.gone(link):
            for suffix in ("", "sign-up/"):
                for method in ("get", "post"):
                    with CaptureQueriesContext(connection) as queries:
                        response = getattr(Client(), method)(path + suffix)
                    answers.add((response.status_code, response.content, len(queries)))
        assert len(answers) == 1
        assert {status for status, _content, _queries in answers} == {404}

    def test_and_so_to_a_stranger_who_is_signed_in(self, link, sign_in, outsider):
        client, answers = sign_in(outsider), set()
        client.get("/")
        for _what, path in self.gone(link):
            with CaptureQueriesContext(connection) as queries:
                response = client.get(path)
            answers.add((response.status_code, len(queries)))
        assert answers == {(404, len(queries))}


def test_the_action_itself_refuses_what_the_page_refuses(link, outsider):
    token = kit.mailed_token()
    with pytest.raises(invitations.NotAddressed):
        invitations.accept(token=token, person=outsider, origin=kit.origin(outsider))
    invitations.decline(token=token, origin=kit.origin(outsider))
    with pytest.raises(invitations.NotGood):
        invitations.decline(token=token, origin=kit.origin(outsider))
