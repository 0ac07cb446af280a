"""What stands on desks and lies in pockets: devices of all kinds and states."""

import datetime as dt
import random
import secrets
import uuid
from collections import defaultdict
from dataclasses import dataclass

from accounts.models import Person
from devices import identity
from devices.models import (
    FAMILY_LIFETIME,
    REFRESH_LIFETIME,
    Device,
    DeviceAuthorization,
    DeviceType,
    Platform,
    Registration,
    RevocationReceipt,
    Token,
    TokenFamily,
)
from medimic import crypto
from medimic.demo.cast import Cast
from orgs.models import Organization

Reason = DeviceAuthorization.RevokedReason
LINK_LIFETIME = dt.timedelta(hours=24)


@dataclass(frozen=True)
class Hardware:
    model: str
    device_type: DeviceType
    platform: Platform
    os_version: str


PHONE, TABLET, COMPUTER = DeviceType.PHONE, DeviceType.TABLET, DeviceType.COMPUTER
IPHONE_15 = Hardware("iPhone 15 Pro", PHONE, Platform.IOS, "17.4")
IPHONE_14 = Hardware("iPhone 14", PHONE, Platform.IOS, "17.6.1")
IPHONE_13 = Hardware("iPhone 13 mini", PHONE, Platform.IOS, "17.5.1")
IPHONE_12 = Hardware("iPhone 12", PHONE, Platform.IOS, "16.7.8")
IPHONE_SE = Hardware("iPhone SE (3rd generation)", PHONE, Platform.IOS, "16.5")
GALAXY_S24 = Hardware("Samsung Galaxy S24", PHONE, Platform.ANDROID, "14")
GALAXY_S21 = Hardware("Samsung Galaxy S21", PHONE, Platform.ANDROID, "13")
GALAXY_A54 = Hardware("Samsung Galaxy A54", PHONE, Platform.ANDROID, "14")
PIXEL_8 = Hardware("Google Pixel 8", PHONE, Platform.ANDROID, "14")
FAIRPHONE_5 = Hardware("Fairphone 5", PHONE, Platform.ANDROID, "13")
MOTO_G84 = Hardware("Motorola moto g84", PHONE, Platform.ANDROID, "13")
IPAD = Hardware("iPad (10th generation)", TABLET, Platform.IPADOS, "17.5")
IPAD_PRO = Hardware("iPad Pro 11-inch (M4)", TABLET, Platform.IPADOS, "17.6")
IPAD_MINI = Hardware("iPad mini (6th generation)", TABLET, Platform.IPADOS, "16.6")
GALAXY_TAB = Hardware("Samsung Galaxy Tab S9", TABLET, Platform.ANDROID, "14")
MACBOOK = Hardware("MacBook Air (M2)", COMPUTER, Platform.MACOS, "14.4")
THINKPAD = Hardware("ThinkPad X1 Carbon Gen 11", COMPUTER, Platform.WINDOWS, "11 23H2")
THINKPAD_T14 = Hardware("ThinkPad T14 Gen 4", COMPUTER, Platform.LINUX, "6.8")

NEWEST_APP, RECENT_APP, OLD_APP, OLDEST_APP = "3.2.0", "3.1.4", "3.0.1", "2.9.6"
CARRIED = (IPHONE_15, IPHONE_14, IPHONE_SE, GALAXY_S24, PIXEL_8, FAIRPHONE_5)
STATIONARY = (MACBOOK, THINKPAD, THINKPAD_T14, IPAD_PRO)
PLACES = (
    ("Exam room 1", IPAD),
    ("Exam room 2", IPAD),
    ("Exam room 3", GALAXY_TAB),
    ("Day surgery", IPAD_PRO),
    ("Ward 3, nurses' station", GALAXY_TAB),
    ("Front desk", IPAD_MINI),
)


class Fleet:
    """Collects devices with their authorizations, and writes them at once."""

    def __init__(self, now: dt.datetime, rng: random.Random) -> None:
        self.now = now
        self.rng = rng
        self.devices: list[Device] = []
        self.authorizations: list[DeviceAuthorization] = []
        self.receipts: list[RevocationReceipt] = []
        self.registrations: list[Registration] = []
        self.families: list[TokenFamily] = []
        self.tokens: list[Token] = []

    def of_account(self) -> dict[uuid.UUID, list[DeviceAuthorization]]:
        """The authorizations of each account that ever reached a device."""
        found: dict[uuid.UUID, list[DeviceAuthorization]] = defaultdict(list)
        for row in self.authorizations:
            if row.account_id and row.device_id:
                found[row.account_id].append(row)
        return found

    def device(
        self,
        hardware: Hardware,
        *,
        owner: Person | None = None,
        pool: Organization | None = None,
        place: str = "",
        app: str = NEWEST_APP,
    ) -> Device:
        device = Device(
            identifier_hash=identity.identifier_hash(str(uuid.uuid4())),
            owner_person=owner,
            owner_organization=pool,
            guest_owned=owner is None and pool is None,
            place=place,
            model=hardware.model,
            device_type=hardware.device_type,
            platform=hardware.platform,
            os_version=hardware.os_version,
            app_version=app,
            first_seen_at=self.now,
            last_seen_at=self.now - dt.timedelta(days=3650),
        )
        self.devices.append(device)
        return device

    def leave(
        self,
        account: Person | None,
        device: Device,
        *,
        since: float,
        seen: float,
        name: str = "",
        signed_out: bool = False,
        revoked: Reason | None = None,
        by: Person | None = None,
        revoked_in: Organization | None = None,
    ) -> DeviceAuthorization:
        """Let an account use a device, for `since` days; last seen `seen` days ago."""
        activated = self.now - dt.timedelta(days=since)
        last_seen = self.now - dt.timedelta(days=seen)
        row = DeviceAuthorization(
            account=account,
            device=device,
            name=name,
            phone_number=account.phone_number if account and device.device_type == PHONE else "",
            issued_by=account,
            created_at=activated - dt.timedelta(minutes=4),
            activated_at=activated,
            last_seen_at=last_seen,
            signed_out_at=last_seen if signed_out else None,
        )
        if revoked:
            unused = dt.timedelta(days=90) if revoked is Reason.DISUSE else dt.timedelta(hours=5)
            row.revoked_at = min(last_seen + unused, self.now)
            row.revoked_reason, row.revoked_by, row.revoked_in = revoked, by, revoked_in
            # A refresh token outlives five hours, and not ninety days.
            ended = RevocationReceipt(authorization=row, refresh_tokens=int(revoked is not Reason.DISUSE))
            self.receipts.append(ended)
            if device.owner_person == account:
                # Nobody else was on it: it has no owner until somebody signs in.
                device.owner_person = None
                device.guest_owned = False
        device.first_seen_at = min(device.first_seen_at, activated)
        device.last_seen_at = max(device.last_seen_at, last_seen)
        self.authorizations.append(row)
        if not revoked and not signed_out:
            self._sign_in(row)
        return row

    def own(
        self,
        account: Person,
        hardware: Hardware,
        *,
        since: float,
        seen: float,
        name: str = "",
        app: str = NEWEST_APP,
        signed_out: bool = False,
        revoked: Reason | None = None,
        by: Person | None = None,
        revoked_in: Organization | None = None,
    ) -> Device:
        """A device of one's own."""
        device = self.device(hardware, owner=account, app=app)
        self.leave(
            account,
            device,
            since=since,
            seen=seen,
            name=name,
            signed_out=signed_out,
            revoked=revoked,
            by=by,
            revoked_in=revoked_in,
        )
        return device

    def expired_link(self, account: Person, *, days: float, name: str) -> None:
        """A link that nobody opened in time."""
        issued = self.now - dt.timedelta(days=days)
        row = DeviceAuthorization(account=account, name=name, issued_by=account, created_at=issued)
        self.authorizations.append(row)
        self.registrations.append(
            Registration(
                authorization=row,
                token_hash=crypto.token_hash(crypto.new_token()),
                created_by=account,
                created_at=issued,
                expires_at=issued + LINK_LIFETIME,
            )
        )

    def _sign_in(self, row: DeviceAuthorization) -> None:
        """A refresh token that lives, of which nobody knows the text."""
        started = row.last_seen_at or self.now
        family = TokenFamily(
            authorization=row,
            account_epoch=row.account.token_epoch if row.account else 0,
            created_at=started,
            expires_at=started + FAMILY_LIFETIME,
        )
        self.families.append(family)
        self.tokens.append(
            Token(
                hash=crypto.token_hash(secrets.token_hex(32)),
                kind=Token.Kind.REFRESH,
                authorization=row,
                family=family,
                created_at=started,
                expires_at=started + REFRESH_LIFETIME,
            )
        )

    def save(self) -> None:
        Device.objects.bulk_create(self.devices)
        DeviceAuthorization.objects.bulk_create(self.authorizations)
        RevocationReceipt.objects.bulk_create(self.receipts)
        Registration.objects.bulk_create(self.registrations)
        TokenFamily.objects.bulk_create(self.families)
        Token.objects.bulk_create(self.tokens)


def equip(fleet: Fleet, cast: Cast) -> None:
    """Everybody's devices. Within the limits of every plan."""
    _solo_and_trial(fleet, cast)
    _clinic(fleet, cast)
    _hospital(fleet, cast)
    guest = fleet.device(MOTO_G84, app=OLD_APP)
    fleet.leave(None, guest, since=20, seen=6)


def _solo_and_trial(fleet: Fleet, cast: Cast) -> None:
    solo = cast.solo
    fleet.own(solo, IPHONE_15, since=140, seen=0.02, name="Mirela's iPhone")
    fleet.own(solo, MACBOOK, since=96, seen=0.9, app=RECENT_APP)
    fleet.own(solo, IPHONE_12, since=158, seen=139, app=OLD_APP, revoked=Reason.SELF, by=solo)
    fleet.own(solo, GALAXY_TAB, since=155, seen=110, app=OLDEST_APP, revoked=Reason.DISUSE)
    fleet.expired_link(solo, days=9, name="Practice tablet")
    fleet.own(cast.trial, GALAXY_A54, since=12, seen=0.3)


def _clinic(fleet: Fleet, cast: Cast) -> None:
    admin, provider = cast.person("admin@clinic.example"), cast.person("provider@clinic.example")
    colleague, patient = cast.person("colleague@clinic.example"), cast.person("patient@clinic.example")
    nora, tobin = cast.clinic.staff[3], cast.clinic.staff[4]
    fleet.own(admin, MACBOOK, since=150, seen=0.1)
    fleet.own(admin, IPHONE_14, since=120, seen=0.4, app=RECENT_APP)
    fleet.own(provider, IPHONE_15, since=130, seen=0.01, name="Paul's iPhone")
    fleet.own(provider, THINKPAD, since=90, seen=8, app=RECENT_APP, signed_out=True)
    fleet.own(provider, IPHONE_12, since=157, seen=130.5, app=OLD_APP, revoked=Reason.SELF, by=provider)
    fleet.own(provider, GALAXY_S21, since=156, seen=125, app=OLDEST_APP, revoked=Reason.DISUSE)
    fleet.expired_link(provider, days=3, name="Spare phone")
    # The room's tablet: the first to use it owns it, two others work on it too.
    shared = fleet.device(IPAD, owner=provider)
    fleet.leave(provider, shared, since=125, seen=0.2, name="Consulting room iPad")
    fleet.leave(colleague, shared, since=124, seen=1.1, name="Consulting room iPad")
    fleet.leave(nora, shared, since=60, seen=5, name="Consulting room iPad")
    fleet.own(colleague, PIXEL_8, since=122, seen=0.05, name="Kira's Pixel")
    fleet.own(
        colleague,
        GALAXY_TAB,
        since=150,
        seen=40,
        app=OLD_APP,
        revoked=Reason.ORGANIZATION,
        by=admin,
        revoked_in=cast.clinic.organization,
    )
    fleet.own(nora, GALAXY_S24, since=100, seen=0.6, app=OLDEST_APP)
    fleet.own(tobin, IPHONE_SE, since=151, seen=71, app=OLD_APP)
    fleet.own(tobin, THINKPAD_T14, since=70, seen=2)
    fleet.own(patient, IPHONE_13, since=80, seen=0.5)
    fleet.own(patient, IPAD_MINI, since=64, seen=30, app=OLD_APP, signed_out=True)
    for person, hardware in zip(cast.clinic.patients[1:4], (GALAXY_A54, IPHONE_12, FAIRPHONE_5), strict=True):
        fleet.own(person, hardware, since=fleet.rng.uniform(30, 90), seen=fleet.rng.uniform(1, 20))
    fleet.own(cast.locum, PIXEL_8, since=110, seen=1.5, app=RECENT_APP)


def _hospital(fleet: Fleet, cast: Cast) -> None:
    rng, house = fleet.rng, cast.hospital
    employed = [person for person in house.staff if person != cast.locum]
    for person in employed:
        apps = (NEWEST_APP, NEWEST_APP, RECENT_APP, OLD_APP)
        fleet.own(
            person,
            rng.choice(CARRIED),
            since=rng.uniform(100, 150),
            seen=rng.uniform(0, 2),
            app=rng.choice(apps),
        )
        if rng.random() < 0.6:
            fleet.own(person, rng.choice(STATIONARY), since=rng.uniform(60, 140), seen=rng.uniform(0, 9))
    for place, hardware in PLACES:
        pooled = fleet.device(
            hardware, pool=house.organization, place=place, app=rng.choice((NEWEST_APP, RECENT_APP))
        )
        for person in rng.sample(house.staff, rng.randint(2, 5)):
            fleet.leave(person, pooled, since=rng.uniform(50, 130), seen=rng.uniform(0, 6), name=place)
    fleet.own(employed[2], IPHONE_12, since=148, seen=44, revoked=Reason.STAFF)
    for person in house.patients[:2]:
        fleet.own(person, rng.choice(CARRIED), since=rng.uniform(20, 70), seen=rng.uniform(0, 12))
