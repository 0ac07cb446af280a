from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class OrganizationsConfig(AppConfig):
    name = "orgs"
    verbose_name = _("Organizations")

    def ready(self) -> None:
        from accounts import sign_on_demands
        from medimic.outbox.registry import register_job
        from orgs import events, events_patients, second_factor, single_sign_on

        events.register()
        events_patients.register()
        sign_on_demands.register(single_sign_on.demand_of)
        register_job("orgs.second_factor", every=second_factor.EVERY, run=second_factor.ask_everybody)
