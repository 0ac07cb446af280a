"""The log's addresses."""

from django.urls import path

from medimic.audit import views

urlpatterns = [
    path("settings/activity/", views.activity, name="activity"),
    path(".well-known/audit-key", views.public_key, name="audit_key"),
]
