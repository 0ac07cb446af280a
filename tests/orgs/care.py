"""Patients and questionnaires as the tests make them."""

import uuid

from django.utils import timezone

from medimic.audit.log import SYSTEM
from orgs import fhir, questionnaires
from orgs.models import Membership, QuestionnaireVersion
from tests import cast

ITEMS = [
    fhir.question("1", text="How did you sleep?", kind="text", required=True),
    fhir.question("2", text="Did you take the tablets?", kind="boolean"),
    fhir.question("3", text="Pain", kind="choice", options=["None", "Some", "Much"]),
    fhir.question("4", text="Pulse", kind="integer"),
    fhir.question("5", text="Last visit", kind="date"),
]


def make_patient(organization, first_name="Hanna", last_name="Silverstrand", **fields) -> Membership:
    """A patient without a sign-in."""
    person = cast.make_person(first_name, last_name, email=None, **fields)
    return cast.join(organization, person, Membership.Role.PATIENT)


def make_questionnaire(
    organization, *, title="Sleep diary", items=ITEMS, publish=True
) -> QuestionnaireVersion:
    version = questionnaires.draft(organization=organization, title=title, items=items, origin=SYSTEM)
    if publish:
        questionnaires.publish(version=version, origin=SYSTEM)
    return version


def enroll(membership, version):
    return questionnaires.enroll(membership=membership, questionnaire=version.questionnaire, origin=SYSTEM)


def response(version, *, client_id=None, **answers) -> dict:
    """A QuestionnaireResponse; `q1={"valueString": …}` answers the question of linkId 1."""
    answers = answers or {"q1": {"valueString": "Well, but briefly"}}
    return {
        "resourceType": "QuestionnaireResponse",
        "id": str(client_id or uuid.uuid4()),
        "questionnaire": version.canonical,
        "status": "completed",
        "authored": timezone.now().isoformat(timespec="seconds"),
        "item": [{"linkId": name[1:], "answer": [answer]} for name, answer in answers.items()],
    }


def receive(person, version, **answers):
    content = response(version, **answers)
    return questionnaires.receive(
        person=person,
        client_id=uuid.UUID(content["id"]),
        content=content,
        authored_at=timezone.now(),
        origin=SYSTEM,
    )[0]
