"""What travels: form-encoded requests in, and the shape that each call's parameters must have."""

import re
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl

Params = dict[str, Any]


class Unknown(Exception):
    """The portal did something that this fake does not know: the test that made it must fail."""


class Refused(Exception):
    """An answer that Stripe gives to a request which it understood."""

    def __init__(self, status: int, kind: str, message: str, **more: Any) -> None:
        super().__init__(message)
        self.status = status
        self.body = {"error": {"type": kind, "message": message, **more}}


def missing(what: str, name: str) -> Refused:
    return Refused(404, "invalid_request_error", f"No such {what}: '{name}'", code="resource_missing")


def decoded(text: str) -> Params:
    """`items[0][price]=p` as `{"items": [{"price": "p"}]}`; `expand[]=a` or `expand[0]=a` as a list."""
    root: Params = {}
    for name, value in parse_qsl(text, keep_blank_values=True, strict_parsing=bool(text)):
        steps = re.findall(r"[^\[\]]+|\[\]", name)
        place: Any = root
        for step, following in zip(steps, [*steps[1:], None], strict=True):
            key = str(len(place)) if step == "[]" else step
            if following is None:
                place[key] = value
            else:
                place = place.setdefault(key, {})
    return {name: _listed(value) for name, value in root.items()}


def _listed(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    children = {name: _listed(child) for name, child in value.items()}
    if children and all(name.isdigit() for name in children):
        return [children[name] for name in sorted(children, key=int)]
    return children


@dataclass(frozen=True)
class Kind:
    """One parameter: what it must look like, and whether it must be there."""

    type: str
    choices: tuple[str, ...] = ()
    required: bool = False
    shape: dict[str, "Kind"] = field(default_factory=dict)


TEXT = Kind("text")
NUMBER = Kind("number")
FLAG = Kind("flag")
TEXTS = Kind("texts")
WORDS = Kind("words")


def needed(kind: Kind) -> Kind:
    return Kind(kind.type, kind.choices, True, kind.shape)


def one_of(*choices: str) -> Kind:
    return Kind("text", choices)


def group(**shape: Kind) -> Kind:
    return Kind("group", shape=shape)


def groups(**shape: Kind) -> Kind:
    return Kind("groups", shape=shape)


def checked(params: Params, shape: dict[str, Kind], where: str) -> Params:
    """The parameters with their types, or `Unknown` for one that this call does not take here."""
    for name in params.keys() - shape.keys():
        raise Unknown(f"{where}: parameter {name}")
    for name, kind in shape.items():
        if kind.required and name not in params:
            raise Unknown(f"{where}: parameter {name} is missing")
    return {name: _typed(value, shape[name], f"{where} {name}") for name, value in params.items()}


def _typed(value: Any, kind: Kind, where: str) -> Any:
    if kind.type == "group" and isinstance(value, dict):
        return checked(value, kind.shape, where)
    if kind.type == "groups" and isinstance(value, list):
        return [checked(one, kind.shape, where) for one in value]
    if kind.type == "texts" and isinstance(value, list):
        return value
    if kind.type == "words" and isinstance(value, dict):
        return value
    if isinstance(value, str):
        if kind.type == "number" and re.fullmatch(r"-?\d+", value):
            return int(value)
        if kind.type == "flag" and value in ("true", "false"):
            return value == "true"
        if kind.type == "text" and (not kind.choices or value in kind.choices):
            return value
    raise Unknown(f"{where}: {value!r} is no {kind.type} {' or '.join(kind.choices)}")
