"""The bridge between allauth's factors and django-otp."""

import io
import json

from allauth.mfa.models import Authenticator
from django.core.management import call_command
from django_otp import devices_for_user, user_has_device

from accounts.models import Factor


def test_a_factor_is_allauths_row(provider, enrol):
    enrol(provider)
    rows = Authenticator.objects.filter(user=provider).values_list("pk", "type")
    assert sorted((factor.pk, factor.type) for factor in devices_for_user(provider)) == sorted(rows)
    assert user_has_device(provider)
    assert not user_has_device(provider, confirmed=False)


def test_a_factor_by_itself_accepts_no_code(provider, enrol):
    app = enrol(provider)
    assert not any(factor.verify_token(app.code()) for factor in devices_for_user(provider))


def test_dumpdata_leaves_out_what_has_no_table_of_its_own(provider, enrol):
    enrol(provider)
    out = io.StringIO()
    call_command("dumpdata", stdout=out)
    models = {row["model"] for row in json.loads(out.getvalue())}
    assert "mfa.authenticator" in models
    assert not models & {"accounts.factor", "audit.auditevent"}


def test_removing_a_person_removes_their_factors(patient, enrol):
    enrol(patient)
    patient.memberships.all().delete()
    patient.delete()
    assert not Factor.objects.exists()
