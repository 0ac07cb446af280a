"""Addresses of accounts. What allauth serves under /accounts/ comes after, so these win."""

from django.urls import path, reverse_lazy
from django.views.generic import RedirectView

from accounts import views, views_factors, views_passkeys, views_unsubscribe

to_security = RedirectView.as_view(url=reverse_lazy("security"))

urlpatterns = [
    path("settings/", views.profile, name="profile"),
    path("settings/security/", views.security, name="security"),
    path("settings/security/device-confirmation/", views.confirm_devices, name="confirm_devices"),
    path("settings/security/sign-out-everywhere/", views.sign_out_everywhere, name="sign_out_everywhere"),
    path("settings/security/second-factor/", views_factors.second_factor, name="second_factor"),
    path("settings/security/passkeys/<slug:reference>/name/", views_passkeys.rename, name="passkey_name"),
    path(
        "settings/security/passkeys/<slug:reference>/removal/", views_passkeys.remove, name="passkey_removal"
    ),
    path("unsubscribe/<str:token>/", views_unsubscribe.unsubscribe, name="unsubscribe"),
    path("accounts/time-left/", views.time_left, name="time_left"),
    path("accounts/step-up/", views_factors.step_up, name="step_up"),
    path("accounts/sign-in-again/", views_factors.sign_in_again, name="sign_in_again"),
    path("accounts/signup/", views.sign_up, name="account_signup"),
    # allauth's views, behind our own rules.
    path("accounts/email/", views_factors.change_email, name="account_email"),
    path("accounts/password/change/", views_factors.change_password, name="account_change_password"),
    path("accounts/password/set/", views_factors.set_password, name="account_set_password"),
    path("accounts/2fa/totp/activate/", views_factors.set_up_app, name="mfa_activate_totp"),
    path("accounts/2fa/totp/deactivate/", views_factors.remove_app, name="mfa_deactivate_totp"),
    path("accounts/2fa/recovery-codes/", views_factors.recovery_codes, name="mfa_view_recovery_codes"),
    path(
        "accounts/2fa/recovery-codes/download/",
        views_factors.recovery_codes_file,
        name="mfa_download_recovery_codes",
    ),
    path(
        "accounts/2fa/recovery-codes/generate/",
        views_factors.new_recovery_codes,
        name="mfa_generate_recovery_codes",
    ),
    path("accounts/2fa/webauthn/add/", views_passkeys.add, name="mfa_add_webauthn"),
    path("accounts/2fa/webauthn/login/", views_passkeys.sign_in, name="mfa_login_webauthn"),
    path(
        "accounts/2fa/webauthn/reauthenticate/",
        views_passkeys.confirm,
        name="mfa_reauthenticate_webauthn",
    ),
    # allauth's own overviews of factors, keys and browsers: ours is one page, without numbers in addresses.
    path("accounts/2fa/webauthn/", to_security, name="mfa_list_webauthn"),
    path("accounts/2fa/webauthn/keys/<int:pk>/remove/", to_security),
    path("accounts/2fa/webauthn/keys/<int:pk>/edit/", to_security),
    path("accounts/2fa/", to_security, name="mfa_index"),
    path("accounts/sessions/", to_security, name="usersessions_list"),
]
