"""Answers of the API, compared."""

from typing import Any


def told(answer: Any) -> dict[str, Any]:
    """What a document says, without the request's own id."""
    return {name: value for name, value in answer.json().items() if name != "request_id"}
