"""Sessions started and ended in the portal."""

import uuid

import pytest
from django.test import Client

from billing.catalogue import TEAM
from devices.models import Device
from medimic.audit.models import AuditEvent
from sessions_app.models import Participant, Visit
from tests import cast
from tests.sessions_app.conftest import make_authorization
from tests.sessions_app.test_pages import make_visit

pytestmark = pytest.mark.django_db
NEW = "/sessions/new/"
KEY = "k" * 43


def wanted(**fields) -> dict:
    return {"name": "Morning round", "mode": "two_device", "organization": "none", "key": KEY, **fields}


def ending(visit) -> str:
    return f"/sessions/{visit.pk}/ending/"


class TestStart:
    def test_makes_a_session_and_shows_its_code(self, provider, clinic, sign_in):
        client = sign_in(provider)
        response = client.post(NEW, wanted(organization=str(clinic.pk)), follow=True)
        visit = Visit.objects.get()
        assert response.redirect_chain == [(f"/sessions/{visit.pk}/", 302)]
        page = response.content.decode()
        assert visit.code in page
        assert ending(visit) in page
        assert (visit.name, visit.mode, visit.host, visit.organization) == (
            "Morning round",
            "two_device",
            provider,
            clinic,
        )
        assert Participant.objects.get().is_host
        assert AuditEvent.objects.get(kind="sessions.started").actor_id == provider.pk

    def test_asks_for_the_organization_where_there_is_a_choice(self, provider, clinic, outsider, sign_in):
        second = cast.make_organization("Hilltop Hospital", TEAM)
        cast.join(second, provider)
        page = sign_in(provider).get(NEW).content.decode()
        for name in ("Lakeside Clinic", "Hilltop Hospital", "None: on my own plan"):
            assert name in page
        assert "Organization" not in sign_in(outsider).get(NEW).context["form"].as_div()

    def test_proposes_the_organization_of_last_time(self, provider, clinic, sign_in):
        client = sign_in(provider)
        assert client.get(NEW).context["form"].initial["organization"] == str(clinic.pk)
        client.post(NEW, wanted())
        assert client.get(NEW).context["form"].initial["organization"] == "none"

    def test_somebody_without_an_organization_starts_their_own(self, outsider, sign_in):
        fields = wanted()
        del fields["organization"]
        assert sign_in(outsider).post(NEW, fields).status_code == 302
        assert Visit.objects.get().organization is None

    def test_sent_twice_it_is_one(self, outsider, sign_in):
        client = sign_in(outsider)
        client.get(NEW)
        answers = [client.post(NEW, wanted()) for _ in range(2)]
        assert answers[0].url == answers[1].url
        assert Visit.objects.count() == 1

    @pytest.mark.parametrize(
        ("fields", "complaint"),
        [
            ({"name": ""}, "required"),
            ({"name": "x" * 121}, "at most 120 characters"),
            ({"name": "a\u202eb"}, "signs that cannot be seen"),
            ({"mode": "secret"}, "Select a valid choice"),
            ({"organization": str(uuid.uuid4())}, "Select a valid choice"),
            ({"organization": ""}, "required"),
        ],
    )
    def test_refuses_what_makes_no_session(self, provider, sign_in, fields, complaint):
        response = sign_in(provider).post(NEW, wanted(**fields))
        assert response.status_code == 200
        assert complaint in response.content.decode()
        assert not Visit.objects.exists()
        assert not Device.objects.exists()

    def test_another_s_organization_is_none_to_choose(self, outsider, clinic, sign_in):
        sign_in(outsider).post(NEW, wanted(organization=str(clinic.pk)))
        assert not Visit.objects.filter(organization=clinic).exists()

    def test_patients_cannot(self, patient, sign_in):
        client = sign_in(patient)
        assert client.get(NEW).status_code == 403
        assert client.post(NEW, wanted()).status_code == 403
        assert not Visit.objects.exists()
        for path in ("/", "/sessions/"):
            assert NEW not in client.get(path).content.decode()

    def test_is_offered_on_the_dashboard_and_among_the_sessions(self, provider, sign_in):
        for path in ("/", "/sessions/"):
            page = sign_in(provider).get(path).content.decode()
            assert NEW in page
            assert "Start a session via web" in page

    def test_anonymous_is_led_to_the_sign_in(self):
        assert Client().get(NEW).url.startswith("/accounts/login/")
        assert Client().post(NEW, wanted()).url.startswith("/accounts/login/")

    def test_takes_no_other_method_and_needs_the_page_s_token(self, provider, sign_in):
        assert sign_in(provider).put(NEW).status_code == 405
        client = Client(enforce_csrf_checks=True)
        client.force_login(provider)
        assert client.post(NEW, wanted()).status_code == 403


class TestEnd:
    @pytest.fixture
    def visit(self, provider) -> Visit:
        return make_visit(make_authorization(provider))

    def test_asks_first(self, visit, provider, sign_in):
        assert "End Visit?" in sign_in(provider).get(ending(visit)).content.decode()
        visit.refresh_from_db()
        assert visit.ended_at is None

    def test_ends_it_once(self, visit, provider, sign_in):
        client = sign_in(provider)
        assert "is ended" in client.post(ending(visit), follow=True).content.decode()
        assert "over already" in client.post(ending(visit), follow=True).content.decode()
        visit.refresh_from_db()
        assert visit.ended_at
        assert AuditEvent.objects.filter(kind="sessions.ended").count() == 1
        assert ending(visit) not in client.get(f"/sessions/{visit.pk}/").content.decode()

    def test_is_for_the_host_alone(self, visit, colleague, admin, outsider, patient, sign_in):
        Participant.objects.create(visit=visit, person=patient, name="Piotr", role=Participant.Role.PATIENT)
        for person, status in ((colleague, 404), (admin, 404), (outsider, 404), (patient, 403)):
            client = sign_in(person)
            assert client.get(ending(visit)).status_code == status
            assert client.post(ending(visit)).status_code == status
        assert ending(visit) not in sign_in(patient).get(f"/sessions/{visit.pk}/").content.decode()
        assert Client().post(ending(visit)).url.startswith("/accounts/login/")
        visit.refresh_from_db()
        assert visit.ended_at is None

    def test_takes_no_other_method(self, visit, provider, sign_in):
        assert sign_in(provider).delete(ending(visit)).status_code == 405
