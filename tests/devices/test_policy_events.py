"""How a warning about a policy reads in the audit log."""

import pytest

from medimic.audit.log import SYSTEM, record
from medimic.audit.presenters import sentence

pytestmark = [pytest.mark.django_db, pytest.mark.once]


@pytest.mark.parametrize(
    ("kind", "about", "told"),
    [
        ("app", "MediMic 3.1", "Warned of Ward phone: older than MediMic 3.1"),
        ("os", "iOS 17", "Warned of Ward phone: older than iOS 17"),
        ("disuse", "60", "Warned of Ward phone: to be revoked after 60 days without use"),
        # As rows of earlier days have it.
        ("disuse", "60 d", "Warned of Ward phone: to be revoked after 60 days without use"),
    ],
)
def test_a_warning_says_what_it_was_of(provider, kind, about, told):
    details = {"device": "Ward phone", "kind": kind, "about": about}
    assert sentence(record("devices.policy_warned", origin=SYSTEM, details=details)) == told
