"""At the limit: one device makes room for another, in one step.

The page of Authenticate Device asks with `ExchangeForm` in place of its own form, and
shows it with `devices/limit.html`; its cleaned data go to `actions.issue_link` as they are.
"""

from collections.abc import Mapping
from typing import Any

from django import forms
from django.db.models.functions import Coalesce
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.models import Person
from devices import limits
from devices.forms import DeviceLinkForm
from devices.models import DeviceAuthorization
from medimic.formatting import Dates


class SpareChoice(forms.ModelChoiceField):
    """What takes a place, as somebody knows it again who has to choose one."""

    widget = forms.RadioSelect
    dates: Dates

    def label_from_instance(self, row: DeviceAuthorization) -> SafeString:
        device = row.device
        if device is None:
            name, facts = row.name or _("New device"), _("Not signed in yet")
        else:
            seen = self.dates.relative(row.last_seen_at) if row.last_seen_at else _("Never")
            # Without a name of its own it is called by its model, which need not be said twice.
            name, system = (row.name, str(device)) if row.name else (device.model, device.os)
            facts = f"{system} · " + _("Last active: %(when)s") % {"when": seen}
        return format_html('<span><strong>{}</strong> <span class="secondary">{}</span></span>', name, facts)


class ExchangeForm(DeviceLinkForm):
    """Which of a person's devices to revoke for the new one. `person` is whose places are taken."""

    instead_of = SpareChoice(
        label=gettext_lazy("Which one do you no longer need?"),
        help_text=gettext_lazy("The one that was not used for longest comes first."),
        empty_label=None,
        queryset=DeviceAuthorization.objects.none(),
        error_messages={
            "required": gettext_lazy("Choose the device to revoke."),
            "invalid_choice": gettext_lazy("This device takes no place any more. Choose another one."),
        },
    )
    field_order = ("instead_of",)

    def __init__(self, data: Mapping[str, Any] | None = None, *, person: Person, **options: Any) -> None:
        super().__init__(data, **options)
        choice = self.fields["instead_of"]
        choice.dates = Dates.of(person)  # type: ignore[attr-defined]
        choice.queryset = (  # type: ignore[attr-defined]
            limits.taking_places(person)
            .select_related("device")
            .order_by(Coalesce("last_seen_at", "created_at"), "id")
        )
