"""Lines of the log without what opens something or tells who somebody is.

An address may hold a code, or a link's token; what an exception says may quote a row of the database.
"""

import datetime as dt
import json
import logging
import re
import traceback
from types import TracebackType

from medimic import request_ids

# Numbers that `log_requests` adds.
FACTS = ("method", "route", "status", "milliseconds")
EMAIL = re.compile(r"[\w.+%-]+@[\w-]+(?:\.[\w-]+)+")
QUERY = re.compile(r"\?[^\s\"']*")
# What is long and of one piece is a token, a hash or a key; ids (32 hex digits, with or without dashes) stay.
ID = r"(?:[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}|[0-9a-f]{32})(?![\w-])"
SECRET = re.compile(rf"(?<![\w-])(?!{ID})(?=[A-Za-z_-]*\d)[\w-]{{24,}}")
FRAMES = 30


class WithoutSecrets(logging.Filter):
    """Takes the words of an address out of what Django says of a refused request; ids stay."""

    def filter(self, record: logging.LogRecord) -> bool:
        match = getattr(getattr(record, "request", None), "resolver_match", None)
        words = [word for word in match.kwargs.values() if isinstance(word, str) and word] if match else []
        if words and isinstance(record.args, tuple):
            record.args = tuple(_without(words, one) for one in record.args)
        return True


class JsonLine(logging.Formatter):
    """One JSON object a line: when, how grave, who says what, in which request.

    Of a request that is told its route stands there in place of its address. Of an exception there are
    its kind and where it was raised, never what it says.
    """

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, object] = {
            "time": dt.datetime.fromtimestamp(record.created, dt.UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": _message(record),
            "process": record.process,
        }
        if name := request_ids.current():
            line["request_id"] = name
        line.update({name: record.__dict__[name] for name in FACTS if name in record.__dict__})
        if record.exc_info and record.exc_info[1] is not None:
            line["exception"] = _exception(record.exc_info[1], record.exc_info[2])
        return json.dumps(line, ensure_ascii=True, default=_kind)


def _message(record: logging.LogRecord) -> str:
    request = getattr(record, "request", None)
    if request is not None and hasattr(request, "path"):
        match = getattr(request, "resolver_match", None)
        where = f"/{match.route}" if match else "an address that there is not"
        status = getattr(record, "status_code", "")
        return f"{getattr(request, 'method', '')} {where} {status}".strip()
    return redacted(record.getMessage())


def redacted(text: str) -> str:
    """Without e-mail addresses, queries of addresses, and what may be a token or a key; on one line."""
    for pattern in (EMAIL, QUERY, SECRET):
        text = pattern.sub("…", text)
    return " ".join(text.split())


def _exception(error: BaseException, trace: TracebackType | None) -> dict[str, object]:
    frames = traceback.extract_tb(trace)[-FRAMES:]
    cause = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    return {
        "kind": f"{type(error).__module__}.{type(error).__qualname__}",
        "at": [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames],
        **({"because": _exception(cause, cause.__traceback__)} if cause is not None else {}),
    }


def _kind(value: object) -> str:
    return type(value).__name__


def _without(words: list[str], text: object) -> object:
    if not isinstance(text, str):
        return text
    for word in words:
        text = text.replace(f"/{word}", "/…")
    return text
