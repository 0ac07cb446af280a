"""Addresses of accounts. What allauth serves under /accounts/ comes after, so these win."""

from django.urls import path
from django.views.generic import RedirectView

from accounts import views

to_security = RedirectView.as_view(pattern_name="security")

urlpatterns = [
    path("settings/", views.profile, name="profile"),
    path("settings/security/", views.security, name="security"),
    path("settings/security/device-confirmation/", views.confirm_devices, name="confirm_devices"),
    path("settings/security/sign-out-everywhere/", views.sign_out_everywhere, name="sign_out_everywhere"),
    path("accounts/step-up/", views.step_up, name="step_up"),
    path("accounts/signup/", views.sign_up, name="account_signup"),
    # allauth's own overviews of factors and browsers: ours is one page.
    path("accounts/2fa/", to_security, name="mfa_index"),
    path("accounts/sessions/", to_security, name="usersessions_list"),
]
