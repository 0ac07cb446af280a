"""What a person is told by mail when something about their security changed."""

from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _


@dataclass(frozen=True)
class Notice:
    subject: Promise
    sentence: Promise


# By allauth's name for the occasion.
NOTICES = {
    "email_changed": Notice(
        _("Your email address was changed"),
        _("The email address of your MediMic account was changed. This address no longer signs in."),
    ),
    "password_changed": Notice(
        _("Your password was changed"),
        _("Your MediMic password was changed. Your other browsers and all devices were signed out."),
    ),
    "password_reset": Notice(
        _("Your password was reset"),
        _("Your MediMic password was reset. All browsers and devices were signed out."),
    ),
    "password_set": Notice(
        _("A password was set"),
        _("Your MediMic account has a password now."),
    ),
    "totp_activated": Notice(
        _("An authenticator app was added"),
        _("Signing in to your MediMic account asks for a code from an authenticator app now."),
    ),
    "totp_deactivated": Notice(
        _("Your authenticator app was removed"),
        _("Signing in to your MediMic account no longer asks for a code from an authenticator app."),
    ),
    "recovery_codes_generated": Notice(
        _("New recovery codes were made"),
        _("Your MediMic account has new recovery codes. The earlier ones no longer work."),
    ),
}
