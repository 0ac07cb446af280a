"""Addresses of the pages that span several floors."""

from django.urls import path

from medimic.flows import (
    activity_export,
    alerts,
    founding,
    invited,
    inviting,
    members,
    notifications,
    organization_audit,
    organization_view,
    organizations,
    revocations,
)

HOME = "organizations/<slug:slug>/"
MEMBERS = f"{HOME}members/"
INVITATIONS = f"{MEMBERS}invitations/"

urlpatterns = [
    path(
        "settings/devices/<uuid:authorization_id>/revocation/",
        revocations.device_revocation,
        name="device_revocation",
    ),
    path("settings/notifications/", notifications.notifications, name="notifications"),
    path("settings/activity/export/", activity_export.activity_export, name="activity_export"),
    # Before the admin's own addresses, and behind its door.
    path("admin/audit/auditevent/export/", activity_export.admin_log_export, name="audit_log_export"),
    path("settings/organization-view/", organization_view.organization_view, name="organization_view"),
    path("organizations/new/", founding.organization_new, name="organization_new"),
    path(HOME, organizations.organization_detail, name="organization_detail"),
    path(f"{HOME}leaving/", members.organization_leaving, name="organization_leaving"),
    path(MEMBERS, members.organization_members, name="organization_members"),
    path(f"{MEMBERS}handover/", members.organization_handover, name="organization_handover"),
    path(f"{MEMBERS}<uuid:membership_id>/role/", members.member_role, name="member_role"),
    path(f"{MEMBERS}<uuid:membership_id>/removal/", members.member_removal, name="member_removal"),
    path(INVITATIONS, inviting.organization_invitations, name="organization_invitations"),
    path(f"{INVITATIONS}new/", inviting.organization_invitation_new, name="organization_invitation_new"),
    path(f"{INVITATIONS}list/", inviting.organization_invitation_list, name="organization_invitation_list"),
    path(
        f"{INVITATIONS}<uuid:invitation_id>/sending/",
        inviting.organization_invitation_sending,
        name="organization_invitation_sending",
    ),
    path(
        f"{INVITATIONS}<uuid:invitation_id>/withdrawal/",
        inviting.organization_invitation_withdrawal,
        name="organization_invitation_withdrawal",
    ),
    path(f"{HOME}audit/", organization_audit.organization_audit, name="organization_audit"),
    path(
        f"{HOME}audit/export/", organization_audit.organization_audit_export, name="organization_audit_export"
    ),
    path("alerts/<str:token>/", alerts.alert, name="alert"),
    path("invitations/<str:token>/", invited.invitation, name="invitation"),
    path("invitations/<str:token>/sign-up/", invited.invitation_sign_up, name="invitation_sign_up"),
]
