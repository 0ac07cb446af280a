"""The device API's bodies and answers. Lengths are those of the columns that hold them."""

import datetime as dt
import uuid
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, StringConstraints, model_validator
from pydantic_core import PydanticCustomError

from devices import push_services
from devices.keys import PublicKey, on_the_curve
from medimic.api_schema import Body, Id, Reply, plain

DeviceType = Literal["phone", "tablet", "computer"]
Platform = Literal["ios", "ipados", "android", "macos", "windows", "linux", "chromeos"]


def _long(longest: int, *, shortest: int = 1) -> StringConstraints:
    return StringConstraints(strip_whitespace=True, min_length=shortest, max_length=longest)


Plain = AfterValidator(plain)
# 122 random bits take 21 characters in base64 and 36 as a UUID.
DeviceId = Annotated[str, _long(128, shortest=21), Plain]
ShortName = Annotated[str, _long(100, shortest=0), Plain]
Model = Annotated[str, _long(100), Plain]
Version = Annotated[str, _long(40), Plain]
PhoneNumber = Annotated[str, _long(32, shortest=0), Plain]
TokenText = Annotated[str, StringConstraints(pattern=r"^[!-~]{1,512}$")]
PushToken = Annotated[str, StringConstraints(pattern=r"^[!-~]{1,4096}$")]
Hint = Annotated[str, StringConstraints(pattern=r"^[!-~]{1,32}$")]
Key = Annotated[PublicKey, AfterValidator(on_the_curve)]


class Push(Body):
    """Where the platform's notification service finds this installation."""

    service: Literal["apns", "fcm", "webpush"]
    token: PushToken

    @model_validator(mode="after")
    def _leads_to_a_listed_host(self) -> Self:
        # A browser's token is an address that the portal will call.
        if self.service == "webpush" and not push_services.is_well_formed(self.service, self.token):
            raise PydanticCustomError("no_subscription", "This is no subscription with a listed push service")
        return self


class DeviceIn(Body):
    """What a device says of itself. `device_id` comes from its secure store and has 122
    random bits or more; `public_key` is its ECDH P-256 public key as a JWK."""

    device_id: DeviceId
    name: ShortName = ""
    model: Model
    device_type_id: DeviceType
    platform: Platform
    os_version: Version
    app_version: Version
    push: Push | None = None
    public_key: Key | None = None


class DevicePatch(Body):
    """What a device may change of its own record. Absent members stay as they are;
    `"push": null` leaves push routing."""

    name: ShortName | None = None
    os_version: Version | None = None
    app_version: Version | None = None
    push: Push | None = None


class DeviceRegisterIn(Body):
    """Whose device it becomes (one's own where absent), and what its row says until it signs in."""

    user_id: Id | None = None
    name: ShortName = ""
    phone_number: PhoneNumber = ""


class DeviceLoginIn(Body):
    """Either the token of a link, or the session token of a sign-in that was just made on the device."""

    token: TokenText | None = None
    sign_in_proof: TokenText | None = None
    device: DeviceIn

    @model_validator(mode="after")
    def _has_one_proof(self) -> Self:
        if (self.token is None) == (self.sign_in_proof is None):
            raise PydanticCustomError("one_of", "Send either token or sign_in_proof")
        return self


class PollIn(Body):
    poll_token: TokenText


class TokenIn(Body):
    grant_type: Literal["refresh_token"]
    refresh_token: TokenText


class RevokeIn(Body):
    """RFC 7009; the hint is taken and not needed."""

    token: TokenText
    token_type_hint: Hint | None = None


class DeviceOut(Reply):
    """One row of Connected Devices. `id` is the authorization's; a device that has not
    signed in yet has no model, type, OS or version."""

    id: uuid.UUID
    name: str
    model: str | None
    device_type_id: DeviceType | None
    phone_number: str
    os: str | None
    app_version: str | None
    created_at: dt.datetime
    last_seen_at: dt.datetime | None
    device_status_id: Literal["ACTIVE", "INACTIVE"]


class PoolOut(Reply):
    organization: str
    place: str


class OwnDeviceOut(DeviceOut):
    """What a device reads of itself. In an organization's pool, it shows its person whose it is."""

    pool: PoolOut | None = Field(description="Whose device it is, if it is in an organization's pool.")


class DeviceListOut(Reply):
    devices: list[DeviceOut]


class RegisteredOut(Reply):
    device: DeviceOut
    link: str = Field(description="The deep link. Shown once, kept nowhere.")
    expires_at: dt.datetime


class SentOut(Reply):
    """In place of the link, where the caller may not see it."""

    device: DeviceOut
    sent_to: str = Field(description="The person's verified address, masked.")
    expires_at: dt.datetime


class AskedOut(Reply):
    """The person must confirm the sign-in first. Digits and poll token come with the first answer."""

    status: Literal["confirmation_required"] = "confirmation_required"
    digits: str | None = Field(None, description="Two digits, to be shown on the device.")
    poll_token: str | None = None
    interval: int = Field(description="Seconds to leave between two polls.")


class TokensOut(Reply):
    access_token: str
    refresh_token: str
    token_type: Literal["Bearer", "DPoP"] = "Bearer"  # noqa: S105
    expires_in: int = Field(description="Seconds until the access token ends.")


class SignedInOut(TokensOut):
    device: OwnDeviceOut
