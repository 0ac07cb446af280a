from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class SessionsConfig(AppConfig):
    name = "sessions_app"
    verbose_name = _("Sessions")

    def ready(self) -> None:
        from medimic.audit.presenters import register

        register("sessions.started", _("Started a session on %(device)s"))
        register("sessions.ended", _("Ended a session"))
        register("sessions.claimed", _("Took over the sessions of a guest on %(device)s: %(sessions)s"))
