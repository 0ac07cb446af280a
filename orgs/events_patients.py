"""How the audit log's rows about patients and questionnaires read. They name no questionnaire
where they are about a patient: its title can tell what somebody is treated for."""

from django.utils.translation import gettext_lazy as _

from medimic.audit.presenters import register as present


def register() -> None:
    present("orgs.patient_made", _("Added a patient without a sign-in of their own"))
    present("orgs.patient_corrected", _("Corrected a patient's name or phone number"))
    present("orgs.questionnaire_drafted", _("Drafted version %(version)s of the questionnaire %(title)s"))
    present("orgs.questionnaire_changed", _("Changed the draft of the questionnaire %(title)s"))
    present("orgs.questionnaire_published", _("Published version %(version)s of the questionnaire %(title)s"))
    present("orgs.questionnaire_retired", _("Retired the questionnaire %(title)s"))
    present("orgs.patient_enrolled", _("Enrolled a patient for a questionnaire"))
    present("orgs.enrollment_ended", _("Ended a patient's enrollment"))
    present("orgs.questionnaire_answered", _("Answered a questionnaire"))
    present("orgs.answers_read", _("Read a patient's answers"))
