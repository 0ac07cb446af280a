"""To whom invoices are written: what is asked, and the verb that changes it."""

from django import forms
from django.db import transaction
from django.utils.translation import gettext_lazy as _

from accounts.forms import PlainWords
from accounts.models import Person
from billing.models import Subscription
from billing.subscriptions import held
from medimic.audit.log import Origin, record

FIELDS = ("bill_to_name", "bill_to_address", "bill_to_tax_id")


class DetailsForm(PlainWords):
    """Name, address and tax number, as they stand on invoices from now on."""

    bill_to_name = forms.CharField(
        label=_("Name on invoices"),
        required=False,
        max_length=200,
        help_text=_("Without one, the name of the account."),
        widget=forms.TextInput({"autocomplete": "organization"}),
    )
    bill_to_address = forms.CharField(
        label=_("Address"),
        required=False,
        max_length=500,
        widget=forms.Textarea({"rows": 4, "autocomplete": "street-address"}),
    )
    bill_to_tax_id = forms.CharField(
        label=_("Tax number"),
        required=False,
        max_length=40,
        widget=forms.TextInput({"autocomplete": "off"}),
    )


def change(subscription: Subscription, values: dict[str, str], *, by: Person, origin: Origin) -> bool:
    """Write invoices so from now on; False if they were. Those that are issued stay as they are.

    Raises `billing.subscriptions.Ended`, and `PermissionDenied` for whoever is no admin.
    """
    with transaction.atomic():
        fresh = held(subscription, by)
        changed = [name for name in FIELDS if getattr(fresh, name) != values[name]]
        if not changed:
            return False
        for name in changed:
            setattr(fresh, name, values[name])
        fresh.save(update_fields=changed)
        record(
            "billing.details_changed",
            origin=origin,
            person_id=fresh.person_id,
            organization_id=fresh.organization_id,
            subject=fresh,
        )
    return True
