"""The Notifications page: which mails somebody wants, and what their devices are told."""

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from accounts import mail_preferences
from accounts.mail_forms import MailForm
from accounts.recent import require_recent_authentication
from devices import browsers, push_settings
from devices.views_this_browser import registers_worker
from medimic.audit.log import Origin
from orgs.standing import SignedInRequest, standing_in


@registers_worker  # type: ignore[arg-type]  # typed for requests of nobody
@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def notifications(request: SignedInRequest) -> HttpResponse:
    if standing_in(request).is_patient_only:
        raise Http404
    person = request.user
    form = MailForm.of(person, request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        switched = form.switched()
        if switched.get(mail_preferences.Kind.SECURITY_ALERTS) is False:
            require_recent_authentication(request)
        mail_preferences.change(person, switched, Origin.of(request))
        messages.success(request, _("Your email notifications are saved."))
        return redirect("notifications")
    devices = push_settings.overview(person, this=browsers.this(request))
    return render(request, "settings/notifications.html", {"form": form, "devices": devices})
