"""An organization's devices as its admins list them: a read model, kept beside what it is made of.

`devices.fleet` alone writes it. Whatever a list is sorted by or narrowed down to stands in the row
itself, behind an index that begins with the organization: so a page costs the same among a thousand
devices and among a hundred thousand.
"""

import uuid

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone

from devices.models.devices import Device, DeviceAuthorization, Platform
from devices.versions import LONGEST_KEY
from orgs.models import Organization


class FleetEntry(models.Model):
    """One row of Organization → Devices.

    A member's leave to use a device, or (without a person) a device of the organization's pool,
    whoever uses it. Keys are lower-case; `app_key` and `os_key` sort as versions do.
    """

    class State(models.IntegerChoices):
        ACTIVE = 0
        ENDED = 1

    id = models.BigAutoField(primary_key=True)
    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="+")
    device = models.ForeignKey(Device, on_delete=models.CASCADE, related_name="fleet_entries")
    person = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, null=True, blank=True, related_name="+"
    )
    authorization = models.ForeignKey(
        DeviceAuthorization, on_delete=models.CASCADE, null=True, blank=True, related_name="fleet_entries"
    )
    provider_key = models.CharField(max_length=210, blank=True)
    name_key = models.CharField(max_length=200, blank=True)
    platform = models.CharField(max_length=10, choices=Platform.choices)
    os_group = models.CharField(max_length=60)
    os_key = models.CharField(max_length=LONGEST_KEY + 11)
    app_key = models.CharField(max_length=LONGEST_KEY, blank=True)
    sessions = models.PositiveIntegerField(default=0)
    last_seen_at = models.DateTimeField()
    state = models.PositiveSmallIntegerField(choices=State.choices)
    # Everything that a search looks through, in one column.
    words = models.CharField(max_length=700)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["organization", "device", "person"],
                condition=Q(person__isnull=False),
                name="fleet_one_of_person",
            ),
            models.UniqueConstraint(
                fields=["organization", "device"], condition=Q(person=None), name="fleet_one_of_pool"
            ),
            models.CheckConstraint(
                condition=Q(person=None, authorization=None)
                | Q(person__isnull=False, authorization__isnull=False),
                name="fleet_person_with_authorization",
            ),
        ]
        indexes = [
            models.Index(fields=["organization", "provider_key", "id"], name="fleet_by_provider"),
            models.Index(fields=["organization", "name_key", "id"], name="fleet_by_name"),
            models.Index(fields=["organization", "os_key", "id"], name="fleet_by_os"),
            models.Index(fields=["organization", "app_key", "id"], name="fleet_by_app"),
            models.Index(fields=["organization", "sessions", "id"], name="fleet_by_sessions"),
            models.Index(fields=["organization", "last_seen_at", "id"], name="fleet_by_last_seen"),
            models.Index(fields=["organization", "state", "last_seen_at", "id"], name="fleet_by_state"),
            models.Index(fields=["organization", "person", "last_seen_at", "id"], name="fleet_by_person"),
            models.Index(
                fields=["organization", "last_seen_at", "id"], condition=Q(person=None), name="fleet_pooled"
            ),
            models.Index(fields=["organization", "platform", "app_key"], name="fleet_by_platform_app"),
            models.Index(fields=["organization", "platform", "os_key"], name="fleet_by_platform_os"),
            models.Index(fields=["organization", "os_group", "last_seen_at", "id"], name="fleet_by_os_group"),
        ]

    def __str__(self) -> str:
        return f"{self.device_id} of {self.person_id or 'the pool'}"


class FleetCount(models.Model):
    """How many active rows of the list run what: the sum of all of an organization's rows here.

    Written as differences, so that changes of the fleet never wait for one another; a job adds
    them up from time to time (`devices.fleet_counts`).
    """

    id = models.BigAutoField(primary_key=True)
    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="+")
    platform = models.CharField(max_length=10, choices=Platform.choices)
    os_group = models.CharField(max_length=60)
    app_key = models.CharField(max_length=LONGEST_KEY, blank=True)
    number = models.IntegerField()

    def __str__(self) -> str:
        return f"{self.number:+} {self.os_group} {self.app_key}"


class SessionTally(models.Model):
    """How many sessions of an organization an account started on a device. Counted as they start."""

    id = models.BigAutoField(primary_key=True)
    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="+")
    device = models.ForeignKey(Device, on_delete=models.CASCADE, related_name="+")
    person = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    sessions = models.PositiveIntegerField(default=0)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["organization", "device", "person"], name="tally_one")]

    def __str__(self) -> str:
        return f"{self.sessions} on {self.device_id}"


class BulkRevocation(models.Model):
    """Many devices that an admin revokes in one act: exactly those that the preview listed.

    `targets` holds 16 bytes for each: the ids of authorizations, behind them those of `pooled`
    devices. `done` says how many of them are through, `ended` how many of those had
    still something to end.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    organization = models.ForeignKey(Organization, on_delete=models.PROTECT, related_name="+")
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(default=timezone.now)
    # What the list was narrowed down to, as its address; empty where rows were ticked.
    chosen_by = models.CharField(max_length=500, blank=True)
    targets = models.BinaryField()
    total = models.PositiveIntegerField()
    pooled = models.PositiveIntegerField(default=0)
    people = models.PositiveIntegerField(default=0)
    done = models.PositiveIntegerField(default=0)
    ended = models.PositiveIntegerField(default=0)
    confirmed_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)
    # Where whoever confirmed it did so from.
    address = models.CharField(max_length=45, blank=True)
    agent = models.CharField(max_length=300, blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(done__lte=models.F("total")), name="bulk_done_of_total"),
            models.CheckConstraint(
                condition=Q(finished_at=None) | Q(confirmed_at__isnull=False), name="bulk_finished_after"
            ),
        ]
        indexes = [
            models.Index(
                fields=["confirmed_at"],
                condition=Q(confirmed_at__isnull=False, finished_at=None),
                name="bulk_running",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.total} devices"
