"""Questionnaires as pages print them."""

import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.urls import reverse
from django.utils.safestring import SafeString

from medimic.formatting import Dates
from medimic.templatetags.look import icon
from orgs import fhir
from orgs.models import QuestionnaireVersion

State = QuestionnaireVersion.State
STATE_BADGES = {
    State.DRAFT: ("is-warning", "clock"),
    State.ACTIVE: ("is-ok", "check"),
    State.RETIRED: ("is-off", "stop"),
}


@dataclass(frozen=True)
class VersionRow:
    """One version, in a list of questionnaires or of versions."""

    title: str
    number: int
    state: str
    badge: str
    icon: SafeString
    # When it came into the state that it is in.
    since: str
    enrolled: int
    url: str

    @classmethod
    def of(
        cls,
        versions: Iterable[QuestionnaireVersion],
        slug: str,
        dates: Dates,
        *,
        enrolled: Mapping[uuid.UUID, int] | None = None,
    ) -> "list[VersionRow]":
        labels = {s.value: (str(s.label), badge, icon(sign)) for s, (badge, sign) in STATE_BADGES.items()}
        prefix = reverse("organization_questionnaires", args=[slug])
        found = []
        for version in versions:
            label, badge, sign = labels[version.state]
            changed = version.retired_at or version.published_at or version.created_at
            found.append(
                cls(
                    title=version.title,
                    number=version.number,
                    state=label,
                    badge=badge,
                    icon=sign,
                    since=dates.date(changed),
                    enrolled=(enrolled or {}).get(version.questionnaire_id, 0),
                    url=f"{prefix}{version.questionnaire_id}/",
                )
            )
        return found


@dataclass(frozen=True)
class QuestionRow:
    text: str
    kind: str
    options: list[str]
    is_required: bool


def question_rows(items: Sequence[Mapping[str, Any]]) -> list[QuestionRow]:
    kinds = {kind: str(label) for kind, label in fhir.TYPES.items()}
    return [
        QuestionRow(
            text=item["text"],
            kind=kinds[item["type"]],
            options=[option["valueCoding"]["display"] for option in item.get("answerOption", [])],
            is_required=bool(item.get("required")),
        )
        for item in items
    ]
