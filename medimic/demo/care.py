"""What the clinic asks its patients, and what some of them answered."""

import datetime as dt
import uuid

from django.utils import timezone

from medimic.audit.log import Origin
from medimic.audit.models import ActorKind
from medimic.demo.cast import Cast, House
from orgs import fhir, questionnaires
from orgs.models import Membership, QuestionnaireVersion

AGENT = "Demonstration data"
DIARY = (
    ("How did you sleep last night?", "choice", True, ("Well", "Restless", "Hardly at all")),
    ("Did you take your tablets as agreed?", "boolean", True, ()),
    ("How strong is your pain, from 0 to 10?", "integer", False, ()),
    ("When did you last measure your blood pressure?", "date", False, ()),
    ("Is there anything that you want to tell us?", "text", False, ()),
)
VISIT = (
    ("What do you want to talk about?", "text", True, ()),
    ("Have your medicines changed since your last visit?", "boolean", False, ()),
)
# By question, of one patient on two days.
ANSWERS = (
    ({"code": "2"}, True, 4, "2026-01-12", "The new tablets make me dizzy in the morning."),
    ({"code": "1"}, True, 2, "2026-01-19", "Better since we changed the hour."),
)


def tell(cast: Cast) -> None:
    """Through the portal's own actions, and so into the audit log and to the patients' devices."""
    admin, provider = cast.person("admin@clinic.example"), cast.person("provider@clinic.example")
    by_admin = Origin(ActorKind.PERSON, admin.pk, agent=AGENT)
    by_provider = Origin(ActorKind.PERSON, provider.pk, agent=AGENT)
    diary = _draft(cast.clinic, "Morning diary", DIARY, by_admin)
    questionnaires.publish(version=diary, origin=by_admin)
    _draft(cast.clinic, "Before your visit", VISIT, by_admin)
    for patient in cast.clinic.patients[:2]:
        membership = Membership.objects.living().get(person=patient, organization=cast.clinic.organization)
        questionnaires.enroll(membership=membership, questionnaire=diary.questionnaire, origin=by_provider)
    answering = cast.clinic.patients[1]
    for days, values in zip((8, 1), ANSWERS, strict=True):
        authored = timezone.now() - dt.timedelta(days=days)
        content = _response(diary, values, authored)
        questionnaires.receive(
            person=answering,
            client_id=uuid.UUID(str(content["id"])),
            content=content,
            authored_at=authored,
            origin=Origin(ActorKind.DEVICE, answering.pk, agent=AGENT),
        )


def _draft(
    house: House, title: str, questions: tuple[tuple[str, str, bool, tuple[str, ...]], ...], origin: Origin
) -> QuestionnaireVersion:
    items = [
        fhir.question(str(number), text=text, kind=kind, required=required, options=options)
        for number, (text, kind, required, options) in enumerate(questions, start=1)
    ]
    return questionnaires.draft(organization=house.organization, title=title, items=items, origin=origin)


def _response(
    version: QuestionnaireVersion, values: tuple[object, ...], authored: dt.datetime
) -> dict[str, object]:
    return {
        "resourceType": "QuestionnaireResponse",
        "id": str(uuid.uuid4()),
        "questionnaire": version.canonical,
        "status": "completed",
        "authored": authored.isoformat(timespec="seconds"),
        "item": [
            {"linkId": item["linkId"], "answer": [{fhir.VALUES[item["type"]]: value}]}
            for item, value in zip(version.items, values, strict=True)
        ],
    }
