from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class DevicesConfig(AppConfig):
    name = "devices"
    verbose_name = _("Devices")

    def ready(self) -> None:
        from devices import (
            browser_sign_ins,
            browsers,
            events,
            fleet,
            fleet_revocation,
            handover,
            policy_enforcement,
            pruning,
            push_services,
        )
        from devices.push_channel import PushChannel
        from devices.push_services import checks  # noqa: F401 the checks register themselves
        from medimic.followers import Topic, follow
        from medimic.outbox.registry import register_channel, register_job

        browsers.connect()
        events.register()
        handover.register()
        for service in push_services.SERVICES:
            register_channel(service, PushChannel(service))
        follow(Topic.PERSON_NAMED, fleet.person_named)
        register_job(
            "devices.timed_out_browsers",
            every=browser_sign_ins.EVERY,
            run=browser_sign_ins.end_parts_of_timed_out,
        )
        register_job("devices.prune", every=pruning.EVERY, run=pruning.prune)
        register_job("devices.fleet", every=fleet.REFRESH_EVERY, run=fleet.refresh_all)
        register_job("devices.fleet_counts", every=fleet.COUNT_EVERY, run=fleet.add_up_counts)
        register_job("devices.bulk_revocations", every=fleet_revocation.EVERY, run=fleet_revocation.go_on_all)
        register_job("devices.policies", every=policy_enforcement.EVERY, run=policy_enforcement.enforce)
