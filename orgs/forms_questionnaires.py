"""The form of a questionnaire: its title, and one row for each question."""

from collections.abc import Mapping, Sequence
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from accounts.forms import PlainWords
from medimic.api_schema import plain
from orgs import fhir

MOST_QUESTIONS = 50
MOST_OPTIONS = 20
LONGEST_OPTION = 200


class TitleForm(PlainWords):
    title = forms.CharField(label=_("Title"), max_length=150, widget=forms.TextInput({"autocomplete": "off"}))

    def clean_title(self) -> str:
        return _plain(self.cleaned_data["title"])


class QuestionForm(PlainWords):
    """One question. Without a text it is none: that is how one is taken away."""

    link_id = forms.CharField(required=False, max_length=20, widget=forms.HiddenInput)
    text = forms.CharField(
        label=_("Question"),
        required=False,
        max_length=500,
        widget=forms.TextInput({"autocomplete": "off"}),
    )
    kind = forms.ChoiceField(label=_("Answer"), choices=list(fhir.TYPES.items()), initial="text")
    options = forms.CharField(
        label=_("Choices"),
        required=False,
        help_text=_("One on each line, for the answer “Choice”."),
        widget=forms.Textarea({"rows": 3, "autocomplete": "off"}),
    )
    required = forms.BooleanField(label=_("Must be answered"), required=False)

    def clean_text(self) -> str:
        return _plain(self.cleaned_data["text"])

    def clean_options(self) -> list[str]:
        lines = [_plain(line) for line in self.cleaned_data["options"].splitlines()]
        return [line for line in lines if line]

    def clean(self) -> dict[str, Any]:
        content = super().clean() or self.cleaned_data
        options = content.get("options") or []
        if content.get("text") and content.get("kind") == "choice" and "options" in content:
            if len(options) < 2:
                self.add_error("options", _("Give two choices or more, each on a line of its own."))
            elif len(options) > MOST_OPTIONS or max(map(len, options)) > LONGEST_OPTION:
                self.add_error("options", _("These are too many choices, or one is too long."))
            elif len(set(options)) < len(options):
                self.add_error("options", _("One choice stands there twice."))
        return content


class _Questions(forms.BaseFormSet):
    def clean(self) -> None:
        if not any(self.errors) and not any(form.cleaned_data.get("text") for form in self.forms):
            raise ValidationError(_("Ask one question or more."))


Questions = forms.formset_factory(
    QuestionForm,
    formset=_Questions,
    extra=0,
    max_num=MOST_QUESTIONS,
    validate_max=True,
    absolute_max=MOST_QUESTIONS + 1,
)


def rows_of(items: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Items as the form shows them."""
    return [
        {
            "link_id": item["linkId"],
            "text": item["text"],
            "kind": item["type"],
            "required": item.get("required", False),
            "options": "\n".join(option["valueCoding"]["display"] for option in item.get("answerOption", [])),
        }
        for item in items
    ]


def typed_rows(data: Mapping[str, Any], *, prefix: str) -> list[dict[str, Any]]:
    """What stands in the rows of a form that was sent, right or wrong."""
    total = str(data.get(f"{prefix}-TOTAL_FORMS", ""))
    number = min(int(total), MOST_QUESTIONS) if total.isascii() and total.isdigit() and len(total) < 4 else 0
    return [
        {name: data.get(f"{prefix}-{row}-{name}", "") for name in QuestionForm.base_fields}
        for row in range(number)
    ]


def items_of(rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """What was filled in, as items. A question keeps its id through all versions, and a new one
    gets a number that none had, so that answers to different versions can be laid side by side."""
    asked = [row for row in rows if row.get("text")]
    kept = [row["link_id"] for row in rows if _is_number(row.get("link_id", ""))]
    following = max(map(int, kept), default=0) + 1
    items, used = [], set()
    for row in asked:
        link_id = row["link_id"]
        if link_id not in kept or link_id in used:
            link_id, following = str(following), following + 1
        used.add(link_id)
        items.append(
            fhir.question(
                link_id,
                text=row["text"],
                kind=row["kind"],
                required=row["required"],
                options=row["options"],
            )
        )
    return items


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and 0 < len(text) <= 6


def _plain(text: str) -> str:
    try:
        plain(text)
    except ValueError:
        raise ValidationError(_("Leave out signs that cannot be seen.")) from None
    return " ".join(text.split())
