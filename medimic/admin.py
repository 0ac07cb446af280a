"""The admin site: for staff with a verified second factor."""

from typing import Any

from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme, urlencode
from django.utils.translation import gettext_lazy as _
from django_otp.admin import OTPAdminSite

# What these apps would register is nobody's to edit: sign-ins, factors, addresses, permissions.
LIBRARIES = ("django.contrib.auth.", "allauth.")


class PortalAdminSite(OTPAdminSite):
    site_title = _("MediMic administration")
    site_header = _("MediMic administration")
    index_title = _("Support")

    def register(self, model_or_iterable: Any, admin_class: Any = None, **options: Any) -> None:
        if admin_class is None or not admin_class.__module__.startswith(LIBRARIES):
            super().register(model_or_iterable, admin_class, **options)

    def login(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """Where everybody lands who may not in: the form of django-otp knows nothing of allauth's factors."""
        onward = request.GET.get("next", "")
        if not url_has_allowed_host_and_scheme(onward, {request.get_host()}, request.is_secure()):
            onward = reverse("admin:index")
        if not request.user.is_authenticated:
            return redirect_to_login(onward)
        if not request.user.is_staff:
            raise PermissionDenied
        return redirect(f"{reverse('step_up')}?{urlencode({'next': onward})}")

    def password_change(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """The admin's own form would leave devices signed in."""
        return redirect("account_change_password")
