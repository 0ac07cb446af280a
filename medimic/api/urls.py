"""Everything below `/api/`."""

from django.urls import path

from accounts import phone_views
from medimic.api import api, guarded, views

urlpatterns = [
    path("api/docs", views.docs_page, name="api_docs"),
    path("api/openapi.json", guarded(views.description), name="api_description"),
    *(path(f"api/sign-in/{end}", guarded(view)) for end, view in phone_views.CALLS.items()),
    path("api/", api.urls),
]
