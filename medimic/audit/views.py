"""The log as its people read it, and the key that vouches for it."""

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from medimic.audit import statements
from medimic.audit.activity import page_for, rows_for
from medimic.audit.forms import ActivityFilter


@require_safe
@login_required
def activity(request: HttpRequest) -> HttpResponse:
    form = ActivityFilter(request.GET)
    page = page_for(request, form.wanted(request.user))
    context = {
        "filter": form,
        "page": page,
        "rows": rows_for(request.user, page.rows),
        "query": form.query,
    }
    return render(request, "audit/activity.html", context)


@require_safe
def public_key(request: HttpRequest) -> HttpResponse:
    """The Ed25519 key that signs checkpoints, in hexadecimal, for whoever verifies an export."""
    return HttpResponse(f"{statements.public_keys()[0]}\n", content_type="text/plain; charset=utf-8")
