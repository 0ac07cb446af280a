import datetime as dt
import io
import stat
from email.utils import format_datetime

import httpx2
import pytest
from django.utils import timezone

from medimic import sms
from medimic.sms.backends import console, file, gateway, memory
from tests.outbox.servers import free_port, silent_server
from tests.sms.servers import sms_gateway

TEXT = sms.Text(to="+447700900123", body="Grüße: medipal://authenticate", reference="r-1")


@pytest.fixture
def server():
    with sms_gateway() as found:
        yield found


def backend(server, **options) -> gateway.Backend:
    return gateway.Backend(url=server.url, token="s3cret", **options)


def test_the_settings_choose_the_backend(settings):
    settings.SMS_BACKEND = "medimic.sms.backends.console.Backend"
    assert isinstance(sms.connect(), console.Backend)
    assert sms.is_available()


def test_without_an_address_nothing_is_sent_and_nothing_is_lost(settings):
    settings.SMS_BACKEND = ""
    assert not sms.is_available()
    with pytest.raises(sms.Unavailable, match="SMS_URL"):
        sms.connect()


def test_console_prints_it():
    stream = io.StringIO()
    console.Backend(stream).send(TEXT)
    assert TEXT.to in stream.getvalue()
    assert TEXT.body in stream.getvalue()


def test_memory_keeps_it(monkeypatch):
    monkeypatch.setattr(memory, "sent", [])
    memory.Backend().send(TEXT)
    assert memory.sent == [TEXT]


def test_file_writes_one_file_for_each_that_its_owner_alone_can_read(tmp_path):
    writer = file.Backend(directory=str(tmp_path / "texts"))
    writer.send(TEXT)
    writer.send(TEXT)
    first, second = sorted((tmp_path / "texts").iterdir())
    assert first.read_text() == f"To: {TEXT.to}\n\n{TEXT.body}\n"
    assert stat.S_IMODE(second.stat().st_mode) == 0o600


def test_file_that_cannot_be_written_is_tried_again(tmp_path):
    (tmp_path / "texts").write_text("a file in the directory's place")
    with pytest.raises(sms.Unavailable, match="FileExistsError"):
        file.Backend(directory=str(tmp_path / "texts")).send(TEXT)


class TestGateway:
    def test_posts_json_with_the_token_and_a_reference(self, server):
        backend(server, account="acme", sender="MediMic").send(TEXT)
        [(path, headers, body)] = server.requests
        assert path == "/messages"
        assert headers["Authorization"] == "Bearer s3cret"
        assert headers["Idempotency-Key"] == TEXT.reference
        assert headers["Content-Type"] == "application/json"
        assert body == {
            "to": TEXT.to, "text": TEXT.body, "reference": "r-1", "from": "MediMic", "account": "acme",
        }  # fmt: skip

    def test_leaves_out_what_the_address_does_not_name(self, server):
        backend(server).send(TEXT)
        assert server.requests[0][2].keys() == {"to", "text", "reference"}

    @pytest.mark.parametrize("status", [400, 409, 410, 413, 422])
    def test_a_message_that_it_will_never_take_is_refused(self, server, status):
        server.status = status
        with pytest.raises(sms.Refused, match=str(status)):
            backend(server).send(TEXT)

    @pytest.mark.parametrize("status", [302, 401, 403, 404, 405, 408, 429, 500, 502, 503])
    def test_anything_else_is_tried_again(self, server, status):
        server.status = status
        with pytest.raises(sms.Unavailable, match=str(status)):
            backend(server).send(TEXT)

    def test_a_redirect_takes_the_token_nowhere(self, server):
        with sms_gateway() as other:
            server.status, server.headers = 307, {"Location": other.url}
            with pytest.raises(sms.Unavailable):
                backend(server).send(TEXT)
            assert other.requests == []

    @pytest.mark.parametrize(
        ("value", "seconds"),
        [("120", 120), ("99999999999", 6 * 3600), ("", None), ("soon", None), ("-5", None), ("²", None)],
    )
    def test_says_when_to_come_back(self, server, value, seconds):
        server.status, server.headers = 429, {"Retry-After": value}
        with pytest.raises(sms.Unavailable) as raised:
            backend(server).send(TEXT)
        assert raised.value.after == (None if seconds is None else dt.timedelta(seconds=seconds))

    def test_says_when_to_come_back_by_a_date(self, server):
        at = timezone.now() + dt.timedelta(minutes=5)
        server.status, server.headers = 503, {"Retry-After": format_datetime(at, usegmt=True)}
        with pytest.raises(sms.Unavailable) as raised:
            backend(server).send(TEXT)
        assert dt.timedelta(minutes=4) < raised.value.after <= dt.timedelta(minutes=5)

    def test_nobody_there_is_tried_again(self):
        nowhere = gateway.Backend(url=f"http://127.0.0.1:{free_port()}/", token="t")
        with pytest.raises(sms.Unavailable, match="ConnectError"):
            nowhere.send(TEXT)

    def test_silence_is_given_up_after_a_while(self, monkeypatch):
        monkeypatch.setattr(gateway, "TIMEOUT", httpx2.Timeout(0.2))
        with silent_server() as port, pytest.raises(sms.Unavailable, match="ReadTimeout"):
            gateway.Backend(url=f"http://127.0.0.1:{port}/", token="t").send(TEXT)

    def test_an_endless_answer_is_not_read(self, server):
        server.headers, server.body = {"Content-Length": str(10**9)}, b"x" * 10_000
        backend(server).send(TEXT)

    def test_no_reason_tells_number_text_or_token(self, server):
        server.status, server.body = 422, TEXT.body.encode()
        with pytest.raises(sms.Refused) as raised:
            backend(server).send(TEXT)
        for secret in (TEXT.to, TEXT.body, "s3cret"):
            assert secret not in str(raised.value)
