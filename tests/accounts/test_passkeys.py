"""Passkeys: enrolled, used alone and as a second factor, renamed, removed; and what is not taken for one."""

import json

import pytest
from allauth.mfa.models import Authenticator
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accounts import passkeys
from accounts.models import Person
from medimic.audit.models import AuditEvent
from tests.accounts.authenticators import Passkey, add_passkey, asked_to_sign_in, sign_in_by
from tests.accounts.conftest import is_signed_in, kinds
from tests.cast import PASSWORD

ADD = "/accounts/2fa/webauthn/add/"
LOGIN = "/accounts/2fa/webauthn/login/"


def stored(person):
    return Authenticator.objects.filter(user=person, type="webauthn")


def password_given(person) -> Client:
    """A browser in which the password was right, and a factor is asked for."""
    browser = Client()
    answer = browser.post(reverse("account_login"), {"login": person.email, "password": PASSWORD})
    assert answer.url == reverse("mfa_authenticate")
    return browser


class TestAdding:
    def test_comes_with_recovery_codes_and_verifies_this_browser(self, provider, log_in):
        browser = log_in(provider)
        add_passkey(browser)
        assert [row.wrap().name for row in stored(provider)] == ["Work laptop"]
        assert browser.session["otp_device_id"]
        assert kinds(provider)[1:] == ["accounts.factor_added", "accounts.recovery_codes_made"]
        assert browser.get(reverse("mfa_view_recovery_codes")).status_code == 200

    def test_is_refused_from_another_site(self, provider, log_in):
        browser = log_in(provider)
        for foreign in (
            Passkey(origin="http://evil.localhost:8000"),
            Passkey(origin="https://localhost:8000"),
            Passkey(rp_id="evil.example"),
        ):
            options = browser.get(ADD).context["js_data"]
            answer = browser.post(ADD, {"credential": foreign.create(options)})
            assert answer.status_code == 200
            assert "did not work" in answer.content.decode()
        assert not stored(provider).exists()

    def test_is_refused_in_a_frame_of_another_site(self, provider, log_in):
        browser, framed = log_in(provider), Passkey()
        framed.is_framed = True
        browser.post(ADD, {"credential": framed.create(browser.get(ADD).context["js_data"])})
        assert not stored(provider).exists()

    def test_is_refused_without_finger_face_or_pin(self, provider, log_in):
        browser = log_in(provider)
        options = browser.get(ADD).context["js_data"]
        browser.post(ADD, {"credential": Passkey(verifies=False).create(options)})
        assert not stored(provider).exists()

    def test_the_same_answer_adds_no_second_one(self, provider, log_in):
        browser, passkey = log_in(provider), Passkey()
        credential = passkey.create(browser.get(ADD).context["js_data"])
        browser.post(ADD, {"credential": credential})
        browser.post(ADD, {"credential": credential})
        assert stored(provider).count() == 1

    def test_asks_an_old_sign_in_for_the_password(self, provider, sign_in):
        assert sign_in(provider).get(ADD).url.startswith(reverse("account_reauthenticate"))

    def test_nothing_is_kept_when_the_log_cannot_be_written(self, provider, log_in, monkeypatch):
        browser = log_in(provider)
        options = browser.get(ADD).context["js_data"]

        def broken(*args, **kwargs):
            raise OSError

        monkeypatch.setattr("accounts.listeners.record", broken)
        browser.raise_request_exception = False
        assert browser.post(ADD, {"credential": Passkey().create(options)}).status_code == 500
        assert not stored(provider).exists()

    def test_ends_at_twenty(self, provider, log_in):
        browser = log_in(provider)
        add_passkey(browser)
        [first] = stored(provider)
        Authenticator.objects.bulk_create(
            Authenticator(user=provider, type="webauthn", data=first.data) for _ in range(passkeys.MOST - 1)
        )
        assert browser.get(ADD).url == reverse("security")

    @pytest.mark.parametrize(
        "credential", ["", "5", "[]", "{", "{}", "[" * 60_000, '{"id": 1}', "x" * 30_000]
    )
    def test_garbage_is_refused(self, provider, log_in, credential):
        browser = log_in(provider)
        browser.get(ADD)
        assert browser.post(ADD, {"credential": credential}).status_code == 200
        assert not stored(provider).exists()


class TestAlone:
    @pytest.fixture
    def passkey(self, provider, log_in):
        return add_passkey(log_in(provider))

    def test_signs_in_verified_and_recorded(self, provider, passkey):
        browser = Client()
        assert sign_in_by(browser, passkey).url == "/"
        assert is_signed_in(browser)
        assert browser.session["otp_device_id"]
        [row] = AuditEvent.objects.filter(kind="accounts.signed_in").order_by("-created_at")[:1]
        assert json.loads(row.details)["factor"] == "webauthn"

    def test_leads_to_where_one_was_going_and_to_no_other_site(self, passkey):
        assert sign_in_by(Client(), passkey, next="/settings/security/").url == "/settings/security/"
        assert sign_in_by(Client(), passkey, next="https://evil.example/").url == "/"

    def test_an_answer_counts_once(self, passkey):
        browser = Client()
        credential = passkey.get(asked_to_sign_in(browser))
        browser.post(LOGIN, {"credential": credential})
        assert is_signed_in(browser)
        browser.post(reverse("account_logout"))
        browser.post(LOGIN, {"credential": credential})
        assert not is_signed_in(browser)

    def test_an_answer_is_of_no_use_in_another_browser(self, passkey):
        credential = passkey.get(asked_to_sign_in(Client()))
        thief = Client()
        asked_to_sign_in(thief)
        thief.post(LOGIN, {"credential": credential})
        assert not is_signed_in(thief)

    @pytest.mark.parametrize("change", ["origin", "frame", "unverified", "other key", "other person"])
    def test_what_is_not_right_is_refused_and_recorded_as_nobodys(self, provider, colleague, passkey, change):
        if change == "origin":
            passkey.origin = "http://evil.localhost:8000"
        elif change == "frame":
            passkey.is_framed = True
        elif change == "unverified":
            passkey.verifies = False
        elif change == "other key":
            passkey._key = Passkey()._key
        else:
            passkey.user_handle = colleague.pk.hex.encode()
        before = len(kinds(provider))
        browser = Client()
        assert (
            sign_in_by(browser, passkey, next="/sessions/").url
            == f"{reverse('account_login')}?next=%2Fsessions%2F"
        )
        assert not is_signed_in(browser)
        assert len(kinds(provider)) == before
        assert AuditEvent.objects.filter(kind="accounts.sign_in_failed", person_id=None).count() == 1

    def test_of_a_closed_account_signs_nobody_in(self, provider, passkey):
        Person.objects.filter(pk=provider.pk).update(is_active=False)
        browser = Client()
        sign_in_by(browser, passkey)
        assert not is_signed_in(browser)

    def test_that_was_removed_signs_nobody_in(self, provider, passkey):
        stored(provider).delete()
        browser = Client()
        sign_in_by(browser, passkey)
        assert not is_signed_in(browser)

    @pytest.mark.parametrize(
        "response",
        [
            {},
            [],
            5,
            {"userHandle": None},
            {"userHandle": "AA"},
            {"clientDataJSON": "e30", "authenticatorData": ""},
        ],
    )
    def test_garbage_is_refused(self, response, db):
        browser = Client()
        asked_to_sign_in(browser)
        body = json.dumps({"id": "AA", "rawId": "AA", "type": "public-key", "response": response})
        assert browser.post(LOGIN, {"credential": body}).url == reverse("account_login")

    def test_a_page_of_another_site_cannot_post_it(self, passkey):
        browser = Client(enforce_csrf_checks=True)
        assert sign_in_by(browser, passkey).status_code == 403

    def test_only_get_and_post(self, client, db):
        assert client.put(LOGIN).status_code == 405


class TestAsSecondFactor:
    @pytest.fixture
    def passkey(self, provider, log_in):
        return add_passkey(log_in(provider))

    def test_follows_the_password(self, provider, passkey):
        browser = password_given(provider)
        assert not is_signed_in(browser)
        options = browser.get(reverse("mfa_authenticate")).context["js_data"]
        browser.post(reverse("mfa_authenticate"), {"credential": passkey.get(options)})
        assert is_signed_in(browser)
        assert browser.session["otp_device_id"]

    def test_somebody_elses_does_not_help(self, provider, colleague, passkey, log_in):
        theirs = add_passkey(log_in(colleague))
        browser = password_given(provider)
        options = browser.get(reverse("mfa_authenticate")).context["js_data"]
        browser.post(reverse("mfa_authenticate"), {"credential": theirs.get(options)})
        assert not is_signed_in(browser)
        assert kinds(provider)[-1] == "accounts.factor_failed"

    def test_without_it_a_recovery_code_does(self, provider, passkey):
        codes = Authenticator.objects.get(user=provider, type="recovery_codes").wrap().get_unused_codes()
        browser = password_given(provider)
        assert "or a recovery code" in browser.get(reverse("mfa_authenticate")).content.decode()
        browser.post(reverse("mfa_authenticate"), {"code": codes[0]})
        assert is_signed_in(browser)

    def test_confirms_that_it_is_you(self, provider, passkey, sign_in):
        browser = sign_in(provider)
        asked = browser.get(reverse("sign_out_everywhere")).url
        assert asked.startswith(reverse("mfa_reauthenticate_webauthn"))
        options = browser.get(asked).context["js_data"]
        answer = browser.post(asked, {"credential": passkey.get(options)})
        assert answer.url == reverse("sign_out_everywhere")
        assert browser.get(answer.url).status_code == 200

    def test_a_wrong_one_keeps_the_way_back(self, provider, passkey, sign_in):
        browser = sign_in(provider)
        asked = browser.get(reverse("sign_out_everywhere")).url
        options = browser.get(asked).context["js_data"]
        passkey.verifies = False
        answer = browser.post(asked, {"credential": passkey.get(options)})
        assert answer.status_code == 200
        page = answer.content.decode()
        assert "did not work" in page
        assert f'value="{reverse("sign_out_everywhere")}"' in page


class TestKeeping:
    @pytest.fixture
    def browser(self, provider, log_in):
        browser = log_in(provider)
        add_passkey(browser)
        return browser

    def address(self, person, page):
        return reverse(f"passkey_{page}", args=[passkeys.reference(stored(person).get())])

    def test_it_is_renamed_and_the_log_holds_no_name(self, provider, browser):
        browser.post(self.address(provider, "name"), {"name": "Key ring"})
        assert stored(provider).get().wrap().name == "Key ring"
        [row] = AuditEvent.objects.filter(kind="accounts.passkey_renamed")
        assert row.details == "{}"

    def test_it_is_removed_and_the_codes_with_it(self, provider, browser):
        assert "password alone" in browser.get(self.address(provider, "removal")).content.decode()
        browser.post(self.address(provider, "removal"))
        assert not Authenticator.objects.filter(user=provider).exists()
        assert kinds(provider)[-1] == "accounts.factor_removed"

    def test_beside_an_app_the_codes_stay(self, provider, browser, clock):
        from tests.accounts.test_factors import set_up

        set_up(browser, clock)
        assert "stay as they are" in browser.get(self.address(provider, "removal")).content.decode()
        browser.post(self.address(provider, "removal"))
        assert Authenticator.objects.filter(user=provider).count() == 2

    @pytest.mark.parametrize("page", ["name", "removal"])
    def test_by_nobody_else(self, provider, colleague, browser, log_in, page):
        address = self.address(provider, page)
        assert log_in(colleague).post(address, {"name": "Mine"}).status_code == 404
        assert Client().post(address).url.startswith(reverse("account_login"))
        assert stored(provider).get().wrap().name == "Work laptop"

    @pytest.mark.parametrize("page", ["name", "removal"])
    def test_only_after_proving_it(self, provider, browser, sign_in, page):
        old = sign_in(provider)
        assert old.post(self.address(provider, page), {"name": "Mine"}).url.startswith(
            "/accounts/2fa/webauthn/"
        )
        assert stored(provider).get().wrap().name == "Work laptop"

    def test_the_page_lists_it_with_as_many_queries_for_one_as_for_many(self, provider, browser):
        def count():
            with CaptureQueriesContext(connection) as queries:
                page = browser.get(reverse("security")).content.decode()
            return len(queries), page

        count()
        few, page = count()
        assert "Work laptop" in page
        [first] = stored(provider)
        Authenticator.objects.bulk_create(
            Authenticator(user=provider, type="webauthn", data=first.data) for _ in range(15)
        )
        assert count()[0] == few

    def test_addresses_of_the_library_lead_to_the_page(self, provider, browser):
        pk = stored(provider).get().pk
        for end in ("", f"keys/{pk}/remove/", f"keys/{pk}/edit/"):
            assert browser.post(f"/accounts/2fa/webauthn/{end}").url == reverse("security")
        assert stored(provider).exists()
