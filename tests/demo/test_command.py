import stat

import pytest
from allauth.account.models import EmailAddress
from django.core.management import CommandError, call_command

from accounts.models import Person
from billing.models import UsagePeriod
from devices.models import Device, DeviceAuthorization
from medimic.audit.models import AuditEvent
from medimic.demo.accounts import ACCOUNTS
from orgs.models import Membership, Organization
from sessions_app.models import Visit
from tests import cast

pytestmark = pytest.mark.django_db
EMAILS = [email for email, _what in ACCOUNTS]


@pytest.fixture(autouse=True)
def own_var(settings, tmp_path):
    settings.VAR_DIR = tmp_path
    settings.DEMO_PASSWORD = ""


def run(capsys) -> str:
    call_command("demo")
    return capsys.readouterr().out


def password_told(output) -> str:
    return output.rsplit("Their password: ", 1)[1].strip()


def counts() -> list[int]:
    models = (Person, Organization, Membership, Device, DeviceAuthorization, Visit, UsagePeriod, AuditEvent)
    return [model.objects.count() for model in models]


def test_accounts_are_told_with_a_password_that_signs_them_in(capsys, client):
    output = run(capsys)
    for email in EMAILS:
        assert email in output
        assert EmailAddress.objects.get(email=email).verified
    assert {p.check_password(password_told(output)) for p in Person.objects.filter(email__in=EMAILS)} == {
        True
    }


def test_running_again_changes_nothing(capsys, tmp_path):
    first = run(capsys)
    before = counts()
    assert run(capsys) == first
    assert counts() == before
    assert stat.S_IMODE((tmp_path / "demo-password").stat().st_mode) == 0o600


def test_given_password_is_taken_now_and_later(capsys, settings):
    run(capsys)
    settings.DEMO_PASSWORD = "a password of my own"
    assert password_told(run(capsys)) == settings.DEMO_PASSWORD
    assert Person.objects.get(email=EMAILS[0]).check_password(settings.DEMO_PASSWORD)
    assert not (settings.VAR_DIR / "demo-password").read_text().startswith(settings.DEMO_PASSWORD)


def test_production_is_refused(settings):
    settings.PRODUCTION = True
    with pytest.raises(CommandError):
        call_command("demo")
    assert not Person.objects.exists()


def test_nobody_else_s_account_is_touched(capsys):
    somebody = cast.make_person("Ann", "Real")
    run(capsys)
    run(capsys)
    somebody.refresh_from_db()
    assert somebody.check_password(cast.PASSWORD)
    assert not somebody.memberships.exists()
