"""Texts over an HTTP gateway: one JSON POST for each.

    POST <url>
    Authorization: Bearer <token>
    Idempotency-Key: <reference>
    {"to": "+447700900123", "text": "…", "from": "MediMic", "account": "…", "reference": "…"}

Any 2xx takes it over. Most services have such a call, or a function of a few lines
in front of it. `from` and `account` are there where SMS_URL names them.
"""

import httpx2

from medimic import retry_after
from medimic.sms import Refused, Text, Unavailable, Unreachable

TIMEOUT = httpx2.Timeout(10.0, connect=5.0)
# The gateway looked at the message, and says that it will never take this one.
NEVER = frozenset({400, 409, 410, 413, 422})


class Backend:
    def __init__(
        self,
        url: str,
        token: str,
        account: str = "",
        sender: str = "",
        transport: httpx2.BaseTransport | None = None,
    ) -> None:
        self.url = url
        self.token = token
        self.named = {name: value for name, value in (("from", sender), ("account", account)) if value}
        self.transport = transport

    def send(self, text: Text) -> None:
        body = {"to": text.to, "text": text.body, "reference": text.reference, **self.named}
        headers = {"Authorization": f"Bearer {self.token}", "Idempotency-Key": text.reference}
        # Neither a redirect nor a proxy of the surroundings: both would hand the token on.
        client = httpx2.Client(
            timeout=TIMEOUT, follow_redirects=False, trust_env=False, transport=self.transport
        )
        try:
            with client, client.stream("POST", self.url, json=body, headers=headers) as response:
                # What it says beside its status is not needed, and may be of any length.
                _judge(response)
        except httpx2.HTTPError as error:
            raise Unreachable(f"the SMS gateway was not reached: {type(error).__name__}") from error


def _judge(response: httpx2.Response) -> None:
    if response.is_success:
        return
    reason = f"the SMS gateway answered {response.status_code}"
    if response.status_code in NEVER:
        raise Refused(reason)
    after = retry_after.read(response.headers.get("Retry-After", ""))
    if response.is_server_error:
        raise Unreachable(reason, after=after)
    # Anything else, a wrong token or path too, is mended sooner or later, and the text goes out then.
    raise Unavailable(reason, after=after)
