from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class DevicesConfig(AppConfig):
    name = "devices"
    verbose_name = _("Devices")

    def ready(self) -> None:
        from devices import browsers, events, handover, pruning
        from medimic.outbox.registry import register_job

        browsers.connect()
        events.register()
        handover.register()
        register_job("devices.prune", every=pruning.EVERY, run=pruning.prune)
