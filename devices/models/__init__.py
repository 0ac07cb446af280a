"""Devices, the leave of accounts to use them, and what organizations keep of them."""

from .devices import (
    ACCESS_LIFETIME,
    FAMILY_LIFETIME,
    NO_PUSH,
    REFRESH_LIFETIME,
    Confirmation,
    ConfirmationQuerySet,
    Device,
    DeviceAuthorization,
    DeviceAuthorizationQuerySet,
    DeviceType,
    KeyPair,
    Platform,
    Registration,
    RegistrationQuerySet,
    RevocationReceipt,
    Token,
    TokenFamily,
    os_name,
)
from .fleet import BulkRevocation, FleetCount, FleetEntry, SessionTally
from .pool import PoolRequest, PoolRequestQuerySet
from .push import PushKind, PushSettings
from .warnings import PolicyWarning
from .words import AuthorizationWord

__all__ = [
    "ACCESS_LIFETIME",
    "FAMILY_LIFETIME",
    "NO_PUSH",
    "REFRESH_LIFETIME",
    "AuthorizationWord",
    "BulkRevocation",
    "Confirmation",
    "ConfirmationQuerySet",
    "Device",
    "DeviceAuthorization",
    "DeviceAuthorizationQuerySet",
    "DeviceType",
    "FleetCount",
    "FleetEntry",
    "KeyPair",
    "Platform",
    "PolicyWarning",
    "PoolRequest",
    "PoolRequestQuerySet",
    "PushKind",
    "PushSettings",
    "Registration",
    "RegistrationQuerySet",
    "RevocationReceipt",
    "SessionTally",
    "Token",
    "TokenFamily",
    "os_name",
]
