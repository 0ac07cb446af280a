"""One person, as support sees them: what there is, never what opens anything."""

import uuid

from django.contrib import admin
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render

from accounts.models import Person
from accounts.requests import SignedInRequest
from medimic.desk.person_page import page_of
from medimic.desk.views_acts import desk_view
from medimic.readonly_admin import Reading, tell


@desk_view("accounts.view_person", methods=("GET", "HEAD"))
def person(request: SignedInRequest, person_id: uuid.UUID) -> HttpResponse:
    found = get_object_or_404(Person.objects.defer("phone_number"), pk=person_id)
    page = page_of(found, request)
    tell(request, Reading(Person._meta.label_lower, found, found.pk))
    context = {**admin.site.each_context(request), "title": found.name, "person": found, "page": page}
    return render(request, "admin/desk/person.html", context)
