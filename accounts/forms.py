"""Forms of accounts."""

import datetime as dt
from functools import cache
from typing import Any
from zoneinfo import available_timezones

from babel import Locale
from django import forms
from django.conf import settings
from django.forms.utils import flatatt
from django.http import HttpRequest
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _
from phonenumber_field.formfields import PhoneNumberField

from accounts.models import Person
from medimic.formatting import Dates

REGIONS = {
    "Africa": _("Africa"),
    "America": _("America"),
    "Antarctica": _("Antarctica"),
    "Arctic": _("Arctic"),
    "Asia": _("Asia"),
    "Atlantic": _("Atlantic"),
    "Australia": _("Australia"),
    "Europe": _("Europe"),
    "Indian": _("Indian Ocean"),
    "Pacific": _("Pacific"),
}
SAMPLE = dt.datetime(2026, 12, 31, 14, 5, tzinfo=dt.UTC)


class PlainWords(forms.Form):
    """Says what is missing by its name, and says nothing twice."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for field in self.fields.values():
            # The label stands above the field; said again inside it would be in the way.
            field.widget.attrs.pop("placeholder", None)
            if field.label:
                field.error_messages["required"] = _("%(field)s is missing.") % {"field": field.label}


class SignUpNames(forms.Form):
    """What sign-up asks beside e-mail and password; allauth's form is made from it."""

    first_name = forms.CharField(
        label=_("First name"), max_length=100, widget=forms.TextInput({"autocomplete": "given-name"})
    )
    last_name = forms.CharField(
        label=_("Last name"), max_length=100, widget=forms.TextInput({"autocomplete": "family-name"})
    )
    field_order = ["first_name", "last_name", "email", "password1", "password2"]

    def signup(self, request: HttpRequest, user: Person) -> None:
        """allauth's hook; the adapter has saved the names already."""


class TimeZoneSelect(forms.Select):
    """A list of 400 choices, rendered once: Django's own takes a template for each of them."""

    def render(self, name: str, value: Any, attrs: Any = None, renderer: Any = None) -> SafeString:
        chosen = format_html('value="{}"', value or "UTC")
        options = _time_zone_options(get_language() or "en").replace(chosen, f"{chosen} selected", 1)
        attributes = flatatt(self.build_attrs(self.attrs, {**(attrs or {}), "name": name}))
        return format_html("<select{}>{}</select>", attributes, mark_safe(options))  # noqa: S308


@cache
def time_zones() -> dict[str, list[str]]:
    """Time zones by region, without the aliases that only old systems know."""
    regions: dict[str, list[str]] = {}
    for name in sorted(available_timezones()):
        region, _slash, place = name.partition("/")
        if region in REGIONS and place:
            regions.setdefault(region, []).append(name)
    return regions


@cache
def _time_zone_options(language: str) -> str:
    """The list in one language, sorted as that language names the places."""
    cities = Locale.parse(language).time_zones

    def place(name: str) -> str:
        city: str | None = cities.get(name, {}).get("city")
        return city or name.partition("/")[2].replace("_", " ").replace("/", " – ")

    def choices(names: list[str]) -> list[tuple[str, str]]:
        return sorted(((name, place(name)) for name in names), key=lambda choice: choice[1])

    groups = format_html_join(
        "",
        '<optgroup label="{}">{}</optgroup>',
        (
            (
                REGIONS[region],
                format_html_join(
                    "",
                    '<option value="{}">{}</option>',
                    choices(names),
                ),
            )
            for region, names in time_zones().items()
        ),
    )
    return f'<option value="UTC">UTC</option>{groups}'


def _time_zone_choices() -> list[tuple[str, str]]:
    return [("UTC", "UTC"), *((name, name) for names in time_zones().values() for name in names)]


def _date_locales() -> list[tuple[str, str]]:
    """The countries, each with a date as it is written there."""
    return [
        (code, f"{country} – {Dates(code, 'UTC').date_time(SAMPLE)}")
        for code, country in Person.DateLocale.choices
    ]


class ProfileForm(PlainWords):
    """What a person says of themselves."""

    display_name = forms.CharField(
        label=_("Display name"),
        max_length=120,
        required=False,
        help_text=_("Shown to patients during sessions. Without one, they see your first and last name."),
        widget=forms.TextInput({"autocomplete": "nickname"}),
    )
    first_name = forms.CharField(
        label=_("First name"), max_length=100, widget=forms.TextInput({"autocomplete": "given-name"})
    )
    last_name = forms.CharField(
        label=_("Last name"), max_length=100, widget=forms.TextInput({"autocomplete": "family-name"})
    )
    phone_number = PhoneNumberField(
        label=_("Phone number"),
        required=False,
        help_text=_("With the country code, such as +44 20 7946 0018."),
        widget=forms.TextInput({"type": "tel", "autocomplete": "tel"}),
    )
    language = forms.ChoiceField(label=_("Language"), choices=settings.LANGUAGES)
    date_locale = forms.ChoiceField(label=_("Dates"), choices=_date_locales)
    time_zone = forms.ChoiceField(label=_("Time zone"), choices=_time_zone_choices, widget=TimeZoneSelect)

    def clean_phone_number(self) -> str:
        number = self.cleaned_data["phone_number"]
        return number.as_e164 if number else ""

    @classmethod
    def of(cls, person: Person, data: Any = None) -> "ProfileForm":
        """The form for one person, with what they have said so far."""
        return cls(data, initial={name: getattr(person, name) for name in cls.base_fields})
