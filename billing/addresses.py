"""Where a holder's billing pages are: a person's below `/billing/`, an organization's below its own."""

from dataclasses import dataclass
from uuid import UUID

from django.urls import reverse

from orgs.models import Organization


@dataclass(frozen=True)
class Addresses:
    """The pages of one holder; `slug` is empty for a person's own."""

    slug: str = ""

    @classmethod
    def of(cls, organization: Organization | None) -> "Addresses":
        return cls(organization.slug if organization else "")

    @property
    def home(self) -> str:
        return self._to("")

    @property
    def plans(self) -> str:
        return self._to("plans/")

    @property
    def cancellation(self) -> str:
        return self._to("cancellation/")

    @property
    def resumption(self) -> str:
        return self._to("resumption/")

    @property
    def seats(self) -> str:
        return self._to("seats/")

    @property
    def details(self) -> str:
        return self._to("details/")

    @property
    def payment_method(self) -> str:
        return self._to("payment-method/")

    @property
    def invoices(self) -> str:
        return self._to("invoices/")

    def plan(self, code: str) -> str:
        return self._to(f"plans/{code}/")

    def invoice(self, invoice_id: UUID) -> str:
        return self._to(f"invoices/{invoice_id}/")

    def _to(self, page: str) -> str:
        home = reverse("organization_billing", args=[self.slug]) if self.slug else reverse("billing")
        return f"{home}{page}"
