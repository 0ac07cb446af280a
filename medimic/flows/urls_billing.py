"""Addresses of changing a plan: below a person's billing, and below an organization's."""

from django.urls import path

from billing.urls import ORGANIZATION, OWN
from medimic.flows import plan_changes, plan_upkeep

PAGES = (
    ("plans/", plan_changes.plans, "plans"),
    ("plans/<slug:code>/", plan_changes.plan, "plan"),
    ("cancellation/", plan_changes.cancellation, "cancellation"),
    ("resumption/", plan_changes.resumption, "resumption"),
    ("details/", plan_upkeep.details, "billing_details"),
    ("payment-method/", plan_upkeep.payment_method, "payment_method"),
)

urlpatterns = [
    *(path(f"{OWN}{page}", view, name=name) for page, view, name in PAGES),
    *(path(f"{ORGANIZATION}{page}", view, name=f"organization_{name}") for page, view, name in PAGES),
    path(f"{ORGANIZATION}seats/", plan_upkeep.seats, name="organization_seats"),
]
