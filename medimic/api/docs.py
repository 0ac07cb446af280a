"""The API's description: error answers added to the OpenAPI document, and the same told as a page."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from django.utils import translation
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from ninja.openapi.schema import OpenAPISchema

from devices.dpop import BOUND_CODES
from medimic import problems
from medimic.api.codes import CODES

METHODS = ("get", "post", "put", "patch", "delete")
ANY_CALL = ("bad_request", "too_many_requests", "internal_error", "unavailable")
WITH_BODY = ("malformed_json", "length_required", "body_too_large", "unsupported_type", "invalid_content")
WITH_TOKEN = (
    "token_missing",
    "token_unknown",
    "token_expired",
    "token_ended",
    "device_revoked",
    "token_bound",
    "dpop_wrong_token",
    *BOUND_CODES,
)
WITH_COOKIE = ("not_signed_in", "csrf_failed")
# By the name of the security scheme, which is that of the class in the code.
CALLERS = {
    "PortalAuth": _("A browser with a portal sign-in, which sends the page's token as X-CSRFToken."),
    "EitherAuth": _("A device with its access token, or a browser with a portal sign-in."),
    "TokenAuth": _("A device with its access token."),
    "SessionOrDeviceAuth": _("A device with its access token, or with the token of the session."),
    "SessionAuth": _("A device with the token of the session."),
    "ReaderAuth": _(
        "A device with the token of the session; once it is over, with its access token, or a browser with "
        "a portal sign-in."
    ),
    "WriterAuth": _(
        "A device with the token of the session, which also counts for a day after the end; then also a "
        "device with its access token, or a browser with a portal sign-in."
    ),
}
TOKEN_OR_GUEST = _("A device with its access token, or a guest's device without one.")
NO_SIGN_IN = _("Anybody: what is sent says who calls.")
PROBLEM_SCHEMA = {
    "title": "Problem",
    "type": "object",
    "description": "RFC 9457. `code` is stable and `type` points to what it means; `detail` is for people.",
    "properties": {
        "type": {"type": "string", "format": "uri-reference"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "code": {"type": "string"},
        "detail": {"type": "string"},
        "request_id": {"type": "string"},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {name: {"type": "string"} for name in ("in", "field", "code", "message")},
            },
        },
    },
    "required": ["type", "title", "status", "code", "detail"],
}


@dataclass(frozen=True)
class Member:
    """One member of a body, or one parameter."""

    name: str
    type: str
    is_required: bool
    about: str


@dataclass(frozen=True)
class Call:
    """One call, as the page shows it."""

    anchor: str
    method: str
    path: str
    summary: str
    about: str
    caller: str | Promise
    parameters: list[Member]
    body: list[Member]
    answers: list[tuple[str, list[Member]]]
    codes: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Explained:
    """One problem code, as the page shows it."""

    code: str
    statuses: str
    meaning: str | Promise


def with_problems(schema: OpenAPISchema) -> OpenAPISchema:
    """Declare for each call what it may refuse with."""
    components = schema["components"].setdefault("schemas", {})
    components["Problem"] = PROBLEM_SCHEMA
    schemes = schema["components"].get("securitySchemes", {})
    # The document is for machines and made once: one language.
    with translation.override("en"):
        for operation in _operations(schema):
            codes = _codes(operation, schemes)
            for status in sorted({status for code in codes for status in CODES[code].statuses}):
                operation["responses"][status] = _answer(status, codes)
    return schema


def _operations(schema: OpenAPISchema) -> Iterator[dict[str, Any]]:
    for methods in schema["paths"].values():
        for method in METHODS:
            if method in methods:
                yield methods[method]


def _codes(operation: dict[str, Any], schemes: dict[str, Any]) -> list[str]:
    codes = list(operation.pop("x-problems", []))
    kinds = [schemes[name]["type"] for wanted in operation.get("security", []) for name in wanted]
    codes += WITH_TOKEN if "http" in kinds else ()
    codes += WITH_COOKIE if "apiKey" in kinds else ()
    codes += WITH_BODY if "requestBody" in operation else ()
    codes += ("invalid_content",) if operation["parameters"] else ()
    codes += ("not_found",) if any(place["in"] == "path" for place in operation["parameters"]) else ()
    operation["x-problem-codes"] = list(dict.fromkeys([*codes, *ANY_CALL]))
    return operation["x-problem-codes"]


def _answer(status: int, codes: list[str]) -> dict[str, Any]:
    named = ", ".join(code for code in codes if status in CODES[code].statuses)
    return {
        "description": f"{problems.TITLES.get(status, problems.TITLES[400])}: {named}",
        "content": {problems.CONTENT_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
    }


def calls(schema: dict[str, Any]) -> list[Call]:
    """The calls of the document in its order, without references."""
    return [
        _call(schema, path, method, methods[method])
        for path, methods in schema["paths"].items()
        for method in METHODS
        if method in methods
    ]


def explained() -> list[Explained]:
    """Every code, in alphabetical order."""
    return [
        Explained(code, ", ".join(str(status) for status in CODES[code].statuses), CODES[code].meaning)
        for code in sorted(CODES)
    ]


def _call(schema: dict[str, Any], path: str, method: str, operation: dict[str, Any]) -> Call:
    return Call(
        anchor=operation["operationId"],
        method=method.upper(),
        path=path,
        summary=operation["summary"],
        about=operation.get("description", ""),
        caller=_caller(operation),
        parameters=[
            Member(place["name"], _type(place["schema"]), place["required"], _about(place["schema"]))
            for place in operation["parameters"]
        ],
        body=list(_members(schema, _content(operation.get("requestBody", {})))),
        answers=[
            (str(status), list(_members(schema, _content(answer))))
            for status, answer in operation["responses"].items()
            if int(status) < 400
        ],
        codes=operation["x-problem-codes"],
    )


def _content(part: dict[str, Any]) -> dict[str, Any]:
    """The schema of a body, whatever its type."""
    types: list[dict[str, Any]] = list(part.get("content", {}).values())
    schema: dict[str, Any] = types[0].get("schema", {}) if types else {}
    return schema


def _caller(operation: dict[str, Any]) -> str | Promise:
    security = operation.get("security", [])
    if {} in security:
        return TOKEN_OR_GUEST
    return CALLERS[next(iter(security[0]))] if security else NO_SIGN_IN


def _members(
    schema: dict[str, Any], part: dict[str, Any], prefix: str = "", depth: int = 0
) -> Iterator[Member]:
    """The members of an object, those of objects inside it with dots."""
    part = _resolved(schema, part)
    needed = part.get("required", [])
    for name, inner in part.get("properties", {}).items():
        target = _resolved(schema, inner)
        is_list = target.get("type") == "array"
        yield Member(prefix + name, _type(target), name in needed, _about({**target, **inner}))
        nested = _resolved(schema, target.get("items", {})) if is_list else target
        if nested.get("properties") and depth < 3:
            mark = f"{prefix}{name}[]." if is_list else f"{prefix}{name}."
            yield from _members(schema, nested, mark, depth + 1)


def _resolved(schema: dict[str, Any], part: dict[str, Any]) -> dict[str, Any]:
    """Through references, and past the `null` of what may be left out."""
    for wrapper in ("allOf", "anyOf"):
        choices = [choice for choice in part.get(wrapper, []) if choice.get("type") != "null"]
        if choices:
            return _resolved(schema, choices[0])
    if "$ref" in part:
        found = schema["components"]["schemas"][part["$ref"].rsplit("/", 1)[1]]
        return _resolved(schema, found)
    return part


def _type(part: dict[str, Any]) -> str:
    for choice in part.get("anyOf", []):
        if choice.get("type") != "null":
            return _type(choice)
    if "enum" in part:
        return " | ".join(str(value) for value in part["enum"])
    if "const" in part:
        return str(part["const"])
    return str(part.get("format") or part.get("type", ""))


def _about(part: dict[str, Any]) -> str:
    words = [str(part["description"])] if "description" in part else []
    if "maxLength" in part:
        words.append(f"{part.get('minLength', 0)}–{part['maxLength']} characters")
    return " · ".join(words)
