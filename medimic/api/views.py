"""The API's description, for people and for machines."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_safe

from medimic.api import api, docs


@require_safe
@cache_control(public=True, max_age=300)
def description(request: HttpRequest) -> HttpResponse:
    """The OpenAPI document."""
    return HttpResponse(api.description_document, content_type="application/json")


@require_safe
def docs_page(request: HttpRequest) -> HttpResponse:
    """The same, to read: the calls, their bodies, and each problem code with an anchor."""
    context = {"calls": docs.calls(api.description_schema), "codes": docs.explained()}
    return render(request, "api/docs.html", context)
