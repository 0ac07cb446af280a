"""Where Stripe sends its events, and people back."""

from django.urls import path

from billing import views_stripe

urlpatterns = [
    path("billing/webhooks/stripe/", views_stripe.webhook, name="stripe_webhook"),
    path("billing/stripe/return/", views_stripe.back, name="stripe_return"),
]
