"""What people were told about a policy that a device of theirs breaks."""

from django.db import models
from django.utils import timezone

from devices.models.devices import DeviceAuthorization
from orgs.models import Organization


class PolicyWarning(models.Model):
    """One warning: `about` is what it told of (the version asked for, or when the device was last
    in use); once that is another, there is something new to be told of."""

    class Kind(models.TextChoices):
        APP = "app"
        OS = "os"
        DISUSE = "disuse"

    id = models.BigAutoField(primary_key=True)
    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="+")
    authorization = models.ForeignKey(
        DeviceAuthorization, on_delete=models.CASCADE, related_name="policy_warnings"
    )
    kind = models.CharField(max_length=6, choices=Kind.choices)
    about = models.CharField(max_length=60)
    warned_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["organization", "authorization", "kind"], name="policy_warning_one"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.about}"
