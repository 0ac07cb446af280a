from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class AuditConfig(AppConfig):
    name = "medimic.audit"
    label = "audit"
    verbose_name = _("Audit log")

    def ready(self) -> None:
        from medimic.audit import kinds

        kinds.register_all()
