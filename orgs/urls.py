"""Addresses of this app."""

from django.urls import path

from orgs import views

urlpatterns = [
    path("organization/", views.organization, name="organization"),
]
