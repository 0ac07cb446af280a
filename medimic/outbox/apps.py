import datetime as dt

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _

HEARTBEAT = "outbox.heartbeat"


class OutboxConfig(AppConfig):
    name = "medimic.outbox"
    label = "outbox"
    verbose_name = _("Outbox")

    def ready(self) -> None:
        from medimic.outbox import erasing, registry
        from medimic.outbox.email import EmailChannel
        from medimic.outbox.mail import CHANNEL as EMAIL
        from medimic.outbox.sms import CHANNEL as SMS
        from medimic.outbox.sms import SMSChannel

        registry.register_channel(EMAIL, EmailChannel())
        registry.register_channel(SMS, SMSChannel())
        registry.register_job("outbox.give_up", every=dt.timedelta(minutes=1), run=erasing.give_up)
        registry.register_job("outbox.prune", every=dt.timedelta(days=1), run=erasing.prune)
        # Does nothing: that it ran is the news, and `/readyz` tells it.
        registry.register_job(HEARTBEAT, every=dt.timedelta(seconds=30), run=lambda: None)
