"""Mails of accounts."""

from allauth.account.adapter import get_adapter
from django.conf import settings
from django.utils.translation import override

from accounts import alerts, lockdown
from accounts.notices import (
    EMAIL_ARRIVED,
    NEW_BROWSER,
    NOTICES,
    RECOVERY_CODE_USED,
    SECURITY_ALERTS_OFF,
    Notice,
)
from medimic.gallery.registry import Send, add_sample, sample
from medimic.gallery.stage import Stage

ALERT = "accounts/mail/alert"
ALERTS = {
    "new_browser": NEW_BROWSER,
    "recovery_code_used": RECOVERY_CODE_USED,
    "security_alerts_off": SECURITY_ALERTS_OFF,
    **NOTICES,
}


def _alert(name: str, notice: Notice) -> Send:
    def send(stage: Stage) -> None:
        alerts.send(
            f"accounts.{name}",
            notice,
            person=stage.reader,
            origin=stage.origin,
            facts={"provider": "Clinic sign-on"},
        )

    return send


for _name, _notice in ALERTS.items():
    with override("en"):
        _about = str(_notice.subject) % {"provider": "A provider"}
    add_sample(f"accounts-{_name}".replace("_", "-"), ALERT, _about, _alert(_name, _notice))


@sample(ALERT, "An address is an account's from now on: an alert without a link")
def email_arrived(stage: Stage) -> None:
    alerts.send(
        "accounts.email_arrived", EMAIL_ARRIVED, person=stage.reader, origin=stage.origin, with_link=False
    )


@sample("accounts/mail/locked", "Somebody has confirmed that something was not them")
def locked(stage: Stage) -> None:
    lockdown.mail_new_password(stage.reader)


@sample("accounts/mail/email_confirmation_signup", "Somebody signs up")
def signup(stage: Stage) -> None:
    _send("email_confirmation_signup", stage, user=stage.reader, code="HXQ-7KD")


@sample("accounts/mail/email_confirmation", "Somebody wants another address")
def new_email(stage: Stage) -> None:
    _send("email_confirmation", stage, user=stage.reader, code="HXQ-7KD")


@sample("accounts/mail/account_already_exists", "Somebody signs up with an address that has an account")
def already_exists(stage: Stage) -> None:
    _send("account_already_exists", stage)


@sample("accounts/mail/unknown_account", "A reset is asked for where there is no account")
def unknown_account(stage: Stage) -> None:
    _send("unknown_account", stage)


@sample("accounts/mail/password_reset_key", "Forgot Password")
def reset(stage: Stage) -> None:
    url = f"{settings.PORTAL_URL}/accounts/password/reset/key/sample-sample-sample-sample/"
    _send("password_reset_key", stage, user=stage.reader, password_reset_url=url)


def _send(name: str, stage: Stage, **context: object) -> None:
    get_adapter().send_mail(f"account/email/{name}", stage.reader.email or "", context)
