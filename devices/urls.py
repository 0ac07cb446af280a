"""Addresses of devices."""

from django.urls import path

from devices import views, views_authentication, views_revocation

urlpatterns = [
    path("settings/devices/", views.devices, name="devices"),
    # Before the identifiers, which it would otherwise have to be one of.
    path(
        "settings/devices/authentication/",
        views_authentication.device_authentication,
        name="device_authentication",
    ),
    path(
        "settings/devices/<uuid:authorization_id>/authentication/",
        views_authentication.device_link,
        name="device_link",
    ),
    path(
        "settings/devices/<uuid:authorization_id>/authentication/sending/",
        views_authentication.device_link_sending,
        name="device_link_sending",
    ),
    path(
        "settings/devices/<uuid:authorization_id>/authentication/confirmation/",
        views_authentication.device_confirmation,
        name="device_confirmation",
    ),
    path(
        "settings/devices/<uuid:authorization_id>/authentication/state/",
        views_authentication.device_link_state,
        name="device_link_state",
    ),
    path("settings/devices/<uuid:authorization_id>/", views.device_detail, name="device_detail"),
    path("settings/devices/<uuid:authorization_id>/name/", views.device_name, name="device_name"),
    path(
        "settings/devices/<uuid:authorization_id>/revocation/receipt/",
        views_revocation.device_receipt,
        name="device_receipt",
    ),
    path("user-profile", views.user_profile, name="user_profile"),
]
