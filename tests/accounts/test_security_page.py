from django.test import Client
from django.urls import reverse

from accounts import sign_ins
from tests.accounts.conftest import is_signed_in, kinds


def test_every_browser_is_listed_and_this_one_marked(provider, log_in):
    here, _there = log_in(provider), log_in(provider)
    rows = here.get(reverse("security")).context["sign_ins"]
    assert [row.browser for row in rows] == ["Firefox on Linux"] * 2
    assert [row.is_this for row in rows] == [True, False]


def test_browsers_that_signed_out_are_gone(provider, log_in):
    here, there = log_in(provider), log_in(provider)
    there.post(reverse("account_logout"))
    assert len(here.get(reverse("security")).context["sign_ins"]) == 1


def test_as_many_queries_for_one_browser_as_for_many(provider, log_in, django_assert_num_queries):
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    here = log_in(provider)
    here.get(reverse("security"))
    with CaptureQueriesContext(connection) as few:
        here.get(reverse("security"))
    for _ in range(8):
        log_in(provider)
    with CaptureQueriesContext(connection) as many:
        here.get(reverse("security"))
    assert len(few) == len(many)


def test_the_addresses_hold_no_key(provider, log_in):
    here, there = log_in(provider), log_in(provider)
    page = here.get(reverse("security")).content.decode()
    assert here.cookies["sign-in"].value not in page
    assert there.cookies["sign-in"].value not in page


def test_it_says_whether_there_is_a_second_factor(provider, log_in, enrol):
    assert reverse("mfa_activate_totp") in log_in(provider).get(reverse("security")).content.decode()
    browser = log_in(provider, enrol(provider))
    page = browser.get(reverse("security")).content.decode()
    assert reverse("mfa_deactivate_totp") in page
    assert "10 codes left" in page


def test_only_get(provider, log_in):
    assert log_in(provider).post(reverse("security")).status_code == 405


def test_signed_out_people_are_asked_to_sign_in(client, db):
    assert client.get(reverse("security")).url.startswith(reverse("account_login"))


def test_overviews_of_the_library_lead_here(provider, log_in):
    browser = log_in(provider)
    for name in ("mfa_index", "usersessions_list"):
        assert browser.get(reverse(name)).url == reverse("security")


class TestSigningOneBrowserOut:
    def address(self, browser):
        key = browser.cookies["sign-in"].value
        row = sign_ins.UserSession.objects.get(session_key=key)
        return reverse("browser_sign_out", args=[sign_ins.reference(row)])

    def test_it_is_out_and_this_one_in(self, provider, log_in):
        here, there = log_in(provider), log_in(provider)
        assert here.post(self.address(there)).url == reverse("security")
        assert not is_signed_in(there)
        assert is_signed_in(here)
        assert kinds(provider)[-1] == "accounts.browser_signed_out"

    def test_somebody_elses_is_not_found(self, provider, colleague, log_in):
        here, theirs = log_in(provider), log_in(colleague)
        assert here.post(self.address(theirs)).status_code == 404
        assert is_signed_in(theirs)

    def test_this_one_has_sign_out_for_that(self, provider, log_in):
        here = log_in(provider)
        assert here.post(self.address(here)).status_code == 404

    def test_only_post(self, provider, log_in):
        here, there = log_in(provider), log_in(provider)
        assert here.get(self.address(there)).status_code == 405

    def test_signed_out_people_are_asked_to_sign_in(self, provider, log_in):
        there = log_in(provider)
        assert Client().post(self.address(there)).url.startswith(reverse("account_login"))
