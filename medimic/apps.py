"""App configurations of the roof."""

import datetime as dt

from django.apps import AppConfig
from django.contrib.admin.apps import AdminConfig


class PortalConfig(AppConfig):
    """Commands, template tags and checks that belong to no single app."""

    name = "medimic"
    label = "medimic"

    def ready(self) -> None:
        from django.core.management import call_command

        from medimic import cache, checks  # noqa: F401 the checks register themselves
        from medimic.audit import scopes
        from medimic.flows.audit_rows import SESSIONS, SHOWN_OF_SESSIONS
        from medimic.outbox.registry import register_job

        scopes.hide_from_organizations(SESSIONS, but=SHOWN_OF_SESSIONS)

        register_job("medimic.drop_expired_cache", every=cache.EVERY, run=cache.drop_expired)
        register_job(
            "medimic.clear_sign_ins", every=dt.timedelta(days=1), run=lambda: call_command("clearsessions")
        )


class PortalAdminConfig(AdminConfig):
    """The admin, served only to staff with a verified second factor."""

    default_site = "medimic.admin.PortalAdminSite"
