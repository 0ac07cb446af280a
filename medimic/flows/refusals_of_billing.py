"""What a page says where a plan could not be changed. Nothing has changed then."""

from django.http import HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _

from billing.desk import Desk
from billing.gateways import ActionNeeded, Declined, GatewayError, Unavailable
from billing.subscriptions import Ended, NotPossible, PaymentDue
from orgs.standing import SignedInRequest


def refused(request: SignedInRequest, desk: Desk, error: GatewayError | NotPossible) -> HttpResponse:
    """A page with the reason, and the way out; or the step that the payment service asks for."""
    heading, text = reason(error)
    context = {
        "refusal": heading,
        "text": text,
        # A link and no redirect: a form of ours may lead nowhere else.
        "onward": error.url if isinstance(error, ActionNeeded) else "",
        "is_due": isinstance(error, PaymentDue),
        "is_declined": isinstance(error, Declined),
    }
    status = 503 if isinstance(error, Unavailable) else 200 if isinstance(error, ActionNeeded) else 409
    return render(request, "billing/refused.html", {**desk.context, **context}, status=status)


def reason(error: Exception) -> tuple[str, str]:
    match error:
        case ActionNeeded():
            return _("One more step"), _(
                "The payment service asks you to confirm, or to name a payment method. "
                "You come back here afterwards."
            )
        case Declined():
            return _("The payment was refused"), _(
                "Nothing was charged, and your plan is as it was. Change the payment method, then try again."
            )
        case Unavailable():
            return _("The payment service does not answer"), _(
                "Nothing was charged, and your plan is as it was. Try again in a few minutes."
            )
        case PaymentDue():
            return _("An invoice is overdue"), _("Pay it first; then the plan can be changed at once.")
        case Ended():
            return _("The plan has ended"), _("Choose a plan to start again.")
        case _:
            return _("This cannot be chosen now"), _("Nothing was charged, and your plan is as it was.")
