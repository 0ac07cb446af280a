"""What an organization asks of its members' devices."""

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from orgs.models.organizations import Organization

SHORTEST_DISUSE, LONGEST_DISUSE = 14, 730


class Policy(models.Model):
    """One per organization; without a row nothing is asked.

    `lowest_app` and `lowest_os` name versions by platform (the words of the floor above, such as
    `{"ios": "3.1"}`). A device below them is marked and its owner warned, never revoked.
    """

    organization = models.OneToOneField(
        Organization, on_delete=models.CASCADE, primary_key=True, related_name="policy"
    )
    lowest_app = models.JSONField(default=dict, blank=True)
    lowest_os = models.JSONField(default=dict, blank=True)
    unused_days = models.PositiveSmallIntegerField(
        _("Revoke after"),
        null=True,
        blank=True,
        validators=[MinValueValidator(SHORTEST_DISUSE), MaxValueValidator(LONGEST_DISUSE)],
    )
    confirm_devices = models.BooleanField(_("Confirm new devices by digits"), default=False)

    class Meta:
        verbose_name = _("policy")
        verbose_name_plural = _("policies")
        constraints = [
            models.CheckConstraint(
                condition=Q(unused_days=None)
                | Q(unused_days__gte=SHORTEST_DISUSE, unused_days__lte=LONGEST_DISUSE),
                name="policy_disuse_in_bounds",
            ),
        ]

    def __str__(self) -> str:
        return str(self.organization)
