"""What the history can be narrowed down to."""

import datetime as dt

from django import forms
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from sessions_app.models import Visit, VisitQuerySet

PERIODS = {"day": _("Today"), "week": _("Last 7 days"), "month": _("Last 30 days")}
DAYS = {"day": 1, "week": 7, "month": 30}


class HistoryFilter(forms.Form):
    """The address's parameters. One that makes no sense narrows nothing down."""

    period = forms.ChoiceField(
        label=_("Date range"), required=False, choices=[("", _("Any time")), *PERIODS.items()]
    )
    mode = forms.ChoiceField(
        label=_("Mode"), required=False, choices=[("", _("Any mode")), *Visit.Mode.choices]
    )
    status = forms.ChoiceField(
        label=_("Status"), required=False, choices=[("", _("Any status")), *Visit.Status.choices]
    )

    @property
    def is_narrow(self) -> bool:
        self.is_valid()
        return any(self.cleaned_data.values())

    def apply(self, visits: VisitQuerySet, zone: dt.tzinfo) -> VisitQuerySet:
        """The visits that it leaves; days are those of the reader's time zone."""
        self.is_valid()
        now = timezone.now()
        wanted = self.cleaned_data
        if period := wanted.get("period"):
            first = now.astimezone(zone).date() - dt.timedelta(days=DAYS[period] - 1)
            visits = visits.filter(started_at__gte=dt.datetime.combine(first, dt.time.min, zone))
        if mode := wanted.get("mode"):
            visits = visits.filter(mode=mode)
        if status := wanted.get("status"):
            visits = visits.in_status(status, now)
        return visits
