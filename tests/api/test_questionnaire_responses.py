"""`POST /api/questionnaire-responses`: by a patient's device, once, and as it was asked."""

import threading
import uuid

import pytest
from django.db import connection

from medimic.audit.models import ActorKind, AuditEvent
from orgs.models import QuestionnaireResponse
from tests.devices.kit import call, refused, sign_in_device
from tests.orgs import care

WRONG = {
    "another resource": {"resourceType": "Observation"},
    "an unknown member": {"subject": {"reference": "Patient/1"}},
    "no id": {"id": "one"},
    "in progress": {"status": "in-progress"},
    "no time zone": {"authored": "2026-11-22T02:00:00"},
    "not a list": {"item": {}},
}
WRONG_ANSWERS = {
    "two values": {"valueString": "a", "valueInteger": 1},
    "none": {},
    "text for a number": {"valueInteger": "3"},
    "truth for a number": {"valueInteger": True},
    "a number too large": {"valueInteger": 2**31},
    "text for truth": {"valueBoolean": "yes"},
    "no day": {"valueDate": "2026-02-30"},
    "a month": {"valueDate": "2026-02"},
    "control characters": {"valueString": "a\x00b"},
    "too long": {"valueString": "a" * 4001},
}


@pytest.fixture
def enrolled(clinic):
    """A patient's access token, and the version that they are to answer."""
    membership, version = care.make_patient(clinic), care.make_questionnaire(clinic)
    care.enroll(membership, version)
    return sign_in_device(membership.person).tokens.access_token, version


def send(enrolled, body):
    return call("post", "questionnaire-responses", body, token=enrolled[0])


@pytest.mark.django_db
class TestAnswering:
    def test_keeps_the_answers_and_says_when(self, enrolled):
        body = care.response(
            enrolled[1], q1={"valueString": "Well,\nbut briefly"}, q3={"valueCoding": {"code": "2"}}
        )
        answer = send(enrolled, body)
        assert answer.status_code == 201, answer.content
        assert answer.json()["id"] == body["id"]
        kept = QuestionnaireResponse.objects.get()
        assert kept.version == enrolled[1]
        event = AuditEvent.objects.get(kind="orgs.questionnaire_answered")
        assert (event.actor_kind, event.actor_id) == (ActorKind.DEVICE, kept.person_id)
        assert event.organization_id == kept.organization_id
        assert "briefly" not in event.details

    def test_a_repeated_call_is_answered_the_same(self, enrolled):
        body = care.response(enrolled[1])
        first, again = send(enrolled, body), send(enrolled, body)
        assert (first.status_code, again.status_code) == (201, 200)
        assert first.json() == again.json()
        assert QuestionnaireResponse.objects.count() == 1

    def test_other_answers_under_the_same_id_are_refused(self, enrolled):
        body = care.response(enrolled[1])
        send(enrolled, body)
        body["item"][0]["answer"][0]["valueString"] = "Badly"
        assert refused(send(enrolled, body), 409, "response_taken")

    def test_one_id_may_be_used_by_two_people(self, clinic, enrolled):
        body = care.response(enrolled[1])
        send(enrolled, body)
        other = care.make_patient(clinic, "Yusuf")
        care.enroll(other, enrolled[1])
        token = sign_in_device(other.person).tokens.access_token
        assert send((token,), body).status_code == 201

    def test_the_words_beside_a_choice_are_not_kept(self, enrolled):
        body = care.response(
            enrolled[1], q1={"valueString": "Well"}, q3={"valueCoding": {"code": "2", "display": "Forged"}}
        )
        assert send(enrolled, body).status_code == 201
        assert "Forged" not in QuestionnaireResponse.objects.get().content


@pytest.mark.django_db
class TestRefusals:
    @pytest.mark.parametrize("change", WRONG.values(), ids=WRONG)
    def test_of_what_is_no_response(self, enrolled, change):
        body = {**care.response(enrolled[1]), **change}
        assert refused(send(enrolled, body), 422, "invalid_content")

    @pytest.mark.parametrize("answer", WRONG_ANSWERS.values(), ids=WRONG_ANSWERS)
    def test_of_what_is_no_answer(self, enrolled, answer):
        body = care.response(enrolled[1], q1=answer)
        assert refused(send(enrolled, body), 422, "invalid_content")
        assert not QuestionnaireResponse.objects.exists()

    def test_of_answers_that_fit_no_question_name_the_question_and_nothing_else(self, enrolled):
        body = care.response(enrolled[1], q1={"valueInteger": 424242}, q9={"valueString": "planted"})
        answer = send(enrolled, body)
        assert refused(answer, 422, "answers_rejected")
        assert {(e["field"], e["code"]) for e in answer.json()["errors"]} == {
            ("1", "wrong_type"),
            ("9", "unknown_question"),
        }
        assert b"424242" not in answer.content
        assert b"planted" not in answer.content

    @pytest.mark.parametrize(
        "canonical",
        ["urn:uuid:x|1", f"urn:uuid:{uuid.UUID(int=7)}|1", "http://hl7.org/fhir", "%|99999999999"],
    )
    def test_of_a_questionnaire_that_there_is_not(self, enrolled, canonical):
        body = {**care.response(enrolled[1]), "questionnaire": canonical}
        assert refused(send(enrolled, body), 404, "questionnaire_unknown")

    def test_of_whoever_is_not_enrolled_are_those_of_what_does_not_exist(self, clinic, enrolled, provider):
        other = care.make_patient(clinic, "Yusuf")
        for person in (other.person, provider):
            token = sign_in_device(person).tokens.access_token
            assert refused(send((token,), care.response(enrolled[1])), 404, "questionnaire_unknown")

    def test_of_a_call_without_a_token(self, enrolled):
        assert refused(call("post", "questionnaire-responses", {}), 401, "token_missing")

    def test_of_a_guest(self, enrolled):
        from tests.sessions_app.test_claims import start_as_guest, token_of

        answer = send((token_of(start_as_guest()),), care.response(enrolled[1]))
        assert refused(answer, 403, "account_needed")


@pytest.mark.django_db(transaction=True)
def test_of_twenty_calls_at_once_one_keeps_the_answers(enrolled):
    body = care.response(enrolled[1])
    statuses = []
    start = threading.Barrier(20)

    def run() -> None:
        start.wait()
        try:
            statuses.append(send(enrolled, body).status_code)
        finally:
            connection.close()

    threads = [threading.Thread(target=run) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(statuses) == [200] * 19 + [201]
    assert QuestionnaireResponse.objects.count() == 1
