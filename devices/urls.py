"""Addresses of devices."""

from django.urls import path

from devices import views

urlpatterns = [
    path("settings/devices/", views.devices, name="devices"),
    # Before the identifiers, which it would otherwise have to be one of.
    path("settings/devices/authentication/", views.device_authentication, name="device_authentication"),
    path("settings/devices/<uuid:authorization_id>/", views.device_detail, name="device_detail"),
    path("settings/devices/<uuid:authorization_id>/name/", views.device_name, name="device_name"),
    path(
        "settings/devices/<uuid:authorization_id>/revocation/",
        views.device_revocation,
        name="device_revocation",
    ),
    path("user-profile", views.user_profile, name="user_profile"),
]
