"""Pages of the gallery. They answer as what does not exist, unless `DEBUG` is on."""

from collections.abc import Callable
from functools import wraps
from itertools import groupby
from typing import Concatenate, ParamSpec

from csp.constants import NONE, SELF, UNSAFE_INLINE
from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext
from django.views.decorators.clickjacking import xframe_options_sameorigin
from django.views.decorators.http import require_safe

from medimic.gallery.registry import Sample, show
from medimic.gallery.samples import SAMPLES

# Mails bring their own styles.
OF_MAILS = {
    "default-src": [NONE],
    "style-src": [UNSAFE_INLINE],
    "base-uri": [NONE],
    "form-action": [NONE],
    "frame-ancestors": [SELF],
    "sandbox": [],
}
Rest = ParamSpec("Rest")
View = Callable[Concatenate[HttpRequest, Rest], HttpResponse]


def for_developers(view: View[Rest]) -> View[Rest]:
    """Who does not develop the portal finds nothing here."""

    @wraps(view)
    def answer(request: HttpRequest, *args: Rest.args, **kwargs: Rest.kwargs) -> HttpResponse:
        if not settings.DEBUG:
            raise Http404
        return view(request, *args, **kwargs)

    return answer


@for_developers
@require_safe
def mails(request: HttpRequest) -> HttpResponse:
    """Each mail with its subject, by app."""
    language, is_long = _chosen(request)
    shown = [
        (sample, show(sample, language, is_long=is_long).subject)
        for sample in sorted(SAMPLES.values(), key=lambda sample: sample.app)
    ]
    apps = [(app, list(found)) for app, found in groupby(shown, key=lambda entry: entry[0].app)]
    return render(request, "gallery/mails.html", {"apps": apps, **_choices(language, is_long)})


@for_developers
@require_safe
def mail(request: HttpRequest, name: str) -> HttpResponse:
    """One mail: its headers, how it looks in a wide and in a narrow window, and its text."""
    language, is_long = _chosen(request)
    sample = _sample(name)
    context = {"sample": sample, "shown": show(sample, language, is_long=is_long)}
    response = render(request, "gallery/mail.html", {**context, **_choices(language, is_long)})
    response._csp_update = {"frame-src": [SELF]}  # type: ignore[attr-defined]
    return response


@for_developers
@require_safe
@xframe_options_sameorigin
def html(request: HttpRequest, name: str) -> HttpResponse:
    """A mail's HTML part alone, as a mail program would show it: nothing is loaded and nothing runs."""
    language, is_long = _chosen(request)
    response = HttpResponse(show(_sample(name), language, is_long=is_long).html)
    response._csp_config = OF_MAILS  # type: ignore[attr-defined]
    return response


def _sample(name: str) -> Sample:
    if name not in SAMPLES:
        raise Http404
    return SAMPLES[name]


def _chosen(request: HttpRequest) -> tuple[str, bool]:
    """The language of the mails, and whether all names in them are long."""
    language = request.GET.get("language", "")
    is_known = language in dict(settings.LANGUAGES)
    return language if is_known else settings.LANGUAGE_CODE, request.GET.get("names") == "long"


def _choices(language: str, is_long: bool) -> dict[str, object]:
    """Links to the same page in other languages and with other names."""
    names = "long" if is_long else "short"
    return {
        "language": language,
        "query": f"?language={language}&names={names}",
        "languages": [
            (label, f"?language={code}&names={names}", code == language) for code, label in settings.LANGUAGES
        ],
        "lengths": [
            (gettext("Short names"), f"?language={language}&names=short", not is_long),
            (gettext("Long names"), f"?language={language}&names=long", is_long),
        ],
    }
