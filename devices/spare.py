"""What takes an account's places for devices, as a page shows it that has none left."""

from accounts.models import Person
from devices import limits
from devices.models import DeviceAuthorization
from devices.presenters import DevicePresenter, DeviceRow
from medimic.formatting import Dates


def rows(person: Person) -> list[DeviceRow]:
    """Longest unused first: two queries."""
    taking = limits.longest_unused_first(person)
    found = DeviceAuthorization.objects.with_state().in_bulk([row.pk for row in taking])
    present = DevicePresenter(Dates.of(person))
    return [present.row(found[row.pk]) for row in taking]
