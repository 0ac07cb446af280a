from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class SessionsConfig(AppConfig):
    name = "sessions_app"
    verbose_name = _("Sessions")

    def ready(self) -> None:
        from medimic.audit.presenters import register
        from medimic.outbox.registry import register_guard, register_job
        from sessions_app import alerts, events_door, expiry, invitations, notices, summaries

        alerts.register()
        events_door.register()
        register("sessions.started", _("Started a session on %(device)s"))
        register("sessions.ended", _("Ended a session"))
        register("sessions.invited", _("Invited %(to)s to a session"))
        register("sessions.invitation_sent_again", _("Sent %(to)s the invitation to a session again"))
        register("sessions.invitation_withdrawn", _("Withdrew the invitation of %(to)s to a session"))
        register("sessions.invitation_accepted", _("Accepted an invitation to a session"))
        register("sessions.invitation_declined", _("Declined an invitation to a session"))
        register("sessions.exported", _("Exported the session history"))
        register("sessions.claimed", _("Took over the sessions of a guest on %(device)s: %(sessions)s"))
        register("sessions.key_asked", _("Asked for session keys on %(device)s"))
        register("sessions.key_answered", _("Answered on %(device)s that %(asking)s asks for session keys"))
        register("sessions.key_revealed", _("Showed the digits of a key request on %(device)s"))
        register(
            "sessions.key_carried", _("Carried session keys from %(device)s to %(asking)s: %(sessions)s")
        )
        register("sessions.key_refused", _("Refused session keys to %(asking)s"))
        register("sessions.key_withdrawn", _("Withdrew the request for session keys of %(asking)s"))
        register_job("sessions.announce_expiry", every=expiry.EVERY, run=expiry.announce)
        register_job("sessions.summaries", every=summaries.EVERY, run=summaries.send)
        register_guard(invitations.MAIL, invitations.is_wanted)
        register_guard(notices.STARTED, notices.start_is_wanted)
        register_guard(notices.SUMMARY, notices.summary_is_wanted)
