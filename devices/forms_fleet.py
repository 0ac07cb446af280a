"""What admins type about their organization's devices."""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from accounts.forms import PlainWords
from accounts.models import Person
from devices import policies
from devices.models import Platform
from orgs import single_sign_on
from orgs.models import LONGEST_DISUSE, SHORTEST_DISUSE, Policy

VERSION = re.compile(r"\d{1,4}(\.\d{1,5}){0,3}")
# Where the app runs: everywhere that it can be asked to be newer.
APP, OS = "app", "os"


class PlaceForm(PlainWords):
    """Where a pooled device stands."""

    place = forms.CharField(
        label=_("Place"),
        max_length=100,
        help_text=_("Where people find it, such as “Exam room 2”. Whoever signs in on it sees this."),
    )


class ReturnForm(PlainWords):
    """Who gets a pooled device."""

    to = forms.ModelChoiceField(
        label=_("Who gets it?"),
        queryset=Person.objects.none(),
        widget=forms.RadioSelect,
        empty_label=None,
        error_messages={
            "required": _("Choose who gets it."),
            "invalid_choice": _("They do not use this device any more. Choose somebody else."),
        },
    )

    def __init__(self, *args: Any, people: Iterable[Person], **options: Any) -> None:
        super().__init__(*args, **options)
        self.fields["to"].queryset = people  # type: ignore[attr-defined]
        self.fields["to"].label_from_instance = Person.get_full_name  # type: ignore[attr-defined]


class PolicyForm(PlainWords):
    """A policy, with two fields for each platform."""

    unused_days = forms.IntegerField(
        label=_("Revoke after so many days without use"),
        required=False,
        min_value=SHORTEST_DISUSE,
        max_value=LONGEST_DISUSE,
        help_text=_(
            "The owner is told by e-mail 7 days before. Empty: never. Pooled devices are left alone."
        ),
        widget=forms.NumberInput({"inputmode": "numeric"}),
    )
    confirm_devices = forms.BooleanField(
        label=_("Confirm new devices by digits"),
        required=False,
        help_text=_(
            "A device that used a link is let in once its person picks, in the portal, the two digits "
            "that it shows. For all members, whatever they chose themselves."
        ),
    )
    second_factor = forms.BooleanField(
        label=_("Second factor required"),
        required=False,
        help_text=_(
            "Whoever works here and has none sets one up at their next page, before they can go on. "
            "They are told by e-mail. A session that is going on is not interrupted."
        ),
    )

    single_sign_on = forms.BooleanField(
        label=_("Single sign-on required"),
        required=False,
        help_text=_(
            "Whoever works here and has an address of your domain signs in with your provider, and no longer "
            "with a password. Who has not connected it yet is led to that first."
        ),
    )

    def __init__(self, data: Mapping[str, Any] | None = None, *, policy: Policy, **options: Any) -> None:
        initial: dict[str, Any] = {
            "unused_days": policy.unused_days,
            "confirm_devices": policy.confirm_devices,
            "second_factor": policy.second_factor,
            "single_sign_on": policy.single_sign_on,
        }
        for kind, lowest in ((APP, policy.lowest_app), (OS, policy.lowest_os)):
            initial |= {f"{kind}_{platform}": version for platform, version in lowest.items()}
        super().__init__(data, initial=initial, **options)
        if not single_sign_on.domains():
            # Nobody's provider is set up here.
            del self.fields["single_sign_on"]
        for kind in (APP, OS):
            for platform, label in Platform.choices:
                self.fields[f"{kind}_{platform}"] = forms.CharField(
                    label=_("Lowest app version on %(platform)s") % {"platform": label}
                    if kind == APP
                    else _("Lowest version of %(platform)s") % {"platform": label},
                    required=False,
                    max_length=20,
                    widget=forms.TextInput({"inputmode": "decimal", "placeholder": _("any"), "size": 8}),
                )

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        for name in self.fields:
            if name.startswith((f"{APP}_", f"{OS}_")) and (version := cleaned.get(name)):
                if not VERSION.fullmatch(version):
                    self.add_error(name, _("Write a version in numbers, such as 3.1 or 17.4."))
        return cleaned

    @property
    def platforms(self) -> list[tuple[str, forms.BoundField, forms.BoundField]]:
        """(platform, its lowest app, its lowest system) for the form's table."""
        return [(str(label), self[f"{APP}_{name}"], self[f"{OS}_{name}"]) for name, label in Platform.choices]

    def apply(self, policy: Policy) -> Policy:
        """The policy as the form has it; not saved."""
        policy.unused_days = self.cleaned_data["unused_days"]
        policy.confirm_devices = self.cleaned_data["confirm_devices"]
        policy.ask_for_factor(self.cleaned_data["second_factor"])
        policy.single_sign_on = self.cleaned_data.get("single_sign_on", policy.single_sign_on)
        policy.lowest_app = self._lowest(APP)
        policy.lowest_os = self._lowest(OS)
        return policy

    def _lowest(self, kind: str) -> dict[str, str]:
        found = {name: self.cleaned_data[f"{kind}_{name}"] for name in policies.known_platforms()}
        return {name: version for name, version in found.items() if version}
