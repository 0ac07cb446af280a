"""Settings and addresses of a bare Django project on the portal's own data: what pages are compared
with. Its middleware is what `startproject` writes, its list has two dates and one address a row."""

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.template import engines
from django.urls import path

from tests.settings import *  # noqa: F403

ROOT_URLCONF = "benchmarks.bare"
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    # Costs next to nothing, and allauth does not start without.
    "allauth.account.middleware.AccountMiddleware",
]
ROWS = """<!doctype html><title>{{ user.email }}</title><table>{% for row in rows %}<tr>
<td><a href="{% url 'row' row.pk %}">{{ row.name }}</a></td><td>{{ row.device.model }}</td>
<td>{{ row.created_at|date:"DATETIME_FORMAT" }}</td>
<td>{{ row.last_seen_at|date:"DATETIME_FORMAT" }}</td></tr>
{% endfor %}</table>"""


def ok(request: HttpRequest) -> HttpResponse:
    return HttpResponse("ok")


@login_required
def rows(request: HttpRequest) -> HttpResponse:
    from devices.models import DeviceAuthorization

    mine = DeviceAuthorization.objects.filter(account=request.user).select_related("device")
    found = mine.defer("phone_number", "push_token").order_by("-created_at", "id")[:50]
    return HttpResponse(engines["django"].from_string(ROWS).render({"rows": found}, request))


urlpatterns = [
    path("ok/", ok),
    path("rows/", rows),
    path("rows/<uuid:pk>/", ok, name="row"),
]
