"""Every address of the portal."""

from django.contrib import admin
from django.urls import include, path

urlpatterns = [
    path("", include("accounts.urls")),
    path("", include("orgs.urls")),
    path("", include("billing.urls")),
    path("", include("devices.urls")),
    path("", include("sessions_app.urls")),
    path("", include("medimic.audit.urls")),
    path("", include("medimic.flows.urls")),
    path("accounts/", include("allauth.urls")),
    path("admin/", admin.site.urls),
]
