"""Where nothing is set up, a push is a line of the log, without what must not stand there."""

import logging

import pytest

from devices.push_services import send, service_name
from tests.push_services.conftest import an_alert
from tests.push_services.receiving import Browser

pytestmark = pytest.mark.once
TOKENS = {
    "apns": "0a" * 32,
    "fcm": "planted:token",
    "webpush": Browser("https://fcm.googleapis.com/planted").token,
}


@pytest.mark.parametrize("service", TOKENS)
def test_the_log_tells_the_kind_and_which_device_and_nothing_else(service, caplog):
    alert = an_alert(title="Planted title", body="Planted body")
    with caplog.at_level(logging.INFO, logger="devices.push_services"):
        send(service, TOKENS[service], alert)
        send(service, TOKENS[service] + "b", alert)
    first, second = caplog.messages
    assert alert.kind in first
    assert first != second
    for planted in (TOKENS[service], "lanted", alert.collapse_id, str(alert.session_id), str(alert.id)):
        assert planted not in caplog.text
    assert service_name(service, TOKENS[service]) == "log"


def test_an_unknown_service_is_a_mistake_of_ours(alert):
    with pytest.raises(KeyError):
        send("pigeon", "x", alert)
