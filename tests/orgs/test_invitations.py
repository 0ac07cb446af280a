"""Asking people in: what the admin's side does and refuses."""

import datetime as dt

import pytest
from django.core.exceptions import PermissionDenied
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from medimic.outbox.delivering import attempt
from medimic.outbox.models import Delivery
from medimic.outbox.taking import take
from orgs import invitations, memberships
from orgs.invitations import Refused, Wish
from orgs.models import Invitation, Membership
from tests import cast
from tests.orgs import kit

pytestmark = pytest.mark.django_db


def ask(client, clinic, email="new@people.example", role="provider"):
    return client.post(kit.home(clinic, "members/invitations/new/"), {"email": email, "role": role})


class TestInviting:
    def test_mails_a_link_and_is_audited(self, sign_in, admin, clinic):
        response = ask(sign_in(admin), clinic, "New@People.Example")
        assert response["Location"] == kit.home(clinic, "members/invitations/")
        [mail] = kit.mails("orgs.invitation")
        assert mail["to"] == "new@people.example"
        assert "Lakeside Clinic invites you" in mail["subject"]
        assert "Ada Admin" in mail["text"]
        invitation = Invitation.objects.get()
        assert invitation.expires_at - invitation.sent_at == dt.timedelta(days=14)
        [event] = kit.events("orgs.invited")
        assert kit.details(event) == {"to": "n…@people.example", "role": "provider"}
        assert (event.actor_id, event.organization_id) == (admin.pk, clinic.pk)

    def test_the_token_and_the_address_are_nowhere_in_plain(self, admin, clinic):
        kit.invite(clinic, "planted@people.example", admin)
        token = kit.mailed_token()
        stored = [str(Invitation.objects.values().get()), str(kit.events("orgs.invited")[0].__dict__)]
        with connection.cursor() as cursor:
            cursor.execute("SELECT * FROM orgs_invitation")
            stored.append(str(cursor.fetchall()))
        assert token not in "".join(stored)
        assert "planted@" not in stored[1] + stored[2]

    def test_writes_in_the_language_of_whoever_has_an_account(self, admin, clinic):
        cast.make_person("Petra", "Polin", email="petra@people.example", language="pl")
        kit.invite(clinic, "petra@people.example", admin)
        assert kit.mails("orgs.invitation")[0]["language"] == "pl"

    def test_says_the_same_whether_there_is_an_account_or_not(self, sign_in, admin, clinic, outsider):
        client = sign_in(admin)
        ask(client, clinic, "warm@people.example")
        seen = []
        for email in (outsider.email, "nobody@people.example"):
            with CaptureQueriesContext(connection) as queries:
                response = ask(client, clinic, email)
            page = client.get(response["Location"]).content.decode()
            seen.append((response.status_code, len(queries), email in page))
        assert seen[0] == seen[1]

    @pytest.mark.parametrize("email", ["", "nobody", "a@b", "a b@c.example", "x" * 250 + "@people.example"])
    def test_what_is_no_address_is_kept_and_explained(self, sign_in, admin, clinic, email):
        response = ask(sign_in(admin), clinic, email)
        assert response.status_code == 200
        assert response.context["form"]["email"].errors
        assert response.context["form"]["email"].value() == email
        assert not Invitation.objects.exists()

    def test_no_role_that_there_is_not(self, sign_in, admin, clinic):
        assert ask(sign_in(admin), clinic, role="owner").context["form"]["role"].errors

    @pytest.mark.parametrize("role", Membership.Role.values)
    def test_a_member_is_not_invited(self, sign_in, admin, clinic, role):
        cast.join(clinic, cast.make_person(email="here@people.example"), role)
        response = ask(sign_in(admin), clinic, "HERE@people.example")
        assert "is a member already" in response.content.decode()
        assert not Invitation.objects.exists()

    def test_one_open_invitation_for_an_address(self, sign_in, admin, clinic):
        kit.invite(clinic, "new@people.example", admin)
        response = ask(sign_in(admin), clinic, "NEW@people.example")
        assert "is invited already" in response.content.decode()
        row = Invitation.objects.get()
        row.pk, row.token_hash = None, "0" * 64
        with pytest.raises(IntegrityError), transaction.atomic():
            Invitation.objects.bulk_create([row])

    def test_another_organization_can_invite_the_same_address(self, admin, clinic):
        kit.invite(clinic, "new@people.example", admin)
        other = cast.make_organization()
        cast.join(other, admin, Membership.Role.ADMIN)
        assert kit.invite(other, "new@people.example", admin)

    def test_a_provider_invites_nobody(self, sign_in, provider, clinic):
        assert ask(sign_in(provider), clinic).status_code == 403
        with pytest.raises(PermissionDenied):
            kit.invite(clinic, "new@people.example", provider)

    def test_nothing_stays_where_the_log_cannot_be_written(self, admin, clinic, monkeypatch):
        monkeypatch.setattr("orgs.invitations.record", _fail)
        with pytest.raises(RuntimeError):
            kit.invite(clinic, "new@people.example", admin)
        assert not Invitation.objects.exists()
        assert not Delivery.objects.exists()

    def test_an_address_is_written_to_three_times_a_day_at_most(self, admin, clinic):
        for _ in range(3):
            invitations.withdraw(
                invitation=kit.invite(clinic, "new@people.example", admin),
                by=admin,
                origin=kit.origin(admin),
            )
        with pytest.raises(Refused, match="several times"):
            kit.invite(clinic, "new@people.example", admin)
        Invitation.objects.update(created_at=timezone.now() - dt.timedelta(days=2))
        assert kit.invite(clinic, "new@people.example", admin)

    def test_an_organization_without_a_plan_writes_to_fifty_a_day(self, sign_in, admin, clinic):
        trial = cast.make_organization(plan=None)
        cast.join(trial, admin, Membership.Role.ADMIN)
        invitations.invite_all(
            organization=trial,
            wishes=[Wish(f"new{number}@people.example", "provider") for number in range(50)],
            by=admin,
            origin=kit.origin(admin),
        )
        assert "50 people a day" in ask(sign_in(admin), trial).content.decode()
        assert ask(sign_in(admin), clinic).status_code == 302


class TestSendingAgain:
    def send(self, client, clinic, invitation):
        return client.post(kit.home(clinic, f"members/invitations/{invitation.pk}/sending/"), follow=True)

    def test_makes_a_new_link_and_ends_the_old_one(self, sign_in, admin, clinic, client):
        invitation = kit.invite(clinic, "new@people.example", admin)
        Invitation.objects.update(sent_at=timezone.now() - dt.timedelta(minutes=6))
        page = self.send(sign_in(admin), clinic, invitation).content.decode()
        assert "A new mail is on its way" in page
        old, new = kit.mailed_token(0), kit.mailed_token(1)
        assert client.get(f"/invitations/{old}/").status_code == 404
        assert client.get(f"/invitations/{new}/").status_code == 200
        assert len(kit.events("orgs.invitation_sent_again")) == 1

    def test_a_mail_that_still_waits_with_the_old_link_is_not_sent(self, admin, clinic, mailoutbox):
        invitation = kit.invite(clinic, "new@people.example", admin)
        Invitation.objects.update(sent_at=timezone.now() - dt.timedelta(minutes=6))
        invitations.send_again(invitation=invitation, by=admin, origin=kit.origin(admin))
        while delivery := take():
            attempt(delivery)
        assert len(mailoutbox) == 1
        assert kit.mailed_token(1) in mailoutbox[0].body

    def test_not_at_once(self, sign_in, admin, clinic):
        invitation = kit.invite(clinic, "new@people.example", admin)
        assert "Wait five minutes" in self.send(sign_in(admin), clinic, invitation).content.decode()
        assert len(kit.mails("orgs.invitation")) == 1

    def test_revives_one_that_ran_out(self, sign_in, admin, clinic, client):
        invitation = kit.invite(clinic, "new@people.example", admin)
        past = timezone.now() - dt.timedelta(days=20)
        Invitation.objects.update(sent_at=past, expires_at=past + dt.timedelta(days=14))
        assert client.get(f"/invitations/{kit.mailed_token()}/").status_code == 404
        assert "Ran out" in sign_in(admin).get(kit.home(clinic, "members/invitations/")).content.decode()
        self.send(sign_in(admin), clinic, invitation)
        assert client.get(f"/invitations/{kit.mailed_token()}/").status_code == 200

    def test_of_another_organization_is_not_found(self, sign_in, admin, clinic):
        other = cast.make_organization()
        stranger = cast.make_person()
        cast.join(other, stranger, Membership.Role.ADMIN)
        theirs = kit.invite(other, "new@people.example", stranger)
        for act in ("sending", "withdrawal"):
            path = kit.home(clinic, f"members/invitations/{theirs.pk}/{act}/")
            assert sign_in(admin).post(path).status_code == 404
        theirs.refresh_from_db()
        assert theirs.state == "open"


class TestWithdrawing:
    def test_ends_the_link(self, sign_in, admin, clinic, client):
        invitation = kit.invite(clinic, "new@people.example", admin)
        path = kit.home(clinic, f"members/invitations/{invitation.pk}/withdrawal/")
        assert "new@people.example" in sign_in(admin).get(path).content.decode()
        assert sign_in(admin).post(path).status_code == 302
        assert client.get(f"/invitations/{kit.mailed_token()}/").status_code == 404
        assert len(kit.events("orgs.invitation_withdrawn")) == 1
        assert sign_in(admin).post(path).status_code == 404

    def test_the_mail_that_still_waits_is_not_sent(self, admin, clinic, mailoutbox):
        invitation = kit.invite(clinic, "new@people.example", admin)
        assert invitations.withdraw(invitation=invitation, by=admin, origin=kit.origin(admin))
        assert not invitations.withdraw(invitation=invitation, by=admin, origin=kit.origin(admin))
        while delivery := take():
            attempt(delivery)
        assert mailoutbox == []


class TestTheList:
    def test_shows_open_ones_newest_first_in_pages(self, sign_in, admin, clinic):
        wishes = [Wish(f"new{number:03}@people.example", "provider") for number in range(60)]
        invitations.invite_all(organization=clinic, wishes=wishes, by=admin, origin=kit.origin(admin))
        client = sign_in(admin)
        first = client.get(kit.home(clinic, "members/invitations/"))
        second = client.get(kit.home(clinic, "members/invitations/") + first.context["page"].next_url)
        emails = [row.email for page in (first, second) for row in page.context["rows"]]
        assert len(set(emails)) == len(emails) == 60

    def test_costs_the_same_queries_however_many(self, sign_in, admin, clinic, colleague):
        client, path = sign_in(admin), kit.home(clinic, "members/invitations/")
        client.get(path)
        cost = []
        for number in (5, 40):
            wishes = [Wish(f"n{number}.{n}@people.example", "patient") for n in range(number)]
            invitations.invite_all(organization=clinic, wishes=wishes, by=admin, origin=kit.origin(admin))
            with CaptureQueriesContext(connection) as queries:
                client.get(path)
            cost.append(len(queries))
        assert cost[0] == cost[1]

    def test_finds_an_address_regardless_of_case(self, sign_in, admin, clinic):
        for name in ("anna", "ben"):
            kit.invite(clinic, f"{name}@people.example", admin)
        found = sign_in(admin).get(kit.home(clinic, "members/invitations/"), {"q": "ANNA@people.example"})
        assert [row.email for row in found.context["rows"]] == ["anna@people.example"]
        none = sign_in(admin).get(kit.home(clinic, "members/invitations/"), {"q": "carl@people.example"})
        assert "No open invitation to this address" in none.content.decode()

    def test_a_removed_admins_invitations_stay_and_say_whose_they_are(self, sign_in, admin, clinic):
        second = cast.make_person("Sina", "Second")
        cast.join(clinic, second, Membership.Role.ADMIN)
        kit.invite(clinic, "new@people.example", second)
        memberships.end(membership=kit.membership(second, clinic), by=admin, origin=kit.origin(admin))
        page = sign_in(admin).get(kit.home(clinic, "members/invitations/")).content.decode()
        assert "new@people.example" in page
        assert "Sina Second" in page


def _fail(*args, **kwargs):
    raise RuntimeError
