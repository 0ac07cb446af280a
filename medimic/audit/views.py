"""The log as its people read it."""

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from medimic.audit.activity import page_for, rows_for


@require_safe
@login_required
def activity(request: HttpRequest) -> HttpResponse:
    page = page_for(request)
    return render(request, "audit/activity.html", {"page": page, "rows": rows_for(request.user, page.rows)})
