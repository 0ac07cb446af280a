"""The admin site: for staff with a verified second factor."""

from django_otp.admin import OTPAdminSite


class PortalAdminSite(OTPAdminSite):
    pass
