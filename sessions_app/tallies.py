"""How many sessions an organization had from each device: counted as they start (`visits.start`).

Whoever writes sessions in bulk counts them here afterwards.
"""

from django.db.models import Count

from devices.models import SessionTally
from sessions_app.models import Visit

BATCH = 1000


def rebuild() -> None:
    """Count all sessions anew. While none are started: what begins meanwhile may be counted twice."""
    counted = (
        Visit.objects.filter(
            organization__isnull=False, host__isnull=False, authorization__device__isnull=False
        )
        .order_by()
        .values_list("organization", "authorization__device", "host")
        .annotate(number=Count("pk"))
    )
    SessionTally.objects.bulk_create(
        [
            SessionTally(organization_id=organization, device_id=device, person_id=person, sessions=number)
            for organization, device, person, number in counted.iterator()
        ],
        batch_size=BATCH,
        update_conflicts=True,
        unique_fields=["organization", "device", "person"],
        update_fields=["sessions"],
    )
