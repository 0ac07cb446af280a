from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class BillingConfig(AppConfig):
    name = "billing"
    verbose_name = _("Billing")

    def ready(self) -> None:
        from billing import checks, events  # noqa: F401 the checks register themselves
        from billing.gateways import stripe_reconciliation
        from medimic.outbox.registry import register_job

        events.register()
        register_job("billing.reconcile", every=stripe_reconciliation.EVERY, run=stripe_reconciliation.job)
