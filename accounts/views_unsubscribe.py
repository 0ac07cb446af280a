"""The link that ends one kind of mail (RFC 8058). GET asks and changes nothing: mail scanners open it."""

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from accounts import mail_preferences
from medimic.audit.log import Origin
from medimic.audit.models import ActorKind
from medimic.network import client_address, client_agent


@csrf_exempt  # A mailbox's provider posts it, who has neither cookie nor page; the link alone speaks.
@require_http_methods(["GET", "HEAD", "POST"])
def unsubscribe(request: HttpRequest, token: str) -> HttpResponse:
    found = mail_preferences.of_token(token)
    if found is None:
        raise Http404
    person, kind = found
    if request.method == "POST":
        # Whoever is signed in here: the link speaks, and it is nobody's sign-in.
        origin = Origin(ActorKind.ANONYMOUS, None, client_address(request), client_agent(request))
        mail_preferences.unsubscribe(person, kind, origin)
    is_off = not mail_preferences.wants(person, kind)
    return render(request, "accounts/unsubscribe.html", {"mails": kind.label, "is_off": is_off})
