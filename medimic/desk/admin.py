"""People, as support finds them. Their page is `medimic.desk.views_person`."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from accounts import search
from accounts.models import Person
from medimic.readonly_admin import FoundOnly


@admin.register(Person)
class PersonAdmin(FoundOnly):
    """To be found by e-mail, name, whole phone number or id. Nobody is listed unasked."""

    list_display = ["name", "email", "standing", "created_at"]
    list_display_links = ["name"]
    ordering = ["email", "id"]
    # The box is there for it; what it is searched by, `find` says.
    search_fields = ["pk"]
    search_help_text = _(
        "Beginnings of names, an email address or its beginning, a whole phone number, or an id."
    )
    fields = ["id", "email"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        # A phone number would be decrypted for every row, and none is shown.
        return super().get_queryset(request).defer("phone_number")

    @admin.display(description=_("standing"))
    def standing(self, person: Person) -> str:
        state = _("Active") if person.is_active else _("Closed")
        return f"{state}, {_('staff')}" if person.is_staff else str(state)

    def find(self, term: str, most: int) -> list[Any]:
        return search.people(term, most=most)
