from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class OutboxConfig(AppConfig):
    name = "medimic.outbox"
    label = "outbox"
    verbose_name = _("Outbox")

    def ready(self) -> None:
        from medimic.outbox import registry
        from medimic.outbox.email import EmailChannel
        from medimic.outbox.mail import CHANNEL

        registry.register_channel(CHANNEL, EmailChannel())
