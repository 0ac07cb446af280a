"""The services that take pushes to devices: Apple's, Google's, and the browsers'.

A service without keys writes to the log. Which device gets what, routing decides.
"""

from devices.push_services import log
from devices.push_services.alerts import PushAlert, Unregistered

__all__ = ["PushAlert", "Unregistered", "send", "service_name"]

SERVICES = ("apns", "fcm", "webpush")
LOG = "log"


def send(service: str, token: str, alert: PushAlert) -> None:
    """Hand one alert over for one device.

    Raises `Unregistered` where the token is dead, and what channels raise: `registry.Retry`,
    `registry.Unreachable`, `registry.Refused`. Their reasons quote neither token nor alert.
    """
    if service not in SERVICES:
        raise LookupError(f"there is no push service {service}")
    log.send(service, token, alert)


def service_name(service: str, token: str) -> str:
    """What failures are counted by: one browser's service may be down while another's is up."""
    if service not in SERVICES:
        raise LookupError(f"there is no push service {service}")
    return LOG
