"""Forms about patients."""

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _
from phonenumber_field.formfields import PhoneNumberField

from accounts.forms import PlainWords
from medimic.api_schema import plain


class PatientForm(PlainWords):
    """Somebody to add."""

    first_name = forms.CharField(
        label=_("First name"), max_length=100, widget=forms.TextInput({"autocomplete": "off"})
    )
    last_name = forms.CharField(
        label=_("Last name"), max_length=100, widget=forms.TextInput({"autocomplete": "off"})
    )
    phone_number = PhoneNumberField(
        label=_("Phone number"),
        required=False,
        help_text=_("Links for their devices can be sent there."),
        widget=forms.TextInput({"type": "tel", "autocomplete": "off"}),
    )

    def clean_first_name(self) -> str:
        return _plain(self.cleaned_data["first_name"])

    def clean_last_name(self) -> str:
        return _plain(self.cleaned_data["last_name"])

    def clean_phone_number(self) -> str:
        number = self.cleaned_data["phone_number"]
        return number.as_e164 if number else ""


class PatientSearch(forms.Form):
    """The parameter of the list. One that makes no sense narrows nothing down."""

    q = forms.CharField(
        label=_("Search"),
        required=False,
        max_length=100,
        widget=forms.TextInput(
            {"type": "search", "autocomplete": "off", "placeholder": _("Name or phone number")}
        ),
    )

    @property
    def words(self) -> str:
        self.is_valid()
        return str(self.cleaned_data.get("q") or "").strip()


def _plain(text: str) -> str:
    try:
        plain(text)
    except ValueError:
        raise ValidationError(_("Leave out signs that cannot be seen.")) from None
    return " ".join(text.split())
