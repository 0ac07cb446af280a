"""The services that take pushes to devices: Apple's, Google's, and the browsers'.

A service without keys writes to the log. Which device gets what, routing decides.
"""

from types import ModuleType

from devices.push_services import apns, fcm, log, webpush
from devices.push_services.alerts import PushAlert, Unregistered

__all__ = ["PushAlert", "Unregistered", "is_well_formed", "send", "service_name"]

SERVICES: dict[str, ModuleType] = {"apns": apns, "fcm": fcm, "webpush": webpush}
LOG = "log"


def send(service: str, token: str, alert: PushAlert) -> None:
    """Hand one alert over for one device.

    Raises `Unregistered` where the token is dead, and what channels raise: `registry.Retry`,
    `registry.Unreachable`, `registry.Refused`. Their reasons quote neither token nor alert.
    """
    module = SERVICES[service]
    if module.is_configured():
        module.send(token, alert)
    else:
        log.send(service, token, alert)


def service_name(service: str, token: str) -> str:
    """What failures are counted by: one browser's service may be down while another's is up."""
    module = SERVICES[service]
    name: str = module.service_name(token) if module.is_configured() else LOG
    return name


def is_well_formed(service: str, token: str) -> bool:
    """Whether it can be a token of this service at all; a browser's must name a service that is listed."""
    found: bool = SERVICES[service].is_well_formed(token)
    return found
