"""Addresses of this app: a holder's pages stand below their own address, a person's or an organization's."""

from django.urls import path

from billing import views

OWN = "billing/"
ORGANIZATION = "organizations/<slug:slug>/billing/"

urlpatterns = [
    path(OWN, views.billing, name="billing"),
    path(ORGANIZATION, views.organization_billing, name="organization_billing"),
    path(f"{OWN}invoices/", views.invoices, name="billing_invoices"),
    path(f"{ORGANIZATION}invoices/", views.invoices, name="organization_invoices"),
    path(f"{OWN}invoices/<uuid:invoice_id>/", views.invoice, name="billing_invoice"),
    path(f"{ORGANIZATION}invoices/<uuid:invoice_id>/", views.invoice, name="organization_invoice"),
]
