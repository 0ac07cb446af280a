"""What the API takes: the types that bodies and query parameters are made of.

A body is strict: unknown members, `"1"` for a number and `false` for text are
refused. Text is refused where a database or a page could choke on it: control
characters (PostgreSQL knows no NUL), halves of surrogate pairs, and marks that
turn the direction of the text around them.
"""

import unicodedata
import uuid
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints
from pydantic_core import PydanticCustomError

REFUSED_CATEGORIES = frozenset({"Cc", "Cs", "Zl", "Zp"})
# Embeddings, overrides and isolates: with them "exe.doc" is written to read "cod.exe".
DIRECTION_MARKS = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


class Body(BaseModel):
    """A request's body, or an object inside one."""

    model_config = ConfigDict(extra="forbid", strict=True)


class Reply(BaseModel):
    """An answer's body. What has no field here cannot slip out."""

    model_config = ConfigDict(extra="forbid", from_attributes=True)


def plain(text: str) -> str:
    """One line of text as people write it; refused otherwise."""
    for sign in text:
        if sign in DIRECTION_MARKS or unicodedata.category(sign) in REFUSED_CATEGORIES:
            raise PydanticCustomError("control_character", "Control characters are not allowed")
    return text


def text(longest: int, *, shortest: int = 1) -> Any:
    """One line of text, without spaces around it, of so many characters."""
    return Annotated[
        str,
        StringConstraints(strip_whitespace=True, min_length=shortest, max_length=longest),
        AfterValidator(plain),
    ]


def token(longest: int = 512) -> Any:
    """An opaque value that one of us made up: visible ASCII, no spaces."""
    return Annotated[str, StringConstraints(pattern=rf"^[!-~]{{1,{longest}}}$")]


def refuses(*codes: str) -> dict[str, Any]:
    """For an operation's `openapi_extra`: the codes of its own that it may answer with.

    What every call can meet (bad JSON, no sign-in, …) is added to all of them.
    """
    return {"x-problems": list(codes)}


# A session, a person: JSON has no UUIDs, so text stands for them.
Id = Annotated[uuid.UUID, Field(strict=False)]
Name = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=120),
    AfterValidator(plain),
]
