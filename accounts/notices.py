"""What a person is told by mail when something about their security changed.

A sentence may have gaps for facts: `%(provider)s`. See `accounts.alerts`.
"""

from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _


@dataclass(frozen=True)
class Notice:
    """`can_be_off`: the switch of security alerts governs it (`accounts.mail_preferences`)."""

    subject: Promise
    sentence: Promise
    can_be_off: bool = False


NEW_BROWSER = Notice(
    _("A new browser signed in"),
    _("A browser that you had not used before signed in to your MediMic account."),
    can_be_off=True,
)
SECURITY_ALERTS_OFF = Notice(
    _("Security alerts were switched off"),
    _(
        "From now on you are not told by mail of new browsers and devices of your MediMic account. "
        "Changes of your password, email address and second factors are still told."
    ),
)
RECOVERY_CODE_USED = Notice(
    _("A recovery code was used"),
    _("One of the recovery codes of your MediMic account was used. It does not work again."),
)
# Of the address that signs in from now on; the one before it gets the link that takes it back.
EMAIL_ARRIVED = Notice(
    _("Your email address was changed"),
    _("This is the email address of your MediMic account now. The address before it was told, too."),
)

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
    "webauthn_added": Notice(
        _("A passkey was added"),
        _("Your MediMic account has a new passkey. It signs in without the password."),
    ),
    "webauthn_removed": Notice(
        _("A passkey was removed"),
        _("A passkey of your MediMic account was removed. It no longer signs in."),
    ),
    "account_connected": Notice(
        _("%(provider)s signs you in now"),
        _("Your MediMic account was connected with %(provider)s, which signs in to it from now on."),
    ),
    "account_disconnected": Notice(
        _("%(provider)s no longer signs you in"),
        _("Your MediMic account is no longer connected with %(provider)s."),
    ),
}
