"""Support's desk: its audit rows, and that every look is one."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class DeskConfig(AppConfig):
    name = "medimic.desk"
    verbose_name = _("Desk")

    def ready(self) -> None:
        from medimic.desk import events, readings
        from medimic.readonly_admin import tell_readings

        events.register_all()
        tell_readings(readings.note)
