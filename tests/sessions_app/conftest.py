import uuid

import pytest
from django.utils import timezone

from devices.models import Device, DeviceAuthorization
from devices.schemas import DeviceIn
from medimic.audit.log import Origin
from medimic.audit.models import ActorKind

ORIGIN = Origin(ActorKind.DEVICE)


def make_authorization(account, model="iPhone 15 Pro", **fields):
    """A living authorization of an account (or of a guest) on a device of its own."""
    device = Device.objects.create(
        identifier_hash=uuid.uuid4().hex * 2,
        owner_person=account,
        guest_owned=account is None,
        model=model,
        device_type="phone",
        platform="ios",
        os_version="17.4",
        app_version="3.2.0",
    )
    return DeviceAuthorization.objects.create(
        account=account, device=device, activated_at=timezone.now(), **fields
    )


def described_device(**fields):
    return DeviceIn(
        **{
            "device_id": str(uuid.uuid4()),
            "model": "Pixel 8",
            "device_type_id": "phone",
            "platform": "android",
            "os_version": "14",
            "app_version": "3.2.0",
            **fields,
        }
    )


@pytest.fixture
def phone(provider):
    return make_authorization(provider)


@pytest.fixture
def tablet(outsider):
    return make_authorization(outsider, "iPad Air")
