"""Carrying keys over from one of a person's devices to another."""

import time
from collections.abc import Callable, Iterator
from typing import Any

from medimic.simulator import encryption
from medimic.simulator.encryption import NO_SESSION
from medimic.simulator.errors import Failure, failure
from medimic.simulator.handshakes import Handshakes
from medimic.simulator.phone import Phone, named

INTERVAL = 0.3
MOST_IN_A_CALL = 200


def requests(phone: Phone) -> dict[str, Any]:
    """Those that wait for a decision."""
    return phone.call("GET", "/api/key-requests")


def ask(
    phone: Phone, session: str | None, agreed: Callable[[str], bool], *, seconds: float
) -> dict[str, Any]:
    """Ask for the key of one session, or of all. `agreed` is given the digits, once keys have come, and
    says whether the other screen showed the same; without that nothing of them is used."""
    handshakes = Handshakes(phone.keychain)
    session = named(session) if session else None
    commitment = handshakes.begin(keys=session or "all")
    body = {"key_commitment": commitment, "session_id": session}
    request = named(phone.call("POST", "/api/key-requests", body)["id"], "request")
    handshakes.bind(commitment, NO_SESSION, request)
    phone.tell({"request_id": request})
    digits = ""
    for state in _watched(phone, request, seconds):
        if state["state"] == "approved" and digits:
            return _received(phone, request, digits, agreed)
        if state["state"] != "waiting":
            raise failure("refused", "The other device handed no keys over.", state=state["state"])
        if state["responder_key"] and not digits:
            half = handshakes.reveal(request, state["responder_key"], state["responder_nonce"])
            digits = encryption.grouped(half.pop("digits"))
            phone.call("PUT", f"/api/key-requests/{request}/reveal", half)
            phone.tell({"digits": digits})
    raise failure("not_approved", "No other device has decided yet.")


def approve(phone: Phone, request: str, *, digits: str, seconds: float) -> dict[str, Any]:
    """Hand keys to the device that asked. With `digits`, only if they are what both screens show."""
    handshakes = Handshakes(phone.keychain)
    request = named(request, "request")
    path = f"/api/key-requests/{request}"
    is_answered = False
    for state in _watched(phone, request, seconds):
        if state["state"] != "waiting":
            raise failure("request_over", "This request is decided, or too old.", state=state["state"])
        try:
            if not is_answered:
                half = handshakes.answer(NO_SESSION, request, state["commitment"])
                phone.call("PUT", f"{path}/answer", half)
                is_answered = True
            if not state["nonce"]:
                continue
            shown = handshakes.verify(NO_SESSION, request, state["public_key"], state["nonce"])
        except Failure as refusal:
            if refusal.document.get("code") == "key_exchanged":
                phone.call("PUT", f"{path}/refusal")
            raise
        phone.tell({"digits": encryption.grouped(shown)})
        if digits and digits.replace(" ", "") != shown:
            phone.call("PUT", f"{path}/refusal")
            raise failure("digits_differ", "The digits differ, so no key was handed over.")
        return _hand_over(phone, path, state)
    raise failure("not_revealed", "The device that asked does not answer.")


def _hand_over(phone: Phone, path: str, state: dict[str, Any]) -> dict[str, Any]:
    handshakes = Handshakes(phone.keychain)
    own, other = phone.keychain.private_key, state["public_key"]
    wrapped = [
        {
            "session_id": envelope["session_id"],
            "wrapped": encryption.wrap(
                handshakes.opened(envelope["session_id"], envelope), envelope["session_id"], own, other
            ),
        }
        for envelope in _envelopes(phone)
        if state["session_id"] in (None, envelope["session_id"])
        and handshakes.trusts(envelope["session_id"], envelope["sender_key"])
    ]
    batches = [wrapped[at : at + MOST_IN_A_CALL] for at in range(0, len(wrapped), MOST_IN_A_CALL)] or [[]]
    for number, batch in enumerate(batches, start=1):
        body = {"envelopes": batch, "done": number == len(batches)}
        answer = phone.call("PUT", f"{path}/approval", body)
    return {"request_id": answer["id"], "state": answer["state"], "carried": answer["carried"]}


def _received(phone: Phone, request: str, digits: str, agreed: Callable[[str], bool]) -> dict[str, Any]:
    handshakes = Handshakes(phone.keychain)
    if not agreed(digits):
        raise failure("digits_differ", "The digits differ, so none of the keys is used.")
    handshakes.confirm(request)
    carried = 0
    for envelope in _envelopes(phone):
        session = envelope["session_id"]
        if handshakes.trusts(session, envelope["sender_key"]):
            handshakes.opened(session, envelope)
            phone.keychain.envelopes[session] = {name: envelope[name] for name in ("wrapped", "sender_key")}
            carried += 1
    phone.keychain.save()
    return {"request_id": request, "state": "approved", "readable": carried, "digits": digits}


def _envelopes(phone: Phone) -> Iterator[dict[str, Any]]:
    """All of this device, page by page."""
    mark = encryption.thumbprint(phone.keychain.public_key)
    path = f"/api/envelopes?thumbprint={mark}"
    after = ""
    while True:
        page = phone.call("GET", path + after)
        yield from page["envelopes"]
        if page["next"] is None:
            return
        after = f"&after={page['next']}"


def _watched(phone: Phone, request: str, seconds: float) -> Iterator[dict[str, Any]]:
    """The request each time that it has changed, for that long."""
    deadline = time.monotonic() + seconds
    before = None
    while True:
        state = phone.call("GET", f"/api/key-requests/{request}")
        if state != before:
            before = state
            yield state
        if time.monotonic() > deadline:
            return
        time.sleep(INTERVAL)
