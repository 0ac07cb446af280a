"""Rule 9. A link for oneself or one's patient, once, for 24 hours; for nobody else. The dialog's own
tests say how it is shown and sent."""

import datetime as dt

import pytest
from django.conf import settings
from django.utils import timezone

from devices import deep_link, permissions
from devices.models import DeviceAuthorization, Registration
from medimic import crypto
from tests import cast
from tests.answers import told
from tests.devices.kit import call, events, just_now, link_for, log_in, refused, token_in

pytestmark = pytest.mark.django_db


def register(client, **body):
    return call("post", "device-register", body, client=client)


class TestLink:
    def test_makes_an_inactive_device_that_turns_active_with_its_sign_in(self, provider, sign_in):
        client = just_now(sign_in(provider))
        made = register(client, name="Work phone").json()
        assert made["device"]["device_status_id"] == "INACTIVE"
        log_in(token_in(made["link"]))
        (row,) = call("get", "devices", client=client).json()["devices"]
        assert (row["id"], row["device_status_id"]) == (made["device"]["id"], "ACTIVE")

    def test_holds_what_the_app_needs_encrypted_under_the_first_key(self, provider):
        link = link_for(provider).link
        content = deep_link.open_link(link, settings.CRYPTO_KEY)
        assert set(content) == {"token", "tenant_id", "instance_id", "api_key"}
        assert content["token"] not in link

    def test_is_good_once(self, provider):
        token = token_in(link_for(provider).link)
        assert log_in(token).status_code == 200
        assert refused(log_in(token), 410, "registration_used")

    def test_is_good_for_a_day(self, provider):
        issued = link_for(provider)
        assert abs(issued.expires_at - timezone.now() - dt.timedelta(hours=24)) < dt.timedelta(minutes=1)
        Registration.objects.update(expires_at=timezone.now())
        assert refused(log_in(token_in(issued.link)), 410, "registration_expired")

    def test_is_kept_as_a_hash(self, provider):
        token = token_in(link_for(provider).link)
        assert Registration.objects.get().token_hash == crypto.token_hash(token)
        assert token not in str([*Registration.objects.values(), *DeviceAuthorization.objects.values()])

    def test_is_audited(self, provider):
        row = link_for(provider).authorization
        (event,) = events("devices.link_issued")
        assert (event.person_id, event.object_id) == (provider.pk, str(row.pk))

    def test_asks_for_a_recent_authentication(self, provider, sign_in):
        assert refused(register(sign_in(provider)), 403, "reauthentication_required")


class TestRight:
    def test_for_oneself(self, provider, patient):
        for person in (provider, patient):
            assert permissions.link_right(person, person).may_see

    @pytest.mark.parametrize("who", ["provider", "admin"])
    def test_a_clinician_for_a_patient_without_a_sign_in_sees_it(self, request, who, clinic):
        quiet = cast.make_person("Quiet", "Patient", email=None)
        cast.join(clinic, quiet, "patient")
        assert permissions.link_right(request.getfixturevalue(who), quiet).may_see

    def test_a_clinician_never_sees_that_of_a_patient_who_has_a_sign_in(self, provider, patient):
        assert not permissions.link_right(provider, patient).may_see

    def test_nobody_for_a_colleague_or_anybody_else(
        self, provider, colleague, admin, patient, outsider, support
    ):
        for by, account in [
            (provider, colleague),
            (admin, provider),
            (patient, provider),
            (provider, outsider),
            (outsider, patient),
            (provider, support),
            (support, provider),
        ]:
            assert permissions.link_right(by, account) is None

    def test_whoever_may_not_is_told_as_if_there_were_nobody(self, provider, colleague, sign_in):
        client = just_now(sign_in(provider))
        foreign = register(client, user_id=str(colleague.pk))
        missing = register(client, user_id="00000000-0000-4000-8000-000000000000")
        assert refused(foreign, 404, "person_unknown")
        assert told(foreign) == told(missing)
