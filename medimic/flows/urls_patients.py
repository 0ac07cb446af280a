"""Addresses below those of an organization's patients."""

from django.urls import path

from medimic.flows import patient_care, patients

urlpatterns = [
    path("", patients.patients_page, name="organization_patients"),
    path("new/", patients.patient_new, name="organization_patient_new"),
    path("<uuid:person_id>/", patients.patient, name="organization_patient"),
    path("<uuid:person_id>/details/", patients.patient_details, name="organization_patient_details"),
    path(
        "<uuid:person_id>/authentication/",
        patients.patient_authentication,
        name="organization_patient_authentication",
    ),
    path(
        "<uuid:person_id>/devices/<uuid:authorization_id>/revocation/",
        patients.patient_revocation,
        name="organization_patient_revocation",
    ),
    path(
        "<uuid:person_id>/devices/<uuid:authorization_id>/allowance/",
        patients.patient_allowance,
        name="organization_patient_allowance",
    ),
    path(
        "<uuid:person_id>/enrollments/",
        patient_care.patient_enrollment,
        name="organization_patient_enrollment",
    ),
    path(
        "<uuid:person_id>/enrollments/<uuid:enrollment_id>/ending/",
        patient_care.patient_enrollment_ending,
        name="organization_patient_enrollment_ending",
    ),
    path(
        "<uuid:person_id>/answers/<uuid:response_id>/",
        patient_care.patient_answers,
        name="organization_patient_answers",
    ),
]
