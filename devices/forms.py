"""Forms of devices."""

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from medimic.api_schema import plain


class DeviceLinkForm(forms.Form):
    """What a device's row says until it signs in itself. The API asks for the same."""

    name = forms.CharField(
        label=_("Name"),
        max_length=100,
        required=False,
        help_text=_("What you will call this device, such as “Work phone”."),
    )
    phone_number = forms.CharField(
        label=_("Phone number"),
        max_length=32,
        required=False,
        widget=forms.TextInput(attrs={"type": "tel", "autocomplete": "tel"}),
    )

    def clean_name(self) -> str:
        return self._plain("name")

    def clean_phone_number(self) -> str:
        return self._plain("phone_number")

    def _plain(self, field: str) -> str:
        text: str = self.cleaned_data[field]
        try:
            return plain(text)
        except ValueError:
            raise ValidationError(_("Leave out signs that cannot be seen.")) from None
