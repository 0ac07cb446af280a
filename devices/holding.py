"""Holding an authorization that lives: a change of what is its own and a revocation wait for each other."""

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from devices.models import DeviceAuthorization
from medimic.problems import Problem

REVOKED = _("This device's access was revoked. Sign in on it again.")


def hold(authorization: DeviceAuthorization, *, why_not: Promise = REVOKED) -> None:
    """Lock its row until the transaction ends. Raises `Problem` 401 `device_revoked` where it was revoked."""
    living = DeviceAuthorization.objects.living().select_for_update(no_key=True)
    if living.filter(pk=authorization.pk).values_list("pk").first() is None:
        raise Problem(401, "device_revoked", why_not)
