"""The addresses of sessions."""

from django.urls import path

from sessions_app import views

urlpatterns = [
    path("sessions/", views.history, name="sessions"),
    path("sessions/<uuid:session_id>/", views.detail, name="session_detail"),
]
