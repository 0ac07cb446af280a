"""Addresses below the admin, before the admin's own."""

from django.urls import path

from medimic.desk import views_acts, views_billing, views_deliveries, views_person

urlpatterns = [
    path("accounts/person/<uuid:person_id>/change/", views_person.person, name="desk_person"),
    path("accounts/person/<uuid:person_id>/sign-outs/", views_acts.sign_outs, name="desk_sign_outs"),
    path("accounts/person/<uuid:person_id>/verification/", views_acts.verification, name="desk_verification"),
    path(
        "accounts/person/<uuid:person_id>/factor-removal/",
        views_acts.factor_removal,
        name="desk_factor_removal",
    ),
    path(
        "devices/deviceauthorization/<uuid:authorization_id>/revocation/",
        views_acts.device_revocation,
        name="desk_device_revocation",
    ),
    path(
        "devices/deviceauthorization/<uuid:authorization_id>/allowance/",
        views_acts.device_allowance,
        name="desk_device_allowance",
    ),
    path(
        "outbox/delivery/<uuid:delivery_id>/sending/",
        views_deliveries.delivery_sending,
        name="desk_delivery_sending",
    ),
    path("billing/invoice/<uuid:invoice_id>/payment/", views_billing.invoice_payment, name="desk_payment"),
    path("billing/invoice/<uuid:invoice_id>/credit/", views_billing.invoice_credit, name="desk_credit"),
    path(
        "accounts/person/<uuid:person_id>/sessions/",
        views_billing.sessions_of_person,
        name="desk_person_sessions",
    ),
    path(
        "orgs/organization/<uuid:organization_id>/sessions/",
        views_billing.sessions_of_organization,
        name="desk_organization_sessions",
    ),
]
