"""Every address of the portal."""

from django.contrib import admin
from django.urls import include, path

from medimic import health, pages
from medimic.dashboard import dashboard

urlpatterns = [
    path("", dashboard, name="dashboard"),
    path("", include("accounts.urls")),
    path("", include("orgs.urls")),
    path("", include("billing.urls")),
    path("", include("billing.urls_stripe")),
    path("", include("devices.urls")),
    path("", include("sessions_app.urls")),
    path("", include("medimic.audit.urls")),
    path("", include("medimic.flows.urls")),
    path("", include("medimic.flows.urls_billing")),
    path("organizations/<slug:slug>/patients/", include("medimic.flows.urls_patients")),
    path("organizations/<slug:slug>/questionnaires/", include("orgs.urls_questionnaires")),
    path("", include("medimic.api.urls")),
    path("accessibility/", pages.accessibility, name="accessibility"),
    path(".well-known/security.txt", pages.security_txt, name="security_txt"),
    path("healthz", health.healthz, name="healthz"),
    path("readyz", health.readyz, name="readyz"),
    path("accounts/", include("allauth.urls")),
    path("admin/", include("medimic.desk.urls")),
    path("dev/mails/", include("medimic.gallery.urls")),
    path("admin/", admin.site.urls),
]

handler400 = "medimic.errors.bad_request"
handler403 = "medimic.errors.forbidden"
handler404 = "medimic.errors.not_found"
handler429 = "medimic.errors.too_many_requests"  # allauth's own convention
handler500 = "medimic.errors.server_error"
