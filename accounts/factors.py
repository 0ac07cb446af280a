"""Taking somebody's second factors away: for who has lost them, once it is sure who asks."""

from allauth.mfa.models import Authenticator
from django.db import transaction
from django.utils.translation import gettext_lazy as _

from accounts import actions, alerts
from accounts.models import Person
from accounts.notices import Notice
from medimic.audit.log import Origin

REMOVED = Notice(
    _("Your second factors were removed"),
    _(
        "Support removed the authenticator app, the passkeys and the recovery codes of your MediMic account, "
        "and signed you out everywhere. If you did not ask for that, somebody may have asked in your name."
    ),
)


class OfStaff(Exception):
    """Whoever could take a colleague's factor away could take their place."""


def remove_all(*, person: Person, origin: Origin) -> int:
    """Remove every factor, end every sign-in, trust and token, and tell the person; how many there were.

    The password stays: whoever removes the factors must not come in by that. Raises `OfStaff`.
    """
    if person.is_staff:
        raise OfStaff
    with transaction.atomic():
        factors = list(Authenticator.objects.select_for_update().filter(user=person).order_by("pk"))
        for factor in factors:
            # Each writes its own row of the log (`accounts.listeners.factor_deleted`).
            factor.delete()
        if factors:
            actions.sign_out_everywhere(person=person, origin=origin)
            # With the link that locks the account: a stranger may have talked support into it.
            alerts.send("accounts.factors_removed", REMOVED, person=person, origin=None)
    return len([one for one in factors if one.type != Authenticator.Type.RECOVERY_CODES])
