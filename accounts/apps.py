from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class AccountsConfig(AppConfig):
    name = "accounts"
    verbose_name = _("Accounts")

    def ready(self) -> None:
        from accounts import alerts, listeners, presenters, trusted_browsers
        from medimic.outbox.registry import register_job

        listeners.connect()
        presenters.register_all()
        register_job(
            "accounts.prune_trusted_browsers", every=trusted_browsers.PRUNE_EVERY, run=trusted_browsers.prune
        )
        register_job("accounts.prune_alerts", every=alerts.PRUNE_EVERY, run=alerts.prune)
