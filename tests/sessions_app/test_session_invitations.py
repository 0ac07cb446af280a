"""Colleagues invited to a running session: the mail, the answers, and who may give them."""

import datetime as dt
import json
import re
import secrets
import threading
import uuid
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest
from allauth.account.models import EmailAddress
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from medimic.audit.log import SYSTEM
from medimic.audit.models import AuditEvent
from medimic.outbox import registry
from medimic.outbox.models import Delivery
from sessions_app import invitations, visits
from sessions_app.base64url import encoded
from sessions_app.joining import Joining
from sessions_app.models import Participant, SessionInvitation, Visit
from tests import cast
from tests.sessions_app.conftest import make_authorization
from tests.sessions_app.test_pages import make_visit

pytestmark = pytest.mark.django_db
NAME = "Second opinion on Mrs Ferrow"
State = SessionInvitation.State


@pytest.fixture
def visit(phone) -> Visit:
    return make_visit(phone, NAME)


def page(visit: Visit, rest: str = "") -> str:
    return f"/sessions/{visit.pk}/invitations/{rest}"


def invited(visit: Visit, email: str, by) -> str:
    """Invite an address; the link in the mail."""
    invitations.invite(visit, email=email, by=by, origin=SYSTEM)
    return newest_link()


def mail() -> dict:
    return json.loads(Delivery.objects.filter(kind=invitations.MAIL).order_by("-created_at").first().body)


def newest_link() -> str:
    return re.search(r"/sessions/invitations/[\w-]+/", mail()["text"])[0]


def wish(**fields) -> dict:
    return {
        "name": "Colin",
        "role": "provider",
        "key_commitment": encoded(secrets.token_bytes(32)),
        **fields,
    }


def told(kind: str) -> AuditEvent:
    return AuditEvent.objects.get(kind=kind)


class TestInviting:
    def test_mails_who_invites_and_when_it_began_and_not_what_it_is_called(self, visit, provider, sign_in):
        answer = sign_in(provider).post(page(visit), {"email": "Guest@Elsewhere.example"})

        assert "is on its way" in answer.content.decode()
        written = mail()
        assert written["subject"] == "Paula Provider invites you to a session"
        for body in (written["text"], written["html"]):
            assert provider.name in body
            assert f"{visit.started_at:%H:%M}" in body
            assert newest_link() in body
        for secret in (NAME, "Ferrow", visit.code, str(visit.pk)):
            assert secret not in json.dumps(written)
        delivery = Delivery.objects.get(kind=invitations.MAIL)
        assert delivery.recipient == "Guest@Elsewhere.example"
        assert delivery.stale_at <= visit.expires_at + dt.timedelta(seconds=1)
        event = told("sessions.invited")
        assert (event.actor_id, event.person_id) == (provider.pk, provider.pk)
        assert "Guest@" not in event.details

    def test_keeps_a_hash_of_the_link_and_the_address_encrypted(self, visit, provider):
        token = invited(visit, "guest@elsewhere.example", provider).split("/")[-2]
        with connection.cursor() as cursor:
            cursor.execute("SELECT * FROM sessions_app_sessioninvitation")
            row = str(cursor.fetchone())
        assert token not in row
        assert "elsewhere" not in row

    def test_tells_the_host_s_page_of_each_change(self, visit, provider):
        before = visit.version
        invited(visit, "guest@elsewhere.example", provider)
        visit.refresh_from_db()
        assert visit.version > before

    @pytest.mark.parametrize("again", ["colleague@people.example", "Colleague@PEOPLE.example"])
    def test_one_open_invitation_for_each_address(self, visit, provider, colleague, sign_in, again):
        client = sign_in(provider)
        client.post(page(visit), {"email": colleague.email})
        assert "invited already" in client.post(page(visit), {"email": again}).content.decode()
        assert SessionInvitation.objects.count() == 1

    def test_refuses_oneself_and_what_is_no_address(self, visit, provider, sign_in):
        client = sign_in(provider)
        assert "your own address" in client.post(page(visit), {"email": provider.email}).content.decode()
        answer = client.post(page(visit), {"email": "nobody"}).content.decode()
        assert 'value="nobody"' in answer
        assert not SessionInvitation.objects.exists()

    def test_is_bounded(self, visit, provider, sign_in, monkeypatch):
        monkeypatch.setattr(invitations, "MOST_INVITATIONS", 2)
        client = sign_in(provider)
        for number in range(3):
            client.post(page(visit), {"email": f"guest{number}@elsewhere.example"})
        assert SessionInvitation.objects.count() == 2

    def test_not_to_a_session_that_is_over(self, phone, provider, sign_in):
        over = make_visit(phone, ago=dt.timedelta(hours=1), lasts=dt.timedelta(minutes=5))
        answer = sign_in(provider).post(page(over), {"email": "guest@elsewhere.example"})
        assert "is over" in answer.content.decode()
        assert not SessionInvitation.objects.exists()

    def test_where_the_log_cannot_be_written_nobody_is_invited(self, visit, provider, monkeypatch):
        def fails(*args, **kwargs):
            raise RuntimeError

        monkeypatch.setattr(invitations, "record", fails)
        with pytest.raises(RuntimeError):
            invitations.invite(visit, email="guest@elsewhere.example", by=provider, origin=SYSTEM)
        assert not SessionInvitation.objects.exists()
        assert not Delivery.objects.exists()

    def test_is_for_the_host_alone(self, visit, colleague, admin, outsider, patient, sign_in):
        Participant.objects.create(visit=visit, person=patient, name="Piotr", role="patient")
        for person, status in ((colleague, 404), (admin, 404), (outsider, 404), (patient, 403)):
            client = sign_in(person)
            assert client.get(page(visit)).status_code == status
            assert client.post(page(visit), {"email": "a@b.example"}).status_code == status
        assert Client().post(page(visit)).url.startswith("/accounts/login/")
        assert not SessionInvitation.objects.exists()

    def test_its_page_costs_the_same_for_one_and_for_thirty(self, visit, provider, sign_in):
        client = sign_in(provider)
        counts = []
        for number in (1, 25):
            for _ in range(number):
                SessionInvitation.objects.create(
                    visit=visit,
                    email="guest@elsewhere.example",
                    email_hash=uuid.uuid4().hex,
                    token_hash=uuid.uuid4().hex,
                    invited_by=provider,
                )
            # The sign-in's own first request.
            client.get(page(visit))
            with CaptureQueriesContext(connection) as queries:
                client.get(page(visit))
            counts.append(len(queries))
        assert counts[0] == counts[1]


class TestQuickAction:
    def test_stands_on_the_dashboard_of_who_can_start_sessions(self, provider, patient, sign_in):
        assert "/sessions/invitations/" in sign_in(provider).get("/").content.decode()
        assert "/sessions/invitations/" not in sign_in(patient).get("/").content.decode()

    def test_leads_to_the_one_running_session(self, visit, provider, sign_in):
        assert sign_in(provider).get("/sessions/invitations/").url == page(visit)

    def test_asks_which_where_there_are_several(self, visit, phone, provider, sign_in):
        other = make_visit(phone, "Ward round")
        make_visit(phone, "Over", ago=dt.timedelta(days=2))
        shown = sign_in(provider).get("/sessions/invitations/").content.decode()
        assert page(visit) in shown
        assert page(other) in shown
        assert "Over" not in shown

    def test_says_how_to_start_one_where_there_is_none(self, colleague, visit, sign_in):
        shown = sign_in(colleague).get("/sessions/invitations/").content.decode()
        assert "No session is running" in shown
        assert "/sessions/new/" in shown
        assert NAME not in shown


class TestAnswering:
    def test_accepting_leads_into_the_waiting_room(self, visit, provider, colleague, sign_in):
        link = invited(visit, "Colleague@People.example", provider)
        client = sign_in(colleague)
        asked = client.get(link)
        assert "Paula Provider invites you" in asked.content.decode()
        assert NAME not in asked.content.decode()

        answer = client.post(link, wish(), follow=True)

        assert answer.redirect_chain[-1][0] == f"/sessions/{visit.pk}/"
        assert "Waiting to be let in" in answer.content.decode()
        assert NAME not in answer.content.decode()
        participant = Participant.objects.get(is_host=False)
        assert (participant.state, participant.person) == (Participant.State.WAITING, colleague)
        taken = SessionInvitation.objects.get()
        assert (taken.state, taken.accepted_by, taken.participant) == (State.ACCEPTED, colleague, participant)
        assert told("sessions.invitation_accepted").actor_id == colleague.pk

    def test_any_verified_address_of_theirs_counts_and_no_unverified_one(
        self, visit, provider, colleague, sign_in
    ):
        EmailAddress.objects.create(user=colleague, email="other@people.example", verified=False)
        link = invited(visit, "OTHER@people.example", provider)
        client = sign_in(colleague)
        assert client.post(link, wish()).status_code == 403
        EmailAddress.objects.filter(email="other@people.example").update(verified=True)
        assert client.post(link, wish()).status_code == 302

    def test_somebody_else_cannot_accept(self, visit, provider, colleague, outsider, sign_in):
        link = invited(visit, colleague.email, provider)
        client = sign_in(outsider)
        shown = client.get(link).content.decode()
        assert "went to another address" in shown
        assert colleague.email not in shown
        assert client.post(link, wish()).status_code == 403
        assert SessionInvitation.objects.get().state == State.OPEN
        assert not Participant.objects.filter(is_host=False).exists()

    def test_signed_out_one_is_led_to_the_sign_in_and_back(self, visit, provider, colleague):
        link = invited(visit, colleague.email, provider)
        shown = Client().get(link).content.decode()
        assert f"/accounts/login/?next={link}" in shown
        answer = Client().post(link, wish())
        assert answer.status_code == 200
        assert SessionInvitation.objects.get().state == State.OPEN

    def test_without_a_key_nobody_joins_and_what_was_typed_stays(self, visit, provider, colleague, sign_in):
        link = invited(visit, colleague.email, provider)
        answer = sign_in(colleague).post(link, wish(key_commitment="", name="Dr Colin"))
        assert "Dr Colin" in answer.content.decode()
        assert SessionInvitation.objects.get().state == State.OPEN

    def test_a_patient_is_no_provider(self, visit, provider, patient, sign_in):
        link = invited(visit, patient.email, provider)
        client = sign_in(patient)
        assert client.post(link, wish()).status_code == 200
        assert client.post(link, wish(role="patient")).status_code == 302

    def test_declining_needs_no_sign_in(self, visit, provider, colleague):
        link = invited(visit, colleague.email, provider)
        client = Client()
        assert client.get(f"{link}declining/").status_code == 405
        assert "You declined" in client.post(f"{link}declining/").content.decode()
        assert SessionInvitation.objects.get().state == State.DECLINED
        assert told("sessions.invitation_declined").person_id == provider.pk
        assert client.post(f"{link}declining/").status_code == 404

    def test_who_accepted_is_led_back_and_nobody_else(self, visit, provider, colleague, outsider, sign_in):
        link = invited(visit, colleague.email, provider)
        client = sign_in(colleague)
        client.post(link, wish())
        assert client.get(link).url == f"/sessions/{visit.pk}/"
        assert client.post(link, wish()).url == f"/sessions/{visit.pk}/"
        assert sign_in(outsider).get(link).status_code == 404
        assert Participant.objects.filter(is_host=False).count() == 1

    def test_a_right_does_not_outlive_the_session(self, visit, provider, colleague, sign_in):
        link = invited(visit, colleague.email, provider)
        visits.end(visit, origin=SYSTEM)
        assert sign_in(colleague).post(link, wish()).status_code == 404
        assert SessionInvitation.objects.get().state == State.OPEN

    def test_to_strangers_all_that_open_nothing_are_alike(self, phone, provider, outsider, sign_in):
        links = [f"/sessions/invitations/{secrets.token_urlsafe(32)}/"]
        for change in ("withdraw", "decline", "accept", "expire", "send again"):
            visit = make_visit(phone)
            guest = cast.make_person("Gil")
            link = invited(visit, guest.email, provider)
            invitation = SessionInvitation.objects.get(visit=visit)
            if change == "withdraw":
                invitations.withdraw(invitation, origin=SYSTEM)
            elif change == "decline":
                invitations.decline(link.split("/")[-2], origin=SYSTEM)
            elif change == "accept":
                sign_in(guest).post(link, wish())
            elif change == "expire":
                past = timezone.now() - dt.timedelta(hours=9)
                Visit.objects.filter(pk=visit.pk).update(
                    started_at=past, expires_at=past + dt.timedelta(hours=8)
                )
            else:
                SessionInvitation.objects.update(sent_at=timezone.now() - dt.timedelta(hours=1))
                invitations.send_again(invitation, origin=SYSTEM)
            links.append(link)
        for client in (Client(), sign_in(outsider)):
            pages = set()
            for link in links:
                answer = client.get(link)
                assert answer.status_code == 404
                # But for the form's token, and the seconds that a sign-in has left.
                text = re.sub(
                    r'name="csrfmiddlewaretoken" value="\w+"|data-\w+="\d+"', "", answer.content.decode()
                )
                pages.add(text.replace(link, ""))
            assert len(pages) == 1


class TestFollowing:
    @pytest.fixture
    def invitation(self, visit, provider, colleague) -> SessionInvitation:
        invited(visit, colleague.email, provider)
        return SessionInvitation.objects.get()

    def test_withdrawn_it_opens_nothing_and_its_mail_is_dropped(self, invitation, visit, provider, sign_in):
        link = newest_link()
        delivery = Delivery.objects.get()
        assert registry.is_wanted(delivery.kind, delivery.subject_id)

        answer = sign_in(provider).post(page(visit, f"{invitation.pk}/withdrawal/"))

        assert "is withdrawn" in answer.content.decode()
        assert Client().get(link).status_code == 404
        assert not registry.is_wanted(delivery.kind, delivery.subject_id)
        assert told("sessions.invitation_withdrawn").actor_id == provider.pk

    def test_sent_again_the_old_link_ends(self, invitation, visit, provider, sign_in):
        old, first = newest_link(), Delivery.objects.get()
        SessionInvitation.objects.update(sent_at=timezone.now() - dt.timedelta(minutes=2))
        sign_in(provider).post(page(visit, f"{invitation.pk}/sending/"))
        assert newest_link() != old
        assert Client().get(old).status_code == 404
        assert Client().get(newest_link()).status_code == 200
        assert not registry.is_wanted(first.kind, first.subject_id)

    def test_sending_again_is_bounded(self, invitation, visit, provider, sign_in):
        client = sign_in(provider)
        address = page(visit, f"{invitation.pk}/sending/")
        assert "a moment ago" in client.post(address).content.decode()
        for _ in range(5):
            SessionInvitation.objects.update(sent_at=timezone.now() - dt.timedelta(minutes=2))
            client.post(address)
        assert Delivery.objects.count() == invitations.MOST_SENDINGS

    def test_what_is_decided_stays_so(self, invitation, visit, provider, sign_in):
        invitations.decline(newest_link().split("/")[-2], origin=SYSTEM)
        client = sign_in(provider)
        for rest in ("sending", "withdrawal"):
            answer = client.post(page(visit, f"{invitation.pk}/{rest}/"))
            assert "decided already" in answer.content.decode()
        invitation.refresh_from_db()
        assert invitation.state == State.DECLINED

    def test_is_for_the_host_alone(self, invitation, visit, colleague, outsider, phone, provider, sign_in):
        other = make_visit(phone)
        for rest in ("sending", "withdrawal"):
            assert sign_in(provider).get(page(visit, f"{invitation.pk}/{rest}/")).status_code == 405
            assert sign_in(provider).post(page(other, f"{invitation.pk}/{rest}/")).status_code == 404
            for person in (colleague, outsider):
                assert sign_in(person).post(page(visit, f"{invitation.pk}/{rest}/")).status_code == 404
        invitation.refresh_from_db()
        assert (invitation.state, invitation.sendings) == (State.OPEN, 1)

    def test_its_page_says_how_each_stands(self, invitation, visit, provider, sign_in):
        shown = sign_in(provider).get(page(visit)).content.decode()
        assert "colleague@people.example" in shown
        assert "Open" in shown
        visits.end(visit, origin=SYSTEM)
        shown = sign_in(provider).get(page(visit)).content.decode()
        assert "Expired" in shown
        assert "withdrawal" not in shown


@pytest.mark.django_db(transaction=True)
class TestAtOnce:
    NUMBER = 8

    def race(self, act) -> Counter:
        start = threading.Barrier(self.NUMBER)

        def run(index: int) -> str:
            try:
                start.wait()
                act(index)
            except invitations.NotGood:
                return "not good"
            except invitations.Refused:
                return "refused"
            else:
                return "won"
            finally:
                connection.close()

        with ThreadPoolExecutor(self.NUMBER) as pool:
            return Counter(pool.map(run, range(self.NUMBER)))

    def test_one_of_many_acceptances_wins(self, visit, provider, colleague):
        token = invited(visit, colleague.email, provider).split("/")[-2]
        devices = [make_authorization(colleague) for _ in range(self.NUMBER)]

        def accept(index: int) -> None:
            wanted = Joining(
                code="", name="Colin", role="provider", key_commitment=encoded(secrets.token_bytes(32))
            )
            invitations.accept(token, wanted, authorization=devices[index], origin=SYSTEM)

        assert self.race(accept) == {"won": 1, "not good": self.NUMBER - 1}
        assert Participant.objects.filter(is_host=False).count() == 1

    def test_one_address_is_invited_once(self, visit, provider):
        def invite(index: int) -> None:
            invitations.invite(visit, email="guest@elsewhere.example", by=provider, origin=SYSTEM)

        assert self.race(invite) == {"won": 1, "refused": self.NUMBER - 1}
        assert Delivery.objects.count() == 1
