"""Addresses of devices."""

from django.urls import URLPattern, URLResolver, include, path

from devices import (
    views,
    views_authentication,
    views_fleet,
    views_fleet_device,
    views_fleet_revocation,
    views_policies,
    views_pool,
    views_revocation,
    views_sign_ins,
    views_this_browser,
)

urlpatterns: list[URLPattern | URLResolver] = [
    path(
        "settings/security/browsers/<slug:reference>/sign-out/",
        views_sign_ins.browser_sign_out,
        name="browser_sign_out",
    ),
    path(
        "settings/security/browsers/<uuid:browser_id>/forgetting/",
        views_sign_ins.browser_forgetting,
        name="browser_forgetting",
    ),
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
    path("settings/devices/pool-requests/<uuid:request_id>/", views_pool.pool_request, name="pool_request"),
    path(
        "settings/notifications/this-browser/",
        include(
            [
                path("", views_this_browser.this_browser, name="this_browser"),
                path(
                    "subscription/",
                    views_this_browser.this_browser_subscription,
                    name="this_browser_subscription",
                ),
                path(
                    "subscription/ending/",
                    views_this_browser.this_browser_ending,
                    name="this_browser_ending",
                ),
                path(
                    "subscription/renewal/",
                    views_this_browser.this_browser_renewal,
                    name="this_browser_renewal",
                ),
            ]
        ),
    ),
    path("push-worker.js", views_this_browser.push_worker, name="push_worker"),
    path("user-profile", views.user_profile, name="user_profile"),
]

# Of organizations, for their admins.
urlpatterns += [
    path(
        "organizations/<slug:slug>/",
        include(
            [
                path("devices/", views_fleet.organization_devices, name="organization_devices"),
                path(
                    "devices/export/",
                    views_fleet.organization_devices_export,
                    name="organization_devices_export",
                ),
                path(
                    "devices/revocations/",
                    views_fleet_revocation.organization_devices_revocations,
                    name="organization_devices_revocations",
                ),
                path(
                    "devices/revocations/<uuid:revocation_id>/",
                    views_fleet_revocation.organization_devices_revocation,
                    name="organization_devices_revocation",
                ),
                path(
                    "devices/revocations/<uuid:revocation_id>/state/",
                    views_fleet_revocation.organization_devices_revocation_state,
                    name="organization_devices_revocation_state",
                ),
                path(
                    "devices/pool-requests/<uuid:request_id>/withdrawal/",
                    views_fleet_device.pool_request_withdrawal,
                    name="pool_request_withdrawal",
                ),
                path("devices/pool/<uuid:device_id>/", views_pool.pooled_device, name="pooled_device"),
                path(
                    "devices/pool/<uuid:device_id>/place/",
                    views_pool.pooled_device_place,
                    name="pooled_device_place",
                ),
                path(
                    "devices/pool/<uuid:device_id>/return/",
                    views_pool.pooled_device_return,
                    name="pooled_device_return",
                ),
                path(
                    "devices/pool/<uuid:device_id>/revocation/",
                    views_pool.pooled_device_revocation,
                    name="pooled_device_revocation",
                ),
                path(
                    "devices/pool/<uuid:device_id>/allowance/",
                    views_pool.pooled_device_allowance,
                    name="pooled_device_allowance",
                ),
                path(
                    "devices/<uuid:authorization_id>/", views_fleet_device.fleet_device, name="fleet_device"
                ),
                path(
                    "devices/<uuid:authorization_id>/revocation/",
                    views_fleet_device.fleet_device_revocation,
                    name="fleet_device_revocation",
                ),
                path(
                    "devices/<uuid:authorization_id>/allowance/",
                    views_fleet_device.fleet_device_allowance,
                    name="fleet_device_allowance",
                ),
                path(
                    "devices/<uuid:authorization_id>/pooling/",
                    views_fleet_device.fleet_device_pooling,
                    name="fleet_device_pooling",
                ),
                path("policies/", views_policies.organization_policies, name="organization_policies"),
            ]
        ),
    ),
]
