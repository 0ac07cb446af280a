"""Where no service is set up: a line of the log in place of a push."""

import logging

from devices.push_services.alerts import PushAlert
from medimic import crypto

PURPOSE = "push-log"
logger = logging.getLogger(__name__)


def send(service: str, token: str, alert: PushAlert) -> None:
    """Tells the kind, and by a short hash which device: neither its token nor any word of the alert."""
    device = crypto.keyed_hash(PURPOSE, f"{service}\0{token}")[:8]
    logger.info("Push %s for %s device %s: no service is set up for it.", alert.kind, service, device)
