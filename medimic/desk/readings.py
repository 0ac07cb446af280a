"""What staff looked at, in the audit log: whoever it was about reads it in their Activity."""

from django.db import transaction
from django.http import HttpRequest

from medimic.audit.log import Origin, record
from medimic.readonly_admin import Reading


def note(request: HttpRequest, reading: Reading) -> None:
    """A row of the log for a page of a row, or for a list: each look, also the second one."""
    is_list = reading.row is None
    with transaction.atomic():
        record(
            "desk.list_viewed" if is_list else "desk.viewed",
            origin=Origin.staff(request),
            person_id=reading.person_id,
            organization_id=reading.organization_id,
            subject=reading.row,
            details={"what": reading.what, "found": reading.found} if is_list else {"what": reading.what},
        )
