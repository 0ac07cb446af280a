"""A simulated device: what its owner can do with it."""

import uuid
from collections.abc import Sequence
from typing import Any

from devices.deep_link import DeepLinkError, UnknownKey, key_id, open_link
from medimic.simulator.connection import Connection
from medimic.simulator.errors import KEY_MISSING, Failure, failure
from medimic.simulator.keychain import Keychain

SECRETS = ("access_token", "refresh_token", "session_token", "token_type", "tokens", "expires_in")
# A tablet calls itself so in its model's name.
TABLETS = ("ipad", "tab", "pad")


class Phone:
    """One device at one portal. Each verb returns what is to be printed, without secrets."""

    def __init__(self, keychain: Keychain, connection: Connection) -> None:
        self.keychain = keychain
        self.connection = connection

    def open(self, link: str, keys: Sequence[bytes]) -> dict[str, Any]:
        """Sign in with a deep link."""
        content = _opened(link, keys)
        # Before the call: should its answer be lost for good, the next try comes from the same device.
        self.keychain.save()
        answer = self.connection.call(
            "POST",
            "/api/device-login",
            {"token": content.get("token"), "device": self._description()},
            headers={"X-Api-Key": str(content.get("api_key", ""))},
        )
        self.keychain.sessions = {}
        self._keep(answer)
        facts = {name: value for name, value in content.items() if name not in ("token", "api_key")}
        return {**_without_secrets(answer), **facts}

    def start_session(self, name: str, mode: str) -> dict[str, Any]:
        """Start a session: for the account that is signed in, or else as a guest."""
        body: dict[str, Any] = {"name": name, "mode": mode}
        headers = {"Idempotency-Key": str(uuid.uuid4())}
        if self.keychain.access_token:
            answer = self._call("POST", "/api/sessions", body, headers)
        else:
            self.keychain.save()
            body["device"] = self._description()
            answer = self.connection.call("POST", "/api/sessions", body, headers=headers)
            self._keep(answer["tokens"])
        if answer["session_token"]:
            self.keychain.sessions[answer["id"]] = answer["session_token"]
            self.keychain.save()
        return _without_secrets(answer)

    def end(self, session: str) -> dict[str, Any]:
        """End a session that this device's account or guest hosts."""
        answer = self._call("POST", f"/api/sessions/{_id(session)}/end")
        if self.keychain.sessions.pop(session, None):
            self.keychain.save()
        return answer

    def refresh(self) -> dict[str, Any]:
        """Exchange the refresh token for new tokens."""
        answer = self.connection.call(
            "POST",
            "/api/token",
            {"grant_type": "refresh_token", "refresh_token": self._needed(self.keychain.refresh_token)},
        )
        self._keep(answer)
        return {"refreshed": True, "expires_in": answer["expires_in"]}

    def sign_out(self) -> dict[str, Any]:
        """Sign this device out, at the portal and here."""
        self.connection.call("POST", "/api/revoke", {"token": self._needed(self.keychain.refresh_token)})
        self.keychain.forget_tokens()
        return {"signed_out": True}

    def whoami(self) -> dict[str, Any]:
        """The device's own record, as the portal has it."""
        return self._call("GET", "/api/device")

    def _call(
        self,
        method: str,
        path: str,
        body: dict[str, Any] | None = None,
        headers: dict[str, str] | None = None,
    ) -> dict[str, Any]:
        """A call with the access token; an expired one is refreshed first, as an app does it."""
        bearer = self._needed(self.keychain.access_token)
        try:
            return self.connection.call(method, path, body, bearer=bearer, headers=headers)
        except Failure as refusal:
            if refusal.document.get("code") != "token_expired":
                raise
        self.refresh()
        return self.connection.call(method, path, body, bearer=self.keychain.access_token, headers=headers)

    def _needed(self, token: str) -> str:
        if not token:
            raise failure("not_signed_in", "This device is not signed in. Open a link first.")
        return token

    def _keep(self, answer: dict[str, Any]) -> None:
        self.keychain.access_token = answer["access_token"]
        self.keychain.refresh_token = answer["refresh_token"]
        self.keychain.save()

    def _description(self) -> dict[str, Any]:
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


def _id(session: str) -> str:
    try:
        return str(uuid.UUID(session))
    except ValueError:
        raise failure("not_a_session", "A session is named by its id, as start-session prints it.") from None


def _without_secrets(answer: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in answer.items() if name not in SECRETS}
