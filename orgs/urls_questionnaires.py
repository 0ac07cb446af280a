"""Addresses below those of an organization's questionnaires."""

from django.urls import path

from orgs import views_questionnaires as views

urlpatterns = [
    path("", views.questionnaires_page, name="organization_questionnaires"),
    path("new/", views.questionnaire_new, name="organization_questionnaire_new"),
    path("<uuid:questionnaire_id>/", views.questionnaire, name="organization_questionnaire"),
    path(
        "<uuid:questionnaire_id>/draft/",
        views.questionnaire_draft,
        name="organization_questionnaire_draft",
    ),
    path(
        "<uuid:questionnaire_id>/publication/",
        views.questionnaire_publication,
        name="organization_questionnaire_publication",
    ),
    path(
        "<uuid:questionnaire_id>/retirement/",
        views.questionnaire_retirement,
        name="organization_questionnaire_retirement",
    ),
]
