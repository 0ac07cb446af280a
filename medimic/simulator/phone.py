"""A simulated device: what its owner can do with it."""

import time
import uuid
from collections.abc import Callable, Sequence
from typing import Any

from devices.deep_link import DeepLinkError, UnknownKey, key_id, open_link
from medimic.simulator.connection import Connection
from medimic.simulator.errors import KEY_MISSING, Failure, failure
from medimic.simulator.keychain import Keychain
from medimic.simulator.proofs import Prover

SECRETS = ("access_token", "refresh_token", "session_token", "token_type", "tokens", "expires_in")
SECOND_FACTOR = "mfa_authenticate"
# A tablet calls itself so in its model's name.
TABLETS = ("ipad", "tab", "pad")


class Phone:
    """One device at one portal. Each verb returns what is to be printed, without secrets.

    Tokens are bound to its key, unless `binds` is off at the sign-in.
    """

    def __init__(
        self,
        keychain: Keychain,
        connection: Connection,
        *,
        binds: bool = True,
        tell: Callable[[dict[str, Any]], None] = lambda news: None,
    ) -> None:
        """`tell` is given what its screen shows while it waits."""
        self.keychain = keychain
        self.connection = connection
        self.binds = binds
        self.tell = tell

    def open(self, link: str, keys: Sequence[bytes]) -> dict[str, Any]:
        """Sign in with a deep link."""
        content = _opened(link, keys)
        answer = self._log_in(
            {"token": content.get("token")}, headers={"X-Api-Key": str(content.get("api_key", ""))}
        )
        facts = {name: value for name, value in content.items() if name not in ("token", "api_key")}
        return {**without_secrets(answer), **facts}

    def sign_in(self, email: str, ask: Callable[[str], str]) -> dict[str, Any]:
        """Sign in with e-mail and password, and the second factor where there is one.

        `ask` is given what to ask for, and returns what was typed.
        """
        held = self._authenticated(email, ask)
        try:
            answer = self._log_in({"sign_in_proof": held})
        except Failure:
            # Nobody comes back for it: what is left of it would be a credential lying about.
            self.connection.sign_in_step("DELETE", "session", held=held)
            raise
        return without_secrets(answer)

    def start_session(self, name: str, mode: str) -> dict[str, Any]:
        """Start a session: for the account that is signed in, or else as a guest."""
        body: dict[str, Any] = {"name": name, "mode": mode}
        headers = {"Idempotency-Key": str(uuid.uuid4())}
        if self.keychain.access_token:
            answer = self.call("POST", "/api/sessions", body, headers)
        else:
            self.keychain.save()
            body["device"] = self.description()
            answer = self.connection.call(
                "POST", "/api/sessions", body, headers=headers, prover=self.prover(self.binds)
            )
            self._keep(answer["tokens"])
        if answer["session_token"]:
            self.keep_part(answer["id"], answer["session_token"], is_bound=self.is_bound())
        return without_secrets(answer)

    def keep_part(self, session: str, token: str, *, is_bound: bool, **facts: Any) -> None:
        """Remember what this device is in a session, with the token that takes part."""
        self.keychain.sessions[session] = token
        part = self.keychain.parts.setdefault(session, {"participant_id": None, "host_id": None})
        part |= {"is_bound": is_bound, **facts}
        self.keychain.save()

    def end(self, session: str) -> dict[str, Any]:
        """End a session that this device's account or guest hosts."""
        return self.call("POST", f"/api/sessions/{named(session)}/end")

    def refresh(self) -> dict[str, Any]:
        """Exchange the refresh token for new tokens."""
        answer = self.connection.call(
            "POST",
            "/api/token",
            {"grant_type": "refresh_token", "refresh_token": self._needed(self.keychain.refresh_token)},
            prover=self.prover(self.is_bound()),
        )
        self._keep(answer)
        return {"refreshed": True, "expires_in": answer["expires_in"]}

    def sign_out(self) -> dict[str, Any]:
        """Sign this device out, at the portal and here."""
        body = {"token": self._needed(self.keychain.refresh_token)}
        self.connection.call("POST", "/api/revoke", body, prover=self.prover(self.is_bound()))
        self.keychain.forget_tokens()
        return {"signed_out": True}

    def whoami(self) -> dict[str, Any]:
        """The device's own record, as the portal has it."""
        return self.call("GET", "/api/device")

    def call(
        self,
        method: str,
        path: str,
        body: dict[str, Any] | None = None,
        headers: dict[str, str] | None = None,
    ) -> dict[str, Any]:
        """A call with the access token; an expired one is refreshed first, as an app does it."""
        self._needed(self.keychain.access_token)
        try:
            return self._call_once(method, path, body, headers)
        except Failure as refusal:
            if refusal.document.get("code") != "token_expired":
                raise
        self.refresh()
        return self._call_once(method, path, body, headers)

    def _call_once(
        self, method: str, path: str, body: dict[str, Any] | None, headers: dict[str, str] | None
    ) -> dict[str, Any]:
        return self.connection.call(
            method,
            path,
            body,
            token=self.keychain.access_token,
            prover=self.prover(self.is_bound()),
            headers=headers,
        )

    def _authenticated(self, email: str, ask: Callable[[str], str]) -> str:
        """The session token of a finished sign-in."""
        step = self.connection.sign_in_step
        answer = step("POST", "login", {"email": email, "password": ask("Password")})
        held = _session_token(answer)
        if _pending(answer) == SECOND_FACTOR:
            answer = step("POST", "2fa/authenticate", {"code": ask("Code of the second factor")}, held=held)
            held = _session_token(answer) or held
        if answer["status"] != 200:
            raise _refused(answer)
        return held

    def _log_in(self, proven_by: dict[str, Any], headers: dict[str, str] | None = None) -> dict[str, Any]:
        # Before the call: should its answer be lost for good, the next try comes from the same device.
        self.keychain.save()
        prover = self.prover(self.binds)
        body = {**proven_by, "device": self.description()}
        answer = self.connection.call("POST", "/api/device-login", body, headers=headers, prover=prover)
        if "poll_token" in answer:
            answer = self._poll(answer, prover)
        self.keychain.sessions, self.keychain.envelopes = {}, {}
        self._keep(answer)
        return answer

    def _poll(self, asked: dict[str, Any], prover: Prover | None) -> dict[str, Any]:
        """Wait until the person has picked the digits; whoever holds the phone reads them here."""
        self.tell({"digits": asked["digits"]})
        answer = asked
        while "access_token" not in answer:
            time.sleep(asked["interval"])
            body = {"poll_token": asked["poll_token"]}
            answer = self.connection.call("POST", "/api/device-login/poll", body, prover=prover)
        return answer

    def is_bound(self) -> bool:
        return self.keychain.token_type == "DPoP"  # noqa: S105

    def prover(self, is_wanted: bool) -> Prover | None:
        return Prover(self.keychain.proof_key) if is_wanted else None

    def _needed(self, token: str) -> str:
        if not token:
            raise failure("not_signed_in", "This device is not signed in. Open a link or sign in first.")
        return token

    def _keep(self, answer: dict[str, Any]) -> None:
        self.keychain.token_type = answer["token_type"]
        self.keychain.access_token = answer["access_token"]
        self.keychain.refresh_token = answer["refresh_token"]
        self.keychain.save()

    def description(self) -> dict[str, Any]:
        facts = self.keychain.facts
        return {
            "device_id": self.keychain.device_id,
            "name": facts.get("name", ""),
            "model": facts["model"],
            "device_type_id": device_type(facts["model"], facts["platform"]),
            "platform": facts["platform"],
            "os_version": facts["os_version"],
            "app_version": facts["app_version"],
            "public_key": self.keychain.public_key,
        }


def device_type(model: str, platform: str) -> str:
    """What a device of that model is: "phone", "tablet" or "computer"."""
    if platform not in ("ios", "ipados", "android"):
        return "computer"
    words = model.lower().split()
    is_tablet = platform == "ipados" or any(word.startswith(TABLETS) for word in words)
    return "tablet" if is_tablet else "phone"


def _opened(link: str, keys: Sequence[bytes]) -> dict[str, Any]:
    try:
        return open_link(link, keys)
    except UnknownKey as error:
        raise failure(
            "key_missing",
            f"This link was made with the key {error.kid}, which CRYPTO_KEY does not hold.",
            exit_code=KEY_MISSING,
            kid=error.kid,
            keys=[key_id(key) for key in keys],
        ) from error
    except DeepLinkError as error:
        raise failure("link_unreadable", str(error)) from error


def _session_token(answer: dict[str, Any]) -> str:
    return str(answer.get("meta", {}).get("session_token", ""))


def _pending(answer: dict[str, Any]) -> str | None:
    """The step that allauth waits for."""
    flows = answer.get("data", {}).get("flows", [])
    return next((str(flow["id"]) for flow in flows if flow.get("is_pending")), None)


def _refused(answer: dict[str, Any]) -> Failure:
    """A refusal in allauth's shape, as a document in ours."""
    for error in answer.get("errors", []):
        return failure(error["code"], error["message"], status=answer["status"])
    if answer["status"] == 429:
        return failure("too_many_requests", "Too many attempts. Wait a few minutes.", status=429)
    if _pending(answer) == "verify_email":
        return failure(
            "email_unverified",
            "The address is not verified: a code was mailed to it.",
            status=answer["status"],
        )
    return failure("sign_in_refused", "The portal does not let this account in.", status=answer["status"])


def named(text: str, what: str = "session") -> str:
    """An id as it is written here."""
    try:
        return str(uuid.UUID(text))
    except ValueError:
        raise failure(f"not_a_{what}", f"A {what} is named by its id.") from None


def without_secrets(answer: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in answer.items() if name not in SECRETS}
