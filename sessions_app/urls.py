"""The addresses of sessions."""

from django.urls import path

from sessions_app import (
    views,
    views_invitations,
    views_invited,
    views_join,
    views_keys,
    views_live,
    views_token,
    views_web,
)

urlpatterns = [
    path("sessions/", views.history, name="sessions"),
    path("sessions/export/", views.history_export, name="sessions_export"),
    path("sessions/new/", views_web.new_session, name="new_session"),
    path("sessions/<uuid:session_id>/", views_live.session_page, name="session_detail"),
    path("sessions/<uuid:session_id>/token/", views_token.session_token, name="session_token"),
    path("sessions/invitations/", views_invitations.session_inviting, name="session_inviting"),
    path(
        "sessions/<uuid:session_id>/invitations/",
        views_invitations.session_invitations,
        name="session_invitations",
    ),
    path(
        "sessions/<uuid:session_id>/invitations/<uuid:invitation_id>/sending/",
        views_invitations.invitation_sending,
        name="invitation_sending",
    ),
    path(
        "sessions/<uuid:session_id>/invitations/<uuid:invitation_id>/withdrawal/",
        views_invitations.invitation_withdrawal,
        name="invitation_withdrawal",
    ),
    path("sessions/invitations/<str:token>/", views_invited.session_invitation, name="session_invitation"),
    path(
        "sessions/invitations/<str:token>/declining/",
        views_invited.invitation_declining,
        name="invitation_declining",
    ),
    path("settings/devices/keys/", views_keys.key_requests, name="key_requests"),
    path("join/", views_join.join, name="join"),
    path("join/<str:code>/", views_join.join, name="join_code"),
    path("sessions/<uuid:session_id>/ending/", views_web.session_ending, name="session_ending"),
]
