"""Rule 8. The table's columns and states. How it sorts, filters and remembers: `test_table.py`."""

import pytest

from devices import actions
from medimic.audit.log import SYSTEM
from tests.devices.kit import call, link_for, sign_in_device

pytestmark = pytest.mark.django_db
LIST = "/settings/devices/"
COLUMNS = (
    "Name", "Model", "Type", "Phone Number", "OS", "App Version", "Registered At", "Last active", "Status",
)  # fmt: skip


def test_shows_every_column_and_where_they_are_kept(provider, sign_in):
    sign_in_device(provider)
    page = sign_in(provider).get(LIST).content.decode()
    for column in COLUMNS:
        assert column in page
    assert "table-settings-devices-column-visibility" in page


def test_registered_at_is_written_in_the_person_s_locale(provider, sign_in):
    sign_in_device(provider)
    client = sign_in(provider)
    pages = {}
    for locale in ("en_GB", "de_DE", "pl_PL"):
        provider.change_profile(date_locale=locale)
        pages[locale] = client.get(LIST).context["rows"][0].registered
    assert len(set(pages.values())) == 3


@pytest.mark.parametrize(
    ("prepare", "status", "reason"),
    [
        (lambda p: sign_in_device(p), "Active", ""),
        (lambda p: sign_in_device(p) and p.end_device_tokens(), "Active", "signed out"),
        (lambda p: link_for(p), "Inactive", "waiting"),
        (lambda p: revoked(p), "Inactive", "revoked by you"),
    ],
)
def test_status_is_active_or_inactive_with_the_reason_beside_it(provider, sign_in, prepare, status, reason):
    prepare(provider)
    (row,) = sign_in(provider).get(LIST).context["rows"]
    assert row.status.label == status
    assert reason in row.status.reason
    answer = call("get", "devices", client=sign_in(provider)).json()["devices"]
    assert [found["device_status_id"] for found in answer] == [status.upper()]


def revoked(person) -> None:
    row = sign_in_device(person).authorization
    actions.revoke(authorization=row, by=person, origin=SYSTEM)
