import pytest
from django.db import transaction

from medimic.outbox.models import Delivery
from medimic.outbox.sms import enqueue_text
from medimic.sms.backends import memory
from tests.outbox.raw import raw_rows
from tests.sms.servers import sms_gateway

pytestmark = pytest.mark.django_db
NUMBER, WORDS = "+447700900123", "PLANTED-WORDS"


@pytest.fixture
def text():
    with transaction.atomic():
        return enqueue_text("tests.text", to=NUMBER, text=WORDS)


@pytest.fixture
def gateway(settings):
    with sms_gateway() as found:
        settings.SMS_BACKEND = "medimic.sms.backends.gateway.Backend"
        settings.SMS_OPTIONS = {"url": found.url, "token": "t"}
        yield found


def test_is_sent_and_erased(text, deliver, monkeypatch):
    monkeypatch.setattr(memory, "sent", [])
    deliver()
    [sent] = memory.sent
    assert (sent.to, sent.body, sent.reference) == (NUMBER, WORDS, str(text.pk))
    text.refresh_from_db()
    assert (text.state, text.recipient, text.body) == (Delivery.State.SENT, "", "")


def test_is_kept_encrypted_with_the_number_masked(text):
    assert text.recipient_masked == "…0123"
    for secret in (NUMBER, WORDS):
        assert secret not in raw_rows()


def test_a_refusal_is_not_tried_again(text, deliver, gateway):
    gateway.status = 422
    deliver()
    text.refresh_from_db()
    assert (text.state, text.last_error) == (Delivery.State.FAILED, "the SMS gateway answered 422")


def test_a_gateway_that_is_down_is_tried_again_when_it_said(text, deliver, gateway):
    gateway.status, gateway.headers = 503, {"Retry-After": "900"}
    deliver()
    text.refresh_from_db()
    assert text.state == Delivery.State.WAITING
    assert (text.due_at - text.created_at).total_seconds() > 890
    Delivery.objects.update(due_at=text.created_at)
    gateway.status = 202
    deliver()
    text.refresh_from_db()
    assert text.state == Delivery.State.SENT
    # The same reference both times, so that the gateway can see the repetition.
    assert len({headers["Idempotency-Key"] for _, headers, _ in gateway.requests}) == 1
