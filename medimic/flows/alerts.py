"""The link of an alert: "This wasn't me". GET asks and changes nothing: mail scanners open it. POST acts.

It works without being signed in: whoever took an account over has signed its owner out.
"""

from django.db import transaction
from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from accounts import lockdown
from accounts.models import Alert
from devices import actions
from devices.models import DeviceAuthorization
from medimic.audit.log import Origin
from medimic.audit.models import ActorKind
from medimic.formatting import Dates
from medimic.network import client_address, client_agent
from medimic.outbox.registry import channel


@require_http_methods(["GET", "HEAD", "POST"])
def alert(request: HttpRequest, token: str) -> HttpResponse:
    """Asks, locks the account once, and from then on says that it is done."""
    found = Alert.objects.of_token(token)
    if found is None:
        return render(request, "alerts/not_good.html", status=404)
    if request.method == "POST" and not found.is_used:
        confirm(found, request)
        if request.user.is_authenticated and request.user.pk == found.person_id:
            request.session.flush()
        return redirect("alert", token)
    context = {
        "subject": found.subject,
        "sent": Dates.of(found.person).date_time(found.created_at),
        "mailbox": channel("email").masked(found.sent_to),
        "has_device": found.device_id is not None,
    }
    return render(request, "alerts/done.html" if found.is_used else "alerts/alert.html", context)


def confirm(alert: Alert, request: HttpRequest) -> bool:
    """Take it that none of this was the person, in one transaction; False if somebody confirmed it before."""
    # Whoever is signed in here: the link speaks, and it is nobody's sign-in.
    origin = Origin(ActorKind.ANONYMOUS, None, client_address(request), client_agent(request))
    with transaction.atomic():
        if not alert.use():
            return False
        for authorization in _in_doubt(alert):
            actions.end(
                authorization,
                by=alert.person,
                origin=origin,
                reason=DeviceAuthorization.RevokedReason.SELF,
                is_unrecognized=True,
                is_told=False,
            )
        lockdown.lock(alert, origin=origin)
    return True


def _in_doubt(alert: Alert) -> list[DeviceAuthorization]:
    """The device that the alert tells of, what came after it, and links that nobody has used yet."""
    doubtful = Q(pk=alert.device_id) | Q(device=None) | Q(activated_at__gte=alert.since)
    rows = DeviceAuthorization.objects.living().filter(doubtful, account=alert.person_id)
    return list(rows.order_by("created_at", "id"))
