"""What a browser is alerted of, as its page asks for it."""

import datetime as dt
import re
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from devices.models import PushKind, PushSettings
from devices.push_settings import QuietHours

# As a picker of times takes them.
TIME = re.compile(r"([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9])?")


class TimeInput(forms.TimeInput):
    """A browser's own picker of a time; what is no time stands there as it was typed, which that one
    would not show."""

    def __init__(self) -> None:
        super().__init__(format="%H:%M")

    def get_context(self, name: str, value: Any, attrs: dict[str, Any] | None) -> dict[str, Any]:
        context: dict[str, Any] = super().get_context(name, value, attrs)
        typed = context["widget"]["value"]
        context["widget"]["type"] = "time" if not typed or TIME.fullmatch(str(typed)) else "text"
        return context


def _time(label: Any, help_text: Any = "") -> forms.TimeField:
    return forms.TimeField(
        label=label,
        help_text=help_text,
        required=False,
        input_formats=["%H:%M", "%H:%M:%S"],
        error_messages={"invalid": _("Write the time as hours:minutes, such as 22:30.")},
        widget=TimeInput(),
    )


class BrowserAlertsForm(forms.Form):
    """The kinds, each with a switch of its name, and quiet hours: both of their ends or neither."""

    participant_joined = forms.BooleanField(label=PushKind.PARTICIPANT_JOINED.label, required=False)
    invitation_accepted = forms.BooleanField(label=PushKind.INVITATION_ACCEPTED.label, required=False)
    session_expiring = forms.BooleanField(label=PushKind.SESSION_EXPIRING.label, required=False)
    quiet_from = _time(
        _("Quiet from"),
        _("Every day, in your time zone. What happens then is not told later. May span midnight."),
    )
    quiet_until = _time(_("Quiet until"))

    @classmethod
    def of(cls, settings: PushSettings, data: Any = None) -> "BrowserAlertsForm":
        names = (*(kind.value for kind in PushKind), "quiet_from", "quiet_until")
        return cls(data, initial={name: getattr(settings, name) for name in names})

    def clean(self) -> None:
        if self.errors:
            return
        begins, ends = self._ends()
        if (begins is None) != (ends is None):
            lacking = "quiet_from" if begins is None else "quiet_until"
            self.add_error(lacking, ValidationError(_("Give both times, or leave both empty.")))
        elif begins is not None and begins == ends:
            self.add_error(
                "quiet_until", ValidationError(_("Choose another time than the one that it begins at."))
            )

    def kinds(self) -> list[PushKind]:
        return [kind for kind in PushKind if self.cleaned_data[kind.value]]

    def quiet(self) -> QuietHours | None:
        begins, ends = self._ends()
        return (begins, ends) if begins is not None and ends is not None else None

    def _ends(self) -> tuple[dt.time | None, dt.time | None]:
        return self.cleaned_data["quiet_from"], self.cleaned_data["quiet_until"]
