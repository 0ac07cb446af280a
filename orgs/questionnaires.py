"""What happens to questionnaires, enrollments and answers: the change, its row of the audit log and
the news for the patients' devices, in one transaction.

No title of a questionnaire stands in a row about a patient: it can tell what somebody is treated for.
"""

import datetime as dt
import json
import uuid
from collections.abc import Mapping
from typing import Any

from django.db import IntegrityError, transaction
from django.utils.translation import gettext_lazy as _

from accounts.models import Person
from medimic import crypto
from medimic.audit.log import Origin, record
from medimic.changes import feeds
from medimic.changes.models import Kind
from medimic.problems import Problem
from orgs import fhir
from orgs.models import (
    Enrollment,
    Membership,
    Organization,
    Questionnaire,
    QuestionnaireResponse,
    QuestionnaireVersion,
)

DIGEST_PURPOSE = "questionnaire-response"
Items = list[dict[str, Any]]


def draft(*, organization: Organization, title: str, items: Items, origin: Origin) -> QuestionnaireVersion:
    """The first draft of a new questionnaire."""
    with transaction.atomic():
        questionnaire = Questionnaire.objects.create(organization=organization)
        return _draft(questionnaire, 1, title, items, origin)


def rewrite(
    *, questionnaire: Questionnaire, title: str, items: Items, origin: Origin
) -> QuestionnaireVersion:
    """Change the draft; where there is none, the change is the draft of the next version."""
    with transaction.atomic():
        # Two at once queue up here: else both would make the next version.
        Questionnaire.objects.select_for_update(no_key=True).get(pk=questionnaire.pk)
        latest = questionnaire.versions.order_by("-number").first()
        if latest is None or latest.state != QuestionnaireVersion.State.DRAFT:
            return _draft(questionnaire, latest.number + 1 if latest else 1, title, items, origin)
        latest.rewrite(title=title, items=items)
        fhir.check_questionnaire(fhir.resource(latest))
        _record("orgs.questionnaire_changed", latest, questionnaire, origin)
        return latest


def publish(*, version: QuestionnaireVersion, origin: Origin) -> bool:
    """Give a draft out to whoever is enrolled, and the version before it no longer."""
    questionnaire = version.questionnaire
    with transaction.atomic():
        Questionnaire.objects.select_for_update(no_key=True).get(pk=questionnaire.pk)
        fhir.check_questionnaire(fhir.resource(version))
        if not version.publish():
            return False
        _record("orgs.questionnaire_published", version, questionnaire, origin)
        _tell_enrolled(questionnaire)
        return True


def retire(*, version: QuestionnaireVersion, origin: Origin) -> bool:
    """Give it out no longer. Enrollments stay: a next version finds them again."""
    questionnaire = version.questionnaire
    with transaction.atomic():
        Questionnaire.objects.select_for_update(no_key=True).get(pk=questionnaire.pk)
        if not version.retire():
            return False
        _record("orgs.questionnaire_retired", version, questionnaire, origin)
        _tell_enrolled(questionnaire)
        return True


def enroll(*, membership: Membership, questionnaire: Questionnaire, origin: Origin) -> Enrollment:
    """Have a patient answer a questionnaire; whoever is enrolled already stays so."""
    with transaction.atomic():
        # Of two at once one makes the row, and of an enrollment and the end of a membership one is first.
        fresh = Membership.objects.select_for_update(no_key=True).get(pk=membership.pk)
        if fresh.ended_at is not None or fresh.role != Membership.Role.PATIENT:
            raise ValueError(f"membership {membership.pk} is not a patient's")
        enrollment, is_new = Enrollment.objects.get_or_create(
            membership=fresh, questionnaire=questionnaire, ended_at=None
        )
        if is_new:
            _record_of_patient("orgs.patient_enrolled", enrollment, fresh, origin)
            _tell(fresh.person_id, enrollment)
        return enrollment


def end_enrollment(*, enrollment: Enrollment, origin: Origin) -> bool:
    membership = enrollment.membership
    with transaction.atomic():
        if not enrollment.end():
            return False
        _record_of_patient("orgs.enrollment_ended", enrollment, membership, origin)
        _tell(membership.person_id, enrollment)
        return True


def receive(
    *,
    person: Person,
    client_id: uuid.UUID,
    content: Mapping[str, Any],
    authored_at: dt.datetime,
    origin: Origin,
) -> tuple[QuestionnaireResponse, bool]:
    """Keep a patient's answers, encrypted; and whether they are new. Sent again, they are kept once.

    `content` is a QuestionnaireResponse. Raises `Problem`: `questionnaire_unknown`,
    `answers_rejected`, `response_taken`.
    """
    text = json.dumps(content, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    digest = crypto.keyed_hash(DIGEST_PURPOSE, text)
    mine = QuestionnaireResponse.objects.filter(person=person, client_id=client_id)
    if (earlier := mine.first()) is not None:
        return _same(earlier, digest), False
    version = _version_for(person, str(content["questionnaire"]))
    _check(version, content)
    try:
        with transaction.atomic():
            response = QuestionnaireResponse.objects.create(
                client_id=client_id,
                person=person,
                organization=version.questionnaire.organization,
                version=version,
                content=text,
                digest=digest,
                authored_at=authored_at,
            )
            record(
                "orgs.questionnaire_answered",
                origin=origin,
                person_id=person.pk,
                organization_id=response.organization_id,
                subject=response,
                details={"version": version.number},
            )
    except IntegrityError:
        # It came twice at the same instant.
        return _same(mine.get(), digest), False
    return response, True


def read(*, response: QuestionnaireResponse, origin: Origin) -> dict[str, Any]:
    """The answers, opened; that somebody read them is noted, for the patient too."""
    with transaction.atomic():
        record(
            "orgs.answers_read",
            origin=origin,
            person_id=response.person_id,
            organization_id=response.organization_id,
            subject=response,
        )
        content: dict[str, Any] = json.loads(response.content)
        return content


def _draft(
    questionnaire: Questionnaire, number: int, title: str, items: Items, origin: Origin
) -> QuestionnaireVersion:
    version = QuestionnaireVersion(questionnaire=questionnaire, number=number, title=title, items=items)
    fhir.check_questionnaire(fhir.resource(version))
    version.save(force_insert=True)
    _record("orgs.questionnaire_drafted", version, questionnaire, origin)
    return version


def _version_for(person: Person, canonical: str) -> QuestionnaireVersion:
    """A published version that the person is enrolled for; a retired one can still be answered."""
    named = fhir.CANONICAL.fullmatch(canonical)
    version = named and (
        QuestionnaireVersion.objects.published()
        .filter(
            questionnaire__in=Enrollment.objects.living().of(person).values("questionnaire"),
            questionnaire=named[1],
            number=int(named[2]),
        )
        .select_related("questionnaire__organization")
        .first()
    )
    if not version:
        raise Problem(
            404, "questionnaire_unknown", _("There is no such questionnaire, or none that you are to answer.")
        )
    return version


def _check(version: QuestionnaireVersion, content: Mapping[str, Any]) -> None:
    try:
        fhir.check_response(content)
    except ValueError:
        # What the library says of it repeats what was answered.
        raise Problem(
            422, "answers_rejected", _("This is not a QuestionnaireResponse of FHIR R4."), errors=[]
        ) from None
    if found := fhir.mistakes(version.items, content.get("item", [])):
        raise Problem(
            422,
            "answers_rejected",
            _("Some of the answers do not fit their questions."),
            errors=[
                {"in": "body", "field": one.link_id[:60], "code": one.code, "message": str(one.message)}
                for one in found[:20]
            ],
        )


def _same(earlier: QuestionnaireResponse, digest: str) -> QuestionnaireResponse:
    if earlier.digest != digest:
        raise Problem(409, "response_taken", _("Other answers were sent with this id before."))
    return earlier


def _tell_enrolled(questionnaire: Questionnaire) -> None:
    people = Enrollment.objects.living().filter(questionnaire=questionnaire)
    feeds.note(people.values_list("membership__person_id", flat=True), (Kind.QUESTIONNAIRE, questionnaire.pk))


def _tell(person_id: uuid.UUID, enrollment: Enrollment) -> None:
    feeds.note(
        [person_id], (Kind.ENROLLMENT, enrollment.pk), (Kind.QUESTIONNAIRE, enrollment.questionnaire_id)
    )


def _record(kind: str, version: QuestionnaireVersion, of: Questionnaire, origin: Origin) -> None:
    record(
        kind,
        origin=origin,
        organization_id=of.organization_id,
        subject=of,
        details={"title": version.title, "version": version.number},
    )


def _record_of_patient(kind: str, enrollment: Enrollment, of: Membership, origin: Origin) -> None:
    record(
        kind,
        origin=origin,
        person_id=of.person_id,
        organization_id=of.organization_id,
        subject=enrollment,
    )
