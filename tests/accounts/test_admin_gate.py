"""Who gets into /admin/: staff with a verified second factor, and nobody else."""

import pytest
from allauth.mfa.models import Authenticator
from django.contrib.auth.models import Group
from django.urls import reverse

from accounts.staff import SUPPORT
from tests.accounts.conftest import kinds
from tests.accounts.test_factors import set_up
from tests.cast import PASSWORD

INDEX = "/admin/"


def test_signed_out_people_go_to_the_portals_own_sign_in(client, db):
    response = client.get(INDEX, follow=True)
    assert response.redirect_chain[-1][0] == f"{reverse('account_login')}?next=/admin/"


def test_people_who_are_no_staff_are_refused(provider, log_in, enrol):
    browser = log_in(provider, enrol(provider))
    assert browser.get(INDEX, follow=True).status_code == 403


def test_staff_without_a_factor_set_one_up(support, log_in):
    response = log_in(support).get(INDEX, follow=True)
    assert response.redirect_chain[-1][0] == reverse("second_factor")


@pytest.mark.django_db(transaction=True)
def test_and_are_led_on_to_where_they_were_going(support, log_in, clock):
    browser = log_in(support)
    browser.get(INDEX, follow=True)
    set_up(browser, clock)
    page = browser.get(reverse("mfa_view_recovery_codes")).content.decode()
    onward = f"{reverse('step_up')}?next=/admin/"
    assert f'href="{onward}"' in page
    assert browser.get(onward).url == INDEX
    assert browser.get(INDEX).status_code == 200
    # Once there, the page leads back to Security again.
    assert onward not in browser.get(reverse("mfa_view_recovery_codes")).content.decode()


def test_staff_who_signed_in_with_their_factor_are_in(support, log_in, enrol):
    assert log_in(support, enrol(support)).get(INDEX).status_code == 200


def test_staff_who_have_not_proved_it_are_asked(support, sign_in, enrol):
    app = enrol(support)
    browser = sign_in(support)
    response = browser.get("/admin/accounts/person/", follow=True)
    asked, _status = response.redirect_chain[-1]
    assert asked.startswith(reverse("mfa_reauthenticate"))
    response = browser.post(asked, {"code": app.code()})
    assert response.url == "/admin/accounts/person/"
    assert browser.get(INDEX).status_code == 200


def test_a_trusted_browser_alone_does_not_verify(support, enrol, client, settings):
    settings.MFA_TRUST_ENABLED = True
    enrol(support)
    client.force_login(support)
    session = client.session
    # As after a sign-in by password whose prompt for a code was skipped.
    session["account_authentication_methods"] = [{"method": "password", "at": 0, "email": support.email}]
    session["account_authentication_methods_user"] = str(support.pk)
    session.save()
    assert client.get(INDEX).status_code == 302


def test_the_password_does_not_step_up(support, enrol, sign_in):
    enrol(support)
    browser = sign_in(support)
    browser.post(reverse("account_reauthenticate"), {"password": PASSWORD, "next": INDEX})
    assert browser.get(INDEX).status_code == 302


def test_the_form_of_the_library_is_never_shown(support, client, enrol):
    app = enrol(support)
    device = Authenticator.objects.get(user=support, type="totp").pk
    response = client.post(
        "/admin/login/",
        {
            "username": support.email,
            "password": PASSWORD,
            "otp_device": f"accounts.factor/{device}",
            "otp_token": app.code(),
        },
    )
    assert response.url.startswith(reverse("account_login"))
    assert kinds(support) == ["accounts.factor_added", "accounts.recovery_codes_made"]


def test_removing_the_factor_closes_the_admin(support, log_in, enrol):
    browser = log_in(support, enrol(support))
    Authenticator.objects.filter(user=support).delete()
    assert browser.get(INDEX).status_code == 302


def test_signing_out_there_signs_out(support, log_in, enrol):
    browser = log_in(support, enrol(support))
    browser.post("/admin/logout/")
    assert browser.get(reverse("security")).status_code == 302
    assert kinds(support)[-1] == "accounts.signed_out"


def test_the_password_is_changed_on_the_portals_own_page(support, log_in, enrol):
    browser = log_in(support, enrol(support))
    assert browser.get("/admin/password_change/").url == reverse("account_change_password")


def test_staff_without_a_group_see_an_empty_admin(support, log_in, enrol):
    response = log_in(support, enrol(support)).get(INDEX)
    assert response.context["app_list"] == []


def test_nothing_of_the_libraries_is_there(support, log_in, enrol):
    support.is_superuser = True
    support.save()
    response = log_in(support, enrol(support)).get(INDEX)
    labels = {app["app_label"] for app in response.context["app_list"]}
    assert "accounts" in labels
    assert not labels & {"account", "mfa", "usersessions", "auth", "socialaccount"}


class TestStepUp:
    @pytest.mark.parametrize("onward", ["https://evil.example/", "//evil.example", "/\\evil.example"])
    def test_it_leads_to_no_other_site(self, support, log_in, enrol, onward):
        browser = log_in(support, enrol(support))
        assert browser.get(reverse("step_up"), {"next": onward}).url == INDEX

    def test_signed_out_people_are_asked_to_sign_in(self, client, db):
        assert client.get(reverse("step_up")).url.startswith(reverse("account_login"))

    def test_only_get(self, support, log_in):
        assert log_in(support).post(reverse("step_up")).status_code == 405


class TestPeople:
    @pytest.fixture
    def desk(self, support, log_in, enrol):
        support.groups.add(Group.objects.get_or_create(name=SUPPORT)[0])
        return log_in(support, enrol(support))

    @pytest.mark.parametrize("term", ["outsider@people.example", "outsid", "Olga", "OLGA"])
    def test_are_found_by_the_beginning_of_address_or_name(self, desk, outsider, provider, term):
        response = desk.get("/admin/accounts/person/", {"q": term})
        assert list(response.context["cl"].result_list) == [outsider]

    @pytest.mark.parametrize("term", ["020 7946 0018", "+442079460018"])
    def test_are_found_by_a_whole_phone_number(self, desk, outsider, provider, term):
        outsider.phone_number = "+442079460018"
        outsider.save()
        response = desk.get("/admin/accounts/person/", {"q": term})
        assert list(response.context["cl"].result_list) == [outsider]

    def test_are_shown_without_password_and_cannot_be_edited(self, desk, outsider):
        address = f"/admin/accounts/person/{outsider.pk}/change/"
        response = desk.get(address)
        page = response.content.decode()
        assert outsider.email in page
        assert outsider.password not in page
        assert '<input type="text"' not in page.split("<main")[-1]
        assert desk.post(address, {"first_name": "Changed"}).status_code == 405
        outsider.refresh_from_db()
        assert outsider.first_name == "Olga"

    @pytest.mark.parametrize("act", ["delete/", "../add/"])
    def test_are_neither_added_nor_deleted(self, desk, outsider, act):
        path = (
            f"/admin/accounts/person/{outsider.pk}/{act}"
            if act == "delete/"
            else "/admin/accounts/person/add/"
        )
        assert desk.get(path).status_code == 403

    def test_are_hidden_from_staff_outside_support(self, support, log_in, enrol):
        browser = log_in(support, enrol(support))
        assert browser.get("/admin/accounts/person/").status_code == 403

    def test_take_as_many_queries_for_5_as_for_100(self, desk):
        from django.db import connection
        from django.test.utils import CaptureQueriesContext

        from tests.cast import make_person

        def count():
            with CaptureQueriesContext(connection) as queries:
                desk.get("/admin/accounts/person/")
            return len(queries)

        count()
        few = count()
        for number in range(40):
            make_person("Many", f"Person{number}")
        assert count() == few
