"""People, as support looks them up."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from phonenumber_field.phonenumber import PhoneNumber
from phonenumbers import NumberParseException

from accounts.models import PHONE_PURPOSE, Person
from medimic import crypto
from medimic.readonly_admin import ReadOnlyAdmin


@admin.register(Person)
class PersonAdmin(ReadOnlyAdmin):
    """To be found by e-mail, name or whole phone number, and read. Nothing is edited here."""

    list_display = ["name", "email", "is_active", "is_staff", "created_at"]
    list_display_links = ["name"]
    ordering = ["email", "id"]
    search_fields = ["^email", "^first_name", "^last_name", "^display_name"]
    search_help_text = _("The beginning of an email address or name, or a whole phone number.")
    fields = [
        "id", "email", "first_name", "last_name", "display_name", "language", "date_locale",
        "time_zone", "is_active", "is_staff", "groups", "created_at", "last_login",
    ]  # fmt: skip

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Person], search_term: str
    ) -> tuple[QuerySet[Person], bool]:
        found, may_repeat = super().get_search_results(request, queryset, search_term)
        number = _phone_number(search_term)
        if number:
            # Numbers are encrypted: they are found whole, by their keyed hash, or not at all.
            found |= queryset.filter(phone_hash=crypto.keyed_hash(PHONE_PURPOSE, number))
        return found, may_repeat


def _phone_number(term: Any) -> str:
    try:
        number = PhoneNumber.from_string(str(term))
    except NumberParseException:
        return ""
    return number.as_e164 if number.is_valid() else ""
