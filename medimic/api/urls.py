"""Everything below `/api/`."""

from django.urls import path

from medimic.api import api, guarded, views

urlpatterns = [
    path("api/docs", views.docs_page, name="api_docs"),
    path("api/openapi.json", guarded(views.description), name="api_description"),
    path("api/", api.urls),
]
