from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class OrganizationsConfig(AppConfig):
    name = "orgs"
    verbose_name = _("Organizations")

    def ready(self) -> None:
        from medimic.outbox.registry import register_job
        from orgs import events, events_patients, second_factor

        events.register()
        events_patients.register()
        register_job("orgs.second_factor", every=second_factor.EVERY, run=second_factor.ask_everybody)
