"""What an organization asks of its members' devices."""

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q
from django.utils import timezone
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
    # Asked of whoever works there, and from when on: who had none then is told once.
    second_factor = models.BooleanField(_("Second factor required"), default=False)
    # Asked of members whose address is of a domain that the configuration gives a provider.
    single_sign_on = models.BooleanField(_("Single sign-on required"), default=False)
    second_factor_since = models.DateTimeField(null=True, blank=True, editable=False)

    class Meta:
        verbose_name = _("policy")
        verbose_name_plural = _("policies")
        constraints = [
            models.CheckConstraint(
                condition=Q(unused_days=None)
                | Q(unused_days__gte=SHORTEST_DISUSE, unused_days__lte=LONGEST_DISUSE),
                name="policy_disuse_in_bounds",
            ),
            models.CheckConstraint(
                condition=Q(second_factor=False, second_factor_since=None)
                | Q(second_factor=True, second_factor_since__isnull=False),
                name="policy_factor_since",
            ),
        ]

    def __str__(self) -> str:
        return str(self.organization)

    def ask_for_factor(self, is_wanted: bool) -> None:
        """Ask for a second factor from now on, or no longer; not saved."""
        if is_wanted != self.second_factor:
            self.second_factor = is_wanted
            self.second_factor_since = timezone.now() if is_wanted else None
