"""Addresses of this app."""

from django.urls import path

from orgs import views

urlpatterns = [
    path("organization/", views.organization, name="organization"),
    path("organizations/<slug:slug>/settings/", views.organization_settings, name="organization_settings"),
]
