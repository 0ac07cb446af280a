"""The bodies and answers of the calls that span floors."""

import datetime as dt
import unicodedata
import uuid
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, AwareDatetime, Field, StringConstraints, model_validator
from pydantic_core import PydanticCustomError

from medimic.api_schema import DIRECTION_MARKS, Body, Id, Reply, plain, token
from orgs.fhir import LONGEST_TEXT, VALUES

SyncCursor = token(430)
Canonical = Annotated[str, StringConstraints(pattern=r"^[!-~]{1,80}$")]
LinkId = Annotated[str, StringConstraints(min_length=1, max_length=20), AfterValidator(plain)]
Display = Annotated[str, StringConstraints(max_length=200), AfterValidator(plain)]
MOST_ITEMS = 100
# FHIR's integer has 32 bits.
GREATEST = 2**31 - 1


def _prose(written: str) -> str:
    """Text of several lines; as `api_schema.plain`, but for the ends of lines and tabulators."""
    for sign in written:
        if sign in "\n\t":
            continue
        if sign in DIRECTION_MARKS or unicodedata.category(sign) in ("Cc", "Cs"):
            raise PydanticCustomError("control_character", "Control characters are not allowed")
    return written


def _day(written: str) -> str:
    try:
        dt.date.fromisoformat(written)
    except ValueError:
        raise PydanticCustomError("date", "A date is YYYY-MM-DD") from None
    return written


Prose = Annotated[str, StringConstraints(min_length=1, max_length=LONGEST_TEXT), AfterValidator(_prose)]
Day = Annotated[str, StringConstraints(pattern=r"^\d{4}-\d{2}-\d{2}$"), AfterValidator(_day)]


class CodingIn(Body):
    """One of a question's choices. Its code counts; the words beside it are not kept."""

    code: LinkId
    display: Display | None = None


class AnswerIn(Body):
    """One value, in the member of its question's type."""

    valueString: Prose | None = None
    valueBoolean: bool | None = None
    valueCoding: CodingIn | None = None
    valueInteger: Annotated[int | None, Field(ge=-GREATEST - 1, le=GREATEST)] = None
    valueDate: Day | None = None

    @model_validator(mode="after")
    def _has_one_value(self) -> Self:
        if sum(getattr(self, name) is not None for name in VALUES.values()) != 1:
            raise PydanticCustomError("one_of", "Send one value")
        return self


class ItemIn(Body):
    """The answer to one question; without `answer`, that there is none."""

    linkId: LinkId
    answer: Annotated[list[AnswerIn] | None, Field(min_length=1, max_length=1)] = None


class QuestionnaireResponseIn(Body):
    """A FHIR R4 QuestionnaireResponse, of which these members are taken."""

    resourceType: Literal["QuestionnaireResponse"]
    id: Annotated[Id, Field(description="The device's own name for it: sent again, it is kept once.")]
    questionnaire: Annotated[Canonical, Field(description="`canonical` of what was answered.")]
    status: Literal["completed"]
    authored: Annotated[AwareDatetime, Field(strict=False, description="When it was answered.")]
    item: Annotated[list[ItemIn], Field(max_length=MOST_ITEMS)]

    def content(self) -> dict[str, Any]:
        """What is kept of it."""
        kept = self.model_dump(mode="json", exclude_none=True)
        for item in kept["item"]:
            for answer in item.get("answer", []):
                answer.get("valueCoding", {}).pop("display", None)
        return kept


class ReceivedOut(Reply):
    id: uuid.UUID
    received_at: dt.datetime


class SyncedSession(Reply):
    id: uuid.UUID
    name: str
    code: str
    mode: str
    status: Literal["active", "ended", "expired"]
    is_host: bool
    organization_id: uuid.UUID | None
    started_at: dt.datetime
    expires_at: dt.datetime
    ended_at: dt.datetime | None


class SyncedInvitation(Reply):
    """To an organization; it is accepted by the link in its mail."""

    id: uuid.UUID
    organization: str
    role: str
    sent_at: dt.datetime
    expires_at: dt.datetime


class SyncedOrganization(Reply):
    id: uuid.UUID
    name: str
    role: Literal["admin", "provider", "patient"]
    joined_at: dt.datetime


class SyncedEnrollment(Reply):
    id: uuid.UUID
    organization_id: uuid.UUID
    questionnaire_id: uuid.UUID
    enrolled_at: dt.datetime


class SyncedQuestionnaire(Reply):
    id: uuid.UUID
    canonical: str = Field(description="For `questionnaire` of a response.")
    resource: dict[str, Any] = Field(description="A FHIR R4 Questionnaire.")


class Gone(Reply):
    kind: Literal["session", "invitation", "organization", "enrollment", "questionnaire"]
    id: uuid.UUID


class SyncOut(Reply):
    cursor: str = Field(description="Send it with the next call. It stays good.")
    has_more: bool = Field(description="More is waiting: call again at once.")
    is_first_round: bool = Field(
        description="Part of everything there is: what a device knows from before, and does not find "
        "in the whole round, is gone."
    )
    sessions: list[SyncedSession]
    invitations: list[SyncedInvitation]
    organizations: list[SyncedOrganization]
    enrollments: list[SyncedEnrollment]
    questionnaires: list[SyncedQuestionnaire]
    deleted: list[Gone]
