from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class DevicesConfig(AppConfig):
    name = "devices"
    verbose_name = _("Devices")

    def ready(self) -> None:
        from devices import browsers, events, fleet, handover, pruning
        from medimic.followers import Topic, follow
        from medimic.outbox.registry import register_job

        browsers.connect()
        events.register()
        handover.register()
        follow(Topic.MEMBERSHIP, fleet.member_changed)
        follow(Topic.PERSON_NAMED, fleet.person_named)
        register_job("devices.prune", every=pruning.EVERY, run=pruning.prune)
        register_job("devices.fleet", every=fleet.REFRESH_EVERY, run=fleet.refresh_all)
        register_job("devices.fleet_counts", every=fleet.COUNT_EVERY, run=fleet.add_up_counts)
