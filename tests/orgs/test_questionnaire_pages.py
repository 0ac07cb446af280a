"""The pages on which an organization's admins write questionnaires, and providers read them."""

import pytest

from medimic.audit.models import AuditEvent
from orgs.models import Questionnaire, QuestionnaireVersion
from tests import cast
from tests.orgs import care

pytestmark = pytest.mark.django_db


def address(organization, *parts) -> str:
    return "/".join([f"/organizations/{organization.slug}/questionnaires", *map(str, parts), ""])


def form(*questions, title="Sleep diary", **more) -> dict:
    """What the page sends: (text, kind, options, link_id) for each question."""
    data = {"title": title, "q-TOTAL_FORMS": len(questions), "q-INITIAL_FORMS": 0, **more}
    for number, question in enumerate(questions):
        for name, value in zip(("text", "kind", "options", "link_id"), question, strict=False):
            data[f"q-{number}-{name}"] = value
    return data


def asked(version) -> list[tuple[str, str]]:
    return [(item["linkId"], item["text"]) for item in version.items]


def test_a_draft_is_kept_without_the_rows_that_are_empty(clinic, admin, sign_in):
    questions = [("How was it?", "text"), ("", "text"), ("Pain", "choice", "None\n\n Much ")]
    response = sign_in(admin).post(address(clinic, "new"), form(*questions))
    version = QuestionnaireVersion.objects.get()
    assert response.headers["Location"] == address(clinic, version.questionnaire_id)
    assert asked(version) == [("1", "How was it?"), ("2", "Pain")]
    assert [o["valueCoding"]["display"] for o in version.items[1]["answerOption"]] == ["None", "Much"]
    assert AuditEvent.objects.get(kind="orgs.questionnaire_drafted").actor_id == admin.pk


@pytest.mark.parametrize(
    "data",
    [
        form(("How was it?", "text"), title=""),
        form(("", "text")),
        form(("Pain", "choice", "None")),
        form(("Pain", "choice", "None\nNone")),
        form(("How\u202ewas it?", "text")),
        form(("How was it?", "telepathy")),
        {"title": "Sleep diary"},
        form(*[("How was it?", "text")] * 51),
    ],
    ids=["title", "questions", "one choice", "a choice twice", "signs", "kind", "no rows", "too many"],
)
def test_a_mistake_keeps_what_was_typed(clinic, admin, sign_in, data):
    response = sign_in(admin).post(address(clinic, "new"), data)
    assert response.status_code == 200
    assert not QuestionnaireVersion.objects.exists()
    if data["title"]:
        assert b"Sleep diary" in response.content


def test_more_rows_come_with_all_that_was_typed(clinic, admin, sign_in):
    data = form(("How was it?", "text"), ("Pain", "choice", "None"), title="", more="1")
    response = sign_in(admin).post(address(clinic, "new"), data)
    assert response.context["questions"].total_form_count() == 5
    assert b"How was it?" in response.content
    assert b'role="alert"' not in response.content


def test_a_question_keeps_its_id_through_versions_and_a_new_one_gets_a_new_id(clinic, admin, sign_in):
    first = care.make_questionnaire(clinic)
    rows = [
        ("Last visit", "date", "", "5"),
        ("Weight", "integer", "", ""),
        ("How did you sleep?", "text", "", "1"),
    ]
    client = sign_in(admin)
    client.post(address(clinic, first.questionnaire_id, "draft"), form(*rows))
    second = QuestionnaireVersion.objects.get(number=2)
    assert asked(second) == [("5", "Last visit"), ("6", "Weight"), ("1", "How did you sleep?")]
    first.refresh_from_db()
    assert len(first.items) == 5

    client.post(address(clinic, first.questionnaire_id, "publication"))
    second.refresh_from_db()
    assert second.state == "active"


def test_retiring_asks_first(clinic, admin, sign_in):
    version = care.make_questionnaire(clinic)
    client, path = sign_in(admin), address(clinic, version.questionnaire_id, "retirement")
    assert b"Retire Sleep diary?" in client.get(path).content
    version.refresh_from_db()
    assert version.state == "active"
    client.post(path)
    version.refresh_from_db()
    assert version.state == "retired"


def test_providers_read_and_write_nothing(clinic, provider, sign_in):
    version = care.make_questionnaire(clinic)
    client = sign_in(provider)
    assert b"New questionnaire" not in client.get(address(clinic)).content
    page = client.get(address(clinic, version.questionnaire_id)).content
    assert b"How did you sleep?" in page
    assert b"Retire" not in page


def test_of_another_organization_there_is_none(clinic, admin, sign_in):
    version = care.make_questionnaire(cast.make_organization(clinic.name))
    client = sign_in(admin)
    for end in ((), ("draft",), ("retirement",)):
        assert client.get(address(clinic, version.questionnaire_id, *end)).status_code == 404
    assert client.post(address(clinic, version.questionnaire_id, "publication")).status_code == 404
    assert client.get(address(clinic)).context["rows"] == []


def test_the_list_costs_the_same_with_five_and_with_five_hundred(
    clinic, provider, sign_in, django_assert_max_num_queries
):
    client = sign_in(provider)
    client.get(address(clinic))
    counts = []
    for number in (5, 495):
        made = Questionnaire.objects.bulk_create(Questionnaire(organization=clinic) for _ in range(number))
        QuestionnaireVersion.objects.bulk_create(
            QuestionnaireVersion(questionnaire=one, number=1, title="Diary") for one in made
        )
        with django_assert_max_num_queries(6) as captured:
            client.get(address(clinic))
        counts.append(len(captured))
    assert counts[0] == counts[1]
