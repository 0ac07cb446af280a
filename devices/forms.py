"""Forms of devices."""

import uuid

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from medimic.api_schema import plain


class DeviceLinkForm(forms.Form):
    """What a device's row says until it signs in itself. The API asks for the same.

    `draft` is the id that the row will have: a form that is sent twice makes one row.
    """

    draft = forms.UUIDField(required=False, initial=uuid.uuid4, widget=forms.HiddenInput)
    name = forms.CharField(
        label=_("Name"),
        max_length=100,
        required=False,
        help_text=_("Such as “Work phone”. Left empty, it is called by its model."),
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    phone_number = forms.CharField(
        label=_("Phone number"),
        max_length=32,
        required=False,
        widget=forms.TextInput(attrs={"type": "tel", "autocomplete": "tel"}),
    )

    def clean_name(self) -> str:
        return _plain(self.cleaned_data["name"])

    def clean_phone_number(self) -> str:
        return _plain(self.cleaned_data["phone_number"])


class DeviceNameForm(forms.Form):
    """What an account calls a device. The API's PATCH takes the same."""

    name = forms.CharField(
        label=_("Name"),
        max_length=100,
        required=False,
        help_text=_("Such as “Work phone”. Left empty, it is called by its model."),
        widget=forms.TextInput(attrs={"autocomplete": "off", "autofocus": True}),
    )

    def clean_name(self) -> str:
        return _plain(self.cleaned_data["name"])


def _plain(text: str) -> str:
    try:
        return plain(text)
    except ValueError:
        raise ValidationError(_("Leave out signs that cannot be seen.")) from None
