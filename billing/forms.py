"""Forms of billing."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from accounts.forms import PlainWords

MOST_SEATS = 10_000


class SeatsForm(PlainWords):
    """How many providers to pay for: more than now, since free seats go by themselves at the renewal."""

    seats = forms.IntegerField(
        label=_("Providers to pay for"), widget=forms.NumberInput({"inputmode": "numeric"})
    )

    def __init__(self, data: Any = None, *, paid: int) -> None:
        super().__init__(data, initial={"seats": paid + 1})
        field = self.fields["seats"]
        field.min_value, field.max_value = paid + 1, MOST_SEATS  # type: ignore[attr-defined]
        field.widget.attrs |= {"min": paid + 1, "max": MOST_SEATS}

    def clean_seats(self) -> int:
        seats: int = self.cleaned_data["seats"]
        field = self.fields["seats"]
        low, high = field.min_value, field.max_value  # type: ignore[attr-defined]
        if not low <= seats <= high:
            raise forms.ValidationError(
                _("Choose a number from %(low)d to %(high)d.") % {"low": low, "high": high}
            )
        return seats
