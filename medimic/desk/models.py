"""What staff may do at the desk, as permissions. There is no table behind them."""

from django.db import models
from django.utils.translation import gettext_lazy as _


class Desk(models.Model):
    """Holds the permissions; the groups Support and Auditor get theirs by migration."""

    class Meta:
        managed = False
        default_permissions = ()
        permissions = [
            ("revoke_device", _("Can revoke a device, and lift a block")),
            ("end_sign_ins", _("Can end a person's sign-ins")),
            ("resend_verification", _("Can ask a person again to verify their email address")),
            ("remove_factors", _("Can remove a person's second factors")),
            ("settle_invoices", _("Can mark invoices as paid, and credit them")),
            ("extend_trials", _("Can extend a trial")),
            ("resend_deliveries", _("Can have a delivery sent again")),
        ]

    def __str__(self) -> str:
        return ""
