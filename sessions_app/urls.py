"""The addresses of sessions."""

from django.urls import path

from sessions_app import views, views_join, views_token, views_web

urlpatterns = [
    path("sessions/", views.history, name="sessions"),
    path("sessions/export/", views.history_export, name="sessions_export"),
    path("sessions/new/", views_web.new_session, name="new_session"),
    path("sessions/<uuid:session_id>/", views.detail, name="session_detail"),
    path("sessions/<uuid:session_id>/token/", views_token.session_token, name="session_token"),
    path("join/", views_join.join, name="join"),
    path("join/<str:code>/", views_join.join, name="join_code"),
    path("sessions/<uuid:session_id>/ending/", views_web.session_ending, name="session_ending"),
]
