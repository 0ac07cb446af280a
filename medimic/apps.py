"""App configurations of the roof."""

from django.apps import AppConfig
from django.contrib.admin.apps import AdminConfig


class PortalConfig(AppConfig):
    """Commands, template tags and checks that belong to no single app."""

    name = "medimic"
    label = "medimic"


class PortalAdminConfig(AdminConfig):
    """The admin, served only to staff with a verified second factor."""

    default_site = "medimic.admin.PortalAdminSite"
