"""The device API: one place that composes what the apps offer.

Apps bring a router each; here they get their address, their documentation and
one way to say no. Nothing below `/api/` answers with a page, but `/api/docs`.
"""

import json
from functools import cached_property
from typing import Any, NoReturn

from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.http.response import HttpResponseBase
from django.urls import URLPattern, URLResolver, re_path
from django.utils.translation import gettext_lazy as _
from ninja import NinjaAPI
from ninja.openapi.schema import OpenAPISchema
from ninja.parser import Parser
from ninja.types import DictStrAny

from devices.api import router as devices_router
from devices.api_push import router as push_router
from medimic.api import docs, refusals
from medimic.flows.api import router as flows_router
from medimic.problems import Problem, problem_response
from sessions_app.api import router as sessions_router
from sessions_app.api_join import router as join_router
from sessions_app.api_keys import router as keys_router
from sessions_app.api_segments import router as segments_router

PREFIX = "/api/"
JSON_TYPE = "application/json"


class StrictParser(Parser):
    """JSON as RFC 8259 has it, sent as JSON."""

    def parse_body(self, request: HttpRequest) -> DictStrAny:
        if request.content_type != JSON_TYPE:
            # Also what keeps a foreign page's plain form from reaching a call unasked.
            raise Problem(415, "unsupported_type", _("Send the body as application/json."))
        content: DictStrAny = json.loads(request.body.decode("utf-8"), parse_constant=_no_number)
        return content


def _no_number(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


class PortalAPI(NinjaAPI):
    """django-ninja, made to answer everything below its prefix with problem documents."""

    def get_openapi_schema(self, **_: Any) -> OpenAPISchema:
        return docs.with_problems(super().get_openapi_schema(path_prefix=PREFIX))

    @cached_property
    def description_schema(self) -> OpenAPISchema:
        """The OpenAPI document, made once: it is the same for everybody."""
        return self.get_openapi_schema()

    @cached_property
    def description_document(self) -> bytes:
        return json.dumps(self.description_schema).encode()

    @property
    def urls(self) -> tuple[list[URLResolver | URLPattern], str, str]:
        patterns, app_name, namespace = super().urls
        for pattern in patterns:
            if isinstance(pattern, URLPattern):
                pattern.callback = guarded(pattern.callback)
        patterns.append(re_path("", guarded(_unknown), name="unknown"))
        return patterns, app_name, namespace


def guarded(view: Any) -> Any:
    """A call that never ends in a page: HEAD, OPTIONS, wrong methods and faults are answered here."""

    def answered(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        is_head = request.method == "HEAD"
        if is_head:
            request.method = "GET"
        try:
            _refuse_chunks(request)
            response = view(request, *args, **kwargs)
        except Exception as error:
            response = refusals.refuse(request, error)
        if isinstance(response, HttpResponseNotAllowed):
            response = _other_methods(request, response)
        if is_head and isinstance(response, HttpResponse):
            response["Content-Length"] = str(len(response.content))
            response.content = b""
        return response

    # Cookies count only where `portal_auth` asks for them, and it checks the token itself.
    answered.csrf_exempt = True  # type: ignore[attr-defined]
    return answered


def _refuse_chunks(request: HttpRequest) -> None:
    # Django reads as much as Content-Length says: a chunked body would silently be an empty one.
    if request.META.get("HTTP_TRANSFER_ENCODING") and not request.META.get("CONTENT_LENGTH"):
        raise Problem(411, "length_required", _("Send a Content-Length."))


def _other_methods(request: HttpRequest, response: HttpResponse) -> HttpResponse:
    methods = {method.strip() for method in response["Allow"].split(",")} | {"OPTIONS"}
    if "GET" in methods:
        methods.add("HEAD")
    if request.method == "OPTIONS":
        answer = HttpResponse(status=204)
    else:
        problem = Problem(405, "method_not_allowed", _("This address does not take that method."))
        answer = problem_response(request, problem)
    answer["Allow"] = ", ".join(sorted(methods))
    return answer


def _unknown(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
    raise Problem(404, "not_found", _("There is nothing at this address."))


api = PortalAPI(
    title="MediMic Provider Portal",
    version="1",
    description="What phones, tablets and computers call. Errors are problem documents (RFC 9457).",
    urls_namespace="api",
    openapi_url=None,
    docs_url=None,
    parser=StrictParser(),
)
api.add_exception_handler(Exception, refusals.refuse)
for expected in refusals.EXPECTED:
    api.add_exception_handler(expected, refusals.refuse)
api.add_router("", devices_router)
api.add_router("", push_router)
api.add_router("", flows_router)
api.add_router("", join_router)
api.add_router("", sessions_router)
api.add_router("", segments_router)
api.add_router("", keys_router)
