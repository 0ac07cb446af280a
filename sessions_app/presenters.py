"""Sessions as pages print them."""

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass

from django.urls import reverse
from django.utils import timezone
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from accounts.models import Person
from medimic.formatting import Dates
from medimic.templatetags.look import icon
from sessions_app.models import Visit

# (class, icon) of the badge of each status
BADGES = {
    Visit.Status.ACTIVE: ("is-ok", "check"),
    Visit.Status.ENDED: ("is-off", "stop"),
    Visit.Status.EXPIRED: ("is-warning", "clock"),
}


@dataclass(frozen=True, slots=True)
class SessionRow:
    """One session in a list. `start` is in the person's locale and zone, `ago` relative to now."""

    name: str
    url: str
    start: str
    ago: str
    mode: str
    status: str
    badge: str
    icon: SafeString
    device: str
    duration: str
    is_host: bool


def session_rows(
    visits: Iterable[Visit], *, viewer: Person, dates: Dates, with_device: bool = True
) -> list[SessionRow]:
    """Rows without a query: visits that the viewer hosted come with their device, if it is shown."""
    now = timezone.now()
    # Once for the page: in a row, an address, a translated label and an icon would cost the most.
    prefix = reverse("sessions")
    modes = {mode.value: str(mode.label) for mode in Visit.Mode}
    statuses = {status: (str(status.label), badge, icon(sign)) for status, (badge, sign) in BADGES.items()}
    rows = []
    for visit in visits:
        label, badge, sign = statuses[visit.status(now)]
        is_host = visit.host_id == viewer.pk
        rows.append(
            SessionRow(
                name=visit.name,
                url=f"{prefix}{visit.pk}/",
                start=dates.date_time(visit.started_at),
                ago=dates.relative(visit.started_at),
                mode=modes[visit.mode],
                status=label,
                badge=badge,
                icon=sign,
                device=visit.authorization.title if with_device and is_host else "",
                duration=duration(visit.duration(now)),
                is_host=is_host,
            )
        )
    return rows


def duration(length: dt.timedelta) -> str:
    """ "1 h 5 min", "12 min", and "under a minute"."""
    minutes = int(length.total_seconds()) // 60
    hours, rest = divmod(minutes, 60)
    if not minutes:
        return _("Under a minute")
    if not hours:
        return ngettext("%(minutes)d min", "%(minutes)d min", rest) % {"minutes": rest}
    if not rest:
        return ngettext("%(hours)d h", "%(hours)d h", hours) % {"hours": hours}
    return _("%(hours)d h %(minutes)d min") % {"hours": hours, "minutes": rest}
