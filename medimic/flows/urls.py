"""Addresses of the pages that span several floors."""

from django.urls import path

from medimic.flows import organizations

urlpatterns = [
    path("organizations/<slug:slug>/", organizations.organization_detail, name="organization_detail"),
]
