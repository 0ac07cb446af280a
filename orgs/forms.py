"""Forms of organizations."""

import re
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from accounts.forms import PlainWords
from accounts.models import Person
from medimic.api_schema import plain
from orgs import bulk
from orgs.models import Membership, Organization

Role = Membership.Role
MOST_HEIRS = 200
# What mail programs turn into links: an organization's name stands in mails to strangers.
LINK_LIKE = re.compile(r"https?:|//|www\.|@|\.[a-z]{2,}(/|\b(?!\.?$))", re.IGNORECASE)
ROLE_HELP = _(
    "Admins manage members, devices and settings. Providers work with patients. "
    "Patients see their own devices and sessions alone."
)


class NameForm(PlainWords):
    """What an organization is called."""

    name = forms.CharField(
        label=pgettext_lazy("organization", "Name"),
        max_length=100,
        min_length=2,
        help_text=_("As your colleagues and patients know it, such as “Lakeside Clinic”."),
        widget=forms.TextInput({"autocomplete": "organization"}),
    )

    def clean_name(self) -> str:
        name: str = self.cleaned_data["name"]
        try:
            plain(name)
        except ValueError:
            raise ValidationError(_("Leave out signs that cannot be seen.")) from None
        if LINK_LIKE.search(name):
            raise ValidationError(_("Leave out web and email addresses: this is a name."))
        return " ".join(name.split())


class InvitationForm(PlainWords):
    """Somebody to ask in."""

    email = forms.EmailField(
        label=_("Email"),
        max_length=254,
        help_text=_("They need no account yet."),
        widget=forms.EmailInput({"autocomplete": "off"}),
    )
    role = forms.ChoiceField(
        label=_("Role"), choices=Role.choices, initial=Role.PROVIDER.value, help_text=ROLE_HELP
    )

    def clean_email(self) -> str:
        return str(self.cleaned_data["email"]).lower()


class RoleForm(PlainWords):
    """Another role for a member."""

    role = forms.ChoiceField(
        label=_("Role"), choices=Role.choices, widget=forms.RadioSelect, help_text=ROLE_HELP
    )


class HandoverForm(PlainWords):
    """Who is to be an admin in one's own place.

    Of a very large organization the first by name: others are made admins in the list of members.
    """

    to = forms.ChoiceField(label=_("New admin"))

    def __init__(self, data: Any = None, *, organization: Organization, by: Person) -> None:
        super().__init__(data)
        colleagues = organization.memberships.working().filter(person__is_active=True).exclude(person=by)
        self.known = {str(row.pk): row for row in colleagues.with_people()[:MOST_HEIRS]}
        choices = [(pk, row.person.name) for pk, row in self.known.items()]
        self.fields["to"].choices = [("", _("Choose a colleague")), *choices]  # type: ignore[attr-defined]

    def clean_to(self) -> Membership:
        return self.known[self.cleaned_data["to"]]


class MemberFilter(forms.Form):
    """The parameters of the list of members. One that makes no sense narrows nothing down."""

    q = forms.CharField(
        label=_("Search"),
        required=False,
        max_length=100,
        widget=forms.TextInput({"type": "search", "autocomplete": "off"}),
    )
    role = forms.ChoiceField(label=_("Role"), required=False)

    def __init__(self, data: Any, *, for_admin: bool) -> None:
        # Dialogs over the list have a field of this name, too.
        super().__init__(data, label_suffix="", auto_id="filter_%s")
        roles = [("", _("Any role")), *Role.choices[:2]]
        if for_admin:
            roles.append((Role.PATIENT.value, _("Patients")))
        self.fields["role"].choices = roles  # type: ignore[attr-defined]
        self.is_valid()

    @property
    def words(self) -> str:
        return str(self.cleaned_data.get("q") or "").strip()

    @property
    def wanted_role(self) -> str:
        return str(self.cleaned_data.get("role") or "")

    @property
    def is_narrow(self) -> bool:
        return bool(self.words or self.wanted_role)


class InvitationFilter(forms.Form):
    """The parameters of the list of open invitations."""

    q = forms.EmailField(
        label=_("Email"),
        required=False,
        widget=forms.TextInput({"type": "search", "autocomplete": "off"}),
    )

    @property
    def email(self) -> str:
        self.is_valid()
        return str(self.cleaned_data.get("q") or "")


class BulkForm(PlainWords):
    """A list of people to ask in: a file, or pasted text."""

    file = forms.FileField(
        label=_("CSV file"),
        required=False,
        widget=forms.FileInput({"accept": ".csv,.txt,text/csv,text/plain"}),
    )
    text = forms.CharField(
        label=_("Or type or paste the list"),
        required=False,
        max_length=bulk.LARGEST,
        widget=forms.Textarea({"rows": 8, "spellcheck": "false", "autocomplete": "off"}),
        help_text=_("One person a line: the email address, then, if you like, a comma and the role."),
    )
    role = forms.ChoiceField(
        label=_("Role for lines without one"), choices=Role.choices, initial=Role.PROVIDER.value
    )

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if file := cleaned.get("file"):
            if file.size > bulk.LARGEST:
                raise ValidationError({"file": _("The list is larger than 100 kB. Split it.")})
            try:
                cleaned["text"] = bulk.decoded(file.read())
            except ValidationError as problem:
                raise ValidationError({"file": problem}) from None
        if not str(cleaned.get("text") or "").strip():
            raise ValidationError(_("Choose a file, or type a list."))
        return cleaned
