"""Questionnaires: drafted, published in versions, retired; in the shape of FHIR R4."""

import datetime as dt
import json

import pytest
from django.db import IntegrityError, transaction
from fhir.resources.R4B.questionnaire import Questionnaire as FhirQuestionnaire

from medimic.audit.log import SYSTEM
from medimic.audit.models import AuditEvent
from medimic.changes import feeds
from medimic.problems import Problem
from orgs import fhir, questionnaires
from orgs.models import Enrollment, QuestionnaireResponse, QuestionnaireVersion
from tests.orgs import care

State = QuestionnaireVersion.State
pytestmark = pytest.mark.django_db


def kinds() -> list[str]:
    return list(AuditEvent.objects.order_by("created_at").values_list("kind", flat=True))


class TestVersions:
    def test_a_draft_is_not_given_out_before_it_is_published(self, clinic):
        version = care.make_questionnaire(clinic, publish=False)
        assert (version.state, version.number) == (State.DRAFT, 1)
        assert questionnaires.publish(version=version, origin=SYSTEM)
        version.refresh_from_db()
        assert version.state == State.ACTIVE
        assert version.published_at is not None
        assert kinds() == ["orgs.questionnaire_drafted", "orgs.questionnaire_published"]

    def test_a_draft_is_changed_in_place(self, clinic):
        version = care.make_questionnaire(clinic, publish=False)
        changed = questionnaires.rewrite(
            questionnaire=version.questionnaire, title="Diary", items=care.ITEMS[:1], origin=SYSTEM
        )
        assert (changed.pk, changed.number, changed.title) == (version.pk, 1, "Diary")

    def test_a_change_after_publication_is_the_next_version(self, clinic):
        first = care.make_questionnaire(clinic)
        second = questionnaires.rewrite(
            questionnaire=first.questionnaire, title="Diary", items=care.ITEMS[:1], origin=SYSTEM
        )
        first.refresh_from_db()
        assert (first.state, first.title) == (State.ACTIVE, "Sleep diary")
        assert (second.state, second.number) == (State.DRAFT, 2)

        questionnaires.publish(version=second, origin=SYSTEM)
        first.refresh_from_db()
        assert (first.state, second.state) == (State.RETIRED, State.ACTIVE)

    def test_what_was_published_cannot_be_changed(self, clinic):
        version = care.make_questionnaire(clinic)
        with pytest.raises(ValueError, match="no draft"):
            version.rewrite(title="Other", items=[])

    def test_publishing_and_retiring_twice_is_done_once(self, clinic):
        version = care.make_questionnaire(clinic)
        assert not questionnaires.publish(version=version, origin=SYSTEM)
        assert questionnaires.retire(version=version, origin=SYSTEM)
        assert not questionnaires.retire(version=version, origin=SYSTEM)
        assert kinds().count("orgs.questionnaire_retired") == 1

    @pytest.mark.parametrize("state", [State.DRAFT, State.ACTIVE])
    def test_the_database_keeps_one_draft_and_one_active_version(self, clinic, state):
        version = care.make_questionnaire(clinic, publish=state == State.ACTIVE)
        with pytest.raises(IntegrityError), transaction.atomic():
            QuestionnaireVersion.objects.create(
                questionnaire=version.questionnaire,
                number=2,
                title="Other",
                state=state,
                published_at=version.published_at,
            )

    def test_a_failing_audit_row_takes_the_publication_back(self, clinic, monkeypatch):
        version = care.make_questionnaire(clinic, publish=False)

        def fail(*_args, **_kwargs):
            raise RuntimeError

        monkeypatch.setattr(questionnaires, "record", fail)
        with pytest.raises(RuntimeError):
            questionnaires.publish(version=version, origin=SYSTEM)
        version.refresh_from_db()
        assert version.state == State.DRAFT


class TestShape:
    def test_a_version_is_a_questionnaire_of_fhir(self, clinic):
        resource = fhir.resource(care.make_questionnaire(clinic))
        read = FhirQuestionnaire.model_validate_json(json.dumps(resource))
        assert (read.status, read.version, read.title) == ("active", "1", "Sleep diary")
        assert [item.type for item in read.item] == ["text", "boolean", "choice", "integer", "date"]
        assert [option.valueCoding.display for option in read.item[2].answerOption] == [
            "None",
            "Some",
            "Much",
        ]

    def test_what_is_none_is_not_kept(self, clinic):
        with pytest.raises(ValueError, match="linkId"):
            questionnaires.draft(organization=clinic, title="Odd", items=[{"text": "?"}], origin=SYSTEM)
        assert not QuestionnaireVersion.objects.exists()

    @pytest.mark.parametrize(
        ("link_id", "answer"),
        [
            ("1", {"valueString": "Well"}),
            ("2", {"valueBoolean": False}),
            ("3", {"valueCoding": {"code": "3"}}),
            ("4", {"valueInteger": 0}),
            ("5", {"valueDate": "2026-02-28"}),
        ],
    )
    def test_an_answer_of_its_type_fits(self, link_id, answer):
        items = [{**item, "required": False} for item in care.ITEMS]
        assert fhir.mistakes(items, [{"linkId": link_id, "answer": [answer]}]) == []

    @pytest.mark.parametrize(
        ("items", "code"),
        [
            ([], "answer_missing"),
            ([{"linkId": "1"}], "answer_missing"),
            ([{"linkId": "9", "answer": [{"valueString": "?"}]}], "unknown_question"),
            ([{"linkId": "1", "answer": [{"valueString": "a"}]}] * 2, "answered_twice"),
            ([{"linkId": "1", "answer": [{"valueInteger": 1}]}], "wrong_type"),
            ([{"linkId": "1", "answer": [{"valueString": "a"}, {"valueString": "b"}]}], "wrong_type"),
            ([{"linkId": "3", "answer": [{"valueCoding": {"code": "4"}}]}], "wrong_type"),
            ([{"linkId": "3", "answer": [{"valueCoding": {}}]}], "wrong_type"),
        ],
    )
    def test_one_that_does_not_fit_is_named(self, items, code):
        assert code in {mistake.code for mistake in fhir.mistakes(care.ITEMS, items)}

    def test_answers_are_read_in_the_order_of_asking(self):
        answered = [
            {"linkId": "5", "answer": [{"valueDate": "2026-02-28"}]},
            {"linkId": "3", "answer": [{"valueCoding": {"code": "2"}}]},
            {"linkId": "1", "answer": [{"valueString": "Well"}]},
        ]
        values = [value for _text, _kind, value in fhir.answer_texts(care.ITEMS, answered)]
        assert values == ["Well", None, "Some", None, dt.date(2026, 2, 28)]


class TestEnrollments:
    def test_enrolling_twice_is_done_once_and_told_once(self, clinic):
        membership, version = care.make_patient(clinic), care.make_questionnaire(clinic)
        first = care.enroll(membership, version)
        assert care.enroll(membership, version) == first
        assert kinds().count("orgs.patient_enrolled") == 1
        assert [change.kind for change in feeds.since(membership.person_id, 0, 9)] == [
            "enrollment",
            "questionnaire",
        ]

    def test_no_title_stands_in_the_log_of_a_patient(self, clinic):
        membership, version = care.make_patient(clinic), care.make_questionnaire(clinic, title="PHQ-9")
        enrollment = care.enroll(membership, version)
        response = care.receive(membership.person, version)
        questionnaires.read(response=response, origin=SYSTEM)
        questionnaires.end_enrollment(enrollment=enrollment, origin=SYSTEM)
        rows = AuditEvent.objects.filter(person_id=membership.person_id)
        assert sorted(rows.values_list("kind", flat=True)) == [
            "orgs.answers_read",
            "orgs.enrollment_ended",
            "orgs.patient_enrolled",
            "orgs.questionnaire_answered",
        ]
        assert not any("PHQ" in row.details or "briefly" in row.details for row in rows)
        assert {row.organization_id for row in rows} == {clinic.pk}

    def test_whoever_left_is_enrolled_no_more(self, clinic):
        membership, version = care.make_patient(clinic), care.make_questionnaire(clinic)
        care.enroll(membership, version)
        membership.end()
        assert not Enrollment.objects.living().exists()
        with pytest.raises(ValueError, match="not a patient"):
            care.enroll(membership, version)

    def test_a_provider_is_not_enrolled(self, clinic, provider):
        membership, version = provider.memberships.get(), care.make_questionnaire(clinic)
        with pytest.raises(ValueError, match="not a patient"):
            care.enroll(membership, version)


class TestAnswers:
    def test_are_encrypted_at_rest(self, clinic):
        membership, version = care.make_patient(clinic), care.make_questionnaire(clinic)
        care.enroll(membership, version)
        care.receive(membership.person, version, q1={"valueString": "planted-words"})
        rows = QuestionnaireResponse.objects.extra(select={"stored": "content || digest"})
        assert "planted" not in rows.get().stored
        assert "planted-words" in QuestionnaireResponse.objects.get().content

    def test_sent_again_they_are_kept_once(self, clinic):
        membership, version = care.make_patient(clinic), care.make_questionnaire(clinic)
        care.enroll(membership, version)
        content = care.response(version)
        again = {
            "person": membership.person,
            "client_id": content["id"],
            "content": content,
            "authored_at": care.timezone.now(),
            "origin": SYSTEM,
        }
        first, is_new = questionnaires.receive(**again)
        assert is_new
        assert questionnaires.receive(**again) == (first, False)
        other = {**content, "item": [{"linkId": "1", "answer": [{"valueString": "Badly"}]}]}
        with pytest.raises(Problem, match="response_taken"):
            questionnaires.receive(**{**again, "content": other})
        assert kinds().count("orgs.questionnaire_answered") == 1

    def test_of_somebody_who_is_not_enrolled_are_refused(self, clinic):
        membership, version = care.make_patient(clinic), care.make_questionnaire(clinic)
        with pytest.raises(Problem, match="questionnaire_unknown"):
            care.receive(membership.person, version)

    def test_to_a_draft_are_refused(self, clinic):
        membership = care.make_patient(clinic)
        version = care.make_questionnaire(clinic, publish=False)
        care.enroll(membership, version)
        with pytest.raises(Problem, match="questionnaire_unknown"):
            care.receive(membership.person, version)

    def test_to_a_version_that_was_retired_meanwhile_are_kept(self, clinic):
        membership, version = care.make_patient(clinic), care.make_questionnaire(clinic)
        care.enroll(membership, version)
        questionnaires.retire(version=version, origin=SYSTEM)
        assert care.receive(membership.person, version).version == version

    def test_after_the_enrollment_are_refused(self, clinic):
        membership, version = care.make_patient(clinic), care.make_questionnaire(clinic)
        questionnaires.end_enrollment(enrollment=care.enroll(membership, version), origin=SYSTEM)
        with pytest.raises(Problem, match="questionnaire_unknown"):
            care.receive(membership.person, version)
