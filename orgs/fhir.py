"""Questionnaires and answers in the shape of FHIR R4, and what of that shape is used here.

Two checks, one behind the other: the resource as FHIR has it (fhir.resources; its R4B is R4 where
these two resources are concerned), and our part of it, which the library leaves open: flat lists
of questions of five types, and answers that fit their questions (docs/questionnaires.md).
"""

import datetime as dt
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from orgs.models import QuestionnaireVersion

Item = Mapping[str, Any]

# Item type → the member of an answer that holds its value.
VALUES = {
    "text": "valueString",
    "boolean": "valueBoolean",
    "choice": "valueCoding",
    "integer": "valueInteger",
    "date": "valueDate",
}
TYPES: dict[str, Promise] = {
    "text": _("Text"),
    "boolean": _("Yes or no"),
    "choice": _("Choice"),
    "integer": _("Whole number"),
    "date": _("Date"),
}
STATUSES = {
    QuestionnaireVersion.State.DRAFT: "draft",
    QuestionnaireVersion.State.ACTIVE: "active",
    QuestionnaireVersion.State.RETIRED: "retired",
}
LONGEST_TEXT = 4000
CANONICAL = re.compile(r"urn:uuid:([0-9a-f-]{36})\|([1-9][0-9]{0,8})")


@dataclass(frozen=True)
class Mistake:
    """What is wrong with which answer. What was answered is not repeated."""

    link_id: str
    code: str
    message: Promise


def question(
    link_id: str, *, text: str, kind: str, required: bool = False, options: Sequence[str] = ()
) -> dict[str, Any]:
    """One item. The options of a choice are numbered in their order."""
    item: dict[str, Any] = {"linkId": link_id, "text": text, "type": kind, "required": required}
    if kind == "choice":
        item["answerOption"] = [
            {"valueCoding": {"code": str(number), "display": option}}
            for number, option in enumerate(options, start=1)
        ]
    return item


def resource(version: QuestionnaireVersion) -> dict[str, Any]:
    """A version as a FHIR Questionnaire; `version.questionnaire` is not looked at."""
    dated = version.published_at or version.created_at
    return {
        "resourceType": "Questionnaire",
        "id": str(version.pk),
        "url": f"urn:uuid:{version.questionnaire_id}",
        "version": str(version.number),
        "title": version.title,
        "status": STATUSES[QuestionnaireVersion.State(version.state)],
        "subjectType": ["Patient"],
        "date": dated.astimezone(dt.UTC).isoformat(timespec="seconds"),
        "item": version.items,
    }


def check_questionnaire(content: Mapping[str, Any]) -> None:
    """Raises `ValueError` where that is no Questionnaire of FHIR."""
    # Imported where it is needed: it costs a tenth of a second and 18 MB, and few processes do.
    from fhir.resources.R4B.questionnaire import Questionnaire

    Questionnaire.model_validate(content)


def check_response(content: Mapping[str, Any]) -> None:
    """Raises `ValueError` where that is no QuestionnaireResponse of FHIR."""
    from fhir.resources.R4B.questionnaireresponse import QuestionnaireResponse

    QuestionnaireResponse.model_validate(content)


def mistakes(questions: Sequence[Item], answered: Sequence[Item]) -> list[Mistake]:
    """What is wrong with the items of a response to these questions; empty where they fit."""
    known = {question["linkId"]: question for question in questions}
    given: dict[str, Item] = {}
    found = []
    for item in answered:
        link_id = item["linkId"]
        if link_id not in known:
            found.append(Mistake(link_id, "unknown_question", _("The questionnaire asks no such thing.")))
        elif link_id in given:
            found.append(Mistake(link_id, "answered_twice", _("A question is answered once.")))
        else:
            given[link_id] = item
            if item.get("answer") and not _fits(known[link_id], item["answer"]):
                found.append(Mistake(link_id, "wrong_type", _("The answer is not of the question's type.")))
    for link_id, wanted in known.items():
        if wanted.get("required") and not given.get(link_id, {}).get("answer"):
            found.append(Mistake(link_id, "answer_missing", _("This question must be answered.")))
    return found


def _fits(question: Item, answers: Sequence[Item]) -> bool:
    if len(answers) != 1 or list(answers[0]) != [VALUES[question["type"]]]:
        return False
    value = answers[0][VALUES[question["type"]]]
    if question["type"] == "choice":
        return value.get("code") in {option["valueCoding"]["code"] for option in question["answerOption"]}
    return True


def answer_texts(questions: Sequence[Item], answered: Sequence[Item]) -> list[tuple[str, str, Any]]:
    """Question, its type and the plain value of its answer (None without one), in the order of asking."""
    given = {item["linkId"]: item.get("answer") or [] for item in answered}
    return [
        (question["text"], question["type"], _value(question, given.get(question["linkId"], [])))
        for question in questions
    ]


def _value(question: Item, answers: Sequence[Item]) -> Any:
    if not answers:
        return None
    value = answers[0][VALUES[question["type"]]]
    if question["type"] == "choice":
        displays = {o["valueCoding"]["code"]: o["valueCoding"]["display"] for o in question["answerOption"]}
        return displays[value["code"]]
    return dt.date.fromisoformat(value) if question["type"] == "date" else value
