"""Support's act of deliveries: to have one sent again."""

import uuid

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils.translation import gettext as _

from accounts.requests import SignedInRequest
from medimic.audit.log import Origin
from medimic.desk import acts
from medimic.desk.views_acts import ask, desk_view, form_of
from medimic.outbox import breaker, delivering
from medimic.outbox.models import Delivery


@desk_view("desk.resend_deliveries")
def delivery_sending(request: SignedInRequest, delivery_id: uuid.UUID) -> HttpResponse:
    """What failed, or waits for its next attempt, is sent as soon as its service takes it."""
    delivery = get_object_or_404(Delivery.objects.defer("recipient", "body"), pk=delivery_id)
    back = reverse("admin:outbox_delivery_change", args=[delivery.pk])
    names = {"kind": delivery.kind, "recipient": delivery.recipient_masked, "service": delivery.service}
    refusal = _refusal(delivery)
    form = form_of(request)
    if not refusal and form.is_valid():
        is_sent = acts.resend(
            delivery=delivery, reason=form.cleaned_data["reason"], origin=Origin.staff(request)
        )
        if is_sent:
            messages.success(request, _("%(kind)s is sent again.") % names)
        else:
            messages.warning(request, _("Nothing was done: it is on its way just now."))
        return redirect(back)
    happens = [
        _("The same message goes to %(recipient)s again, unless nobody wants it any more.") % names,
        _("The person, where there is one, reads your reason in their Activity."),
    ]
    if delivery.service in breaker.names_of_away():
        happens.append(_("%(service)s is away just now: the message waits until it is back.") % names)
    return ask(
        request,
        form,
        question=_("Send %(kind)s again?") % names,
        happens=happens,
        button=_("Send again"),
        back=back,
        refusal=refusal,
        is_danger=False,
    )


def _refusal(delivery: Delivery) -> str:
    if delivery.state not in (Delivery.State.WAITING, Delivery.State.FAILED):
        return _("It is finished, and its recipient and text are erased.")
    if not delivering.can_be_sent_again(delivery):
        return _("It is too late for it: what it says is no longer so.")
    return ""
