from importlib import import_module
from types import SimpleNamespace

from django.apps import apps
from django.contrib.auth.models import Group, Permission
from django.db import connection

from accounts.staff import AUDITOR, SUPPORT


def rights(name: str) -> set[str]:
    group = Group.objects.get(name=name)
    return {
        f"{right.content_type.app_label}.{right.codename}"
        for right in group.permissions.select_related("content_type")
    }


def test_each_group_may_look_and_support_do_what_it_is_there_for(db):
    database = SimpleNamespace(connection=connection)
    import_module("accounts.migrations.0002_staff_groups").make_groups(apps, database)
    import_module("accounts.migrations.0003_support_sees_transcripts").let_support_look(apps, database)
    import_module("medimic.desk.migrations.0001_permissions").permit(apps, database)
    import_module("medimic.desk.migrations.0002_billing").permit(apps, database)
    assert rights(AUDITOR) == {"audit.view_auditevent"}
    assert rights(SUPPORT) == {
        "accounts.view_person",
        "devices.view_device",
        "devices.view_deviceauthorization",
        "outbox.view_delivery",
        "outbox.view_service",
        "orgs.view_organization",
        "orgs.view_membership",
        "billing.view_subscription",
        "sessions_app.view_segment",
        "sessions_app.view_envelope",
        # What a person's page shows of them.
        "audit.view_auditevent",
        "billing.view_invoice",
        "billing.view_gatewayevent",
        # Acts, each with a reason.
        "desk.revoke_device",
        "desk.end_sign_ins",
        "desk.resend_verification",
        "desk.remove_factors",
        "desk.settle_invoices",
        "desk.extend_trials",
        "desk.resend_deliveries",
    }


def test_each_right_is_there_once(db):
    names = [(right.content_type_id, right.codename) for right in Permission.objects.all()]
    assert len(names) == len(set(names))
