"""Apple's service, Google's, and a browser's: they check what the real ones check, refuse what they do
not know, and keep what they took.

What a real one does beyond its documentation, they do not show.
"""

import re
import ssl
import time
import uuid
from urllib.parse import parse_qs

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from devices.push_services import webpush
from tests.push_services.http2 import Reply, Request, Server, reply_json
from tests.push_services.receiving import Browser

LARGEST = 4096
HOUR = 3600


def pem(key) -> str:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()


class Service:
    """What the three have in common. `devices`: what each token is, such as "here" or "gone"."""

    def __init__(self, context: ssl.SSLContext) -> None:
        self.server = Server(self.answer, context)
        self.devices: dict[str, str] = {}
        self.taken: list[Request] = []

    def answer(self, request: Request) -> Reply:
        raise NotImplementedError

    def forget(self) -> None:
        self.server.forget()
        self.devices.clear()
        self.taken.clear()


class Apple(Service):
    KEY_ID, TEAM, TOPIC = "ABC123DEFG", "TEAM123456", "ai.medimic.app"
    HEADERS = {
        "authorization", "apns-id", "apns-topic", "apns-push-type", "apns-priority", "apns-expiration",
        "apns-collapse-id", "content-type", "content-length", "accept", "accept-encoding", "user-agent",
    }  # fmt: skip

    def __init__(self, context: ssl.SSLContext) -> None:
        super().__init__(context)
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.skew = 0

    def forget(self) -> None:
        super().forget()
        self.skew = 0

    def settings(self) -> dict[str, str]:
        return {
            "APNS_KEY": pem(self.key),
            "APNS_KEY_ID": self.KEY_ID,
            "APNS_TEAM_ID": self.TEAM,
            "APNS_TOPIC": self.TOPIC,
            "APNS_API_BASE": self.server.origin,
        }

    def answer(self, request: Request) -> Reply:
        status, reason = self._judge(request)
        headers = {"apns-id": request.headers.get("apns-id", "")}
        if status == 200:
            self.taken.append(request)
            return Reply(200, b"", headers)
        return reply_json(status, {"reason": reason}, **headers)

    def _judge(self, request: Request) -> tuple[int, str]:
        path = re.fullmatch(r"/3/device/([0-9a-f]+)", request.path)
        if not path or request.method != "POST":
            return (404, "BadPath") if not path else (405, "MethodNotAllowed")
        if unknown := request.headers.keys() - self.HEADERS:
            raise AssertionError(f"APNs knows no {unknown}")
        return (
            self._token_fault(request.headers.get("authorization", ""))
            or self._header_fault(request.headers)
            or self._payload_fault(request)
            or {
                "here": (200, ""),
                "gone": (410, "Unregistered"),
                "another app's": (400, "DeviceTokenNotForTopic"),
            }.get(self.devices.get(path[1], ""), (400, "BadDeviceToken"))
        )

    def _token_fault(self, header: str) -> tuple[int, str] | None:
        if not header.startswith("bearer "):
            return 403, "MissingProviderToken"
        token = header.removeprefix("bearer ")
        try:
            claims = jwt.decode(
                token, self.key.public_key(), algorithms=["ES256"], options={"verify_iat": False}
            )
        except jwt.InvalidTokenError:
            return 403, "InvalidProviderToken"
        if jwt.get_unverified_header(token)["kid"] != self.KEY_ID or claims.keys() != {"iss", "iat"}:
            return 403, "InvalidProviderToken"
        if claims["iss"] != self.TEAM:
            return 403, "InvalidProviderToken"
        age = time.time() + self.skew - claims["iat"]
        return None if -HOUR < age < HOUR else (403, "ExpiredProviderToken")

    def _header_fault(self, headers: dict[str, str]) -> tuple[int, str] | None:
        if not headers.get("apns-topic"):
            return 400, "MissingTopic"
        checks = (
            (headers["apns-topic"] == self.TOPIC, "TopicDisallowed"),
            (headers.get("apns-push-type") == "alert", "InvalidPushType"),
            (headers.get("apns-priority", "10") in ("1", "5", "10"), "BadPriority"),
            (headers.get("apns-expiration", "0").isdigit(), "BadExpirationDate"),
            (0 < len(headers.get("apns-collapse-id", "x").encode()) <= 64, "BadCollapseId"),
            (str(uuid.UUID(headers["apns-id"])) == headers["apns-id"], "BadMessageId"),
        )
        return next(((400, reason) for passed, reason in checks if not passed), None)

    def _payload_fault(self, request: Request) -> tuple[int, str] | None:
        if len(request.body) > LARGEST:
            return 413, "PayloadTooLarge"
        shown = request.json().get("aps", {}).get("alert", {})
        return None if shown.get("title") and shown.get("body") else (400, "PayloadEmpty")


class Google(Service):
    PROJECT, ACCOUNT, KEY_ID = "medimic-app", "push@medimic-app.iam.example", "key-1"
    MESSAGE = {"token", "notification", "data", "android"}
    ANDROID = {"collapse_key", "priority", "ttl", "notification"}

    def __init__(self, context: ssl.SSLContext) -> None:
        super().__init__(context)
        self.key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        self.tokens: set[str] = set()
        self.fetched = 0
        self.seconds = 3599

    def forget(self) -> None:
        super().forget()
        self.tokens.clear()
        self.fetched, self.seconds = 0, 3599

    def account(self) -> dict[str, str]:
        return {
            "type": "service_account",
            "project_id": self.PROJECT,
            "private_key_id": self.KEY_ID,
            "private_key": pem(self.key),
            "client_email": self.ACCOUNT,
            "token_uri": f"{self.server.origin}/token",
        }

    def answer(self, request: Request) -> Reply:
        if request.method != "POST":
            return Reply(405)
        if request.path == "/token":
            return self._give_token(request)
        if request.path != f"/v1/projects/{self.PROJECT}/messages:send":
            return self._error(404, "NOT_FOUND")
        if request.headers.get("authorization", "").removeprefix("Bearer ") not in self.tokens:
            return self._error(401, "UNAUTHENTICATED")
        return self._take(request)

    def _give_token(self, request: Request) -> Reply:
        form = parse_qs(request.body.decode(), strict_parsing=True)
        assert form.keys() == {"grant_type", "assertion"}
        assert request.headers["content-type"] == "application/x-www-form-urlencoded"
        [assertion] = form["assertion"]
        try:
            claims = jwt.decode(
                assertion,
                self.key.public_key(),
                algorithms=["RS256"],
                audience=self.account()["token_uri"],
                issuer=self.ACCOUNT,
                options={"require": ["exp", "iat", "iss", "aud"], "verify_iat": False},
            )
        except jwt.InvalidTokenError:
            return reply_json(400, {"error": "invalid_grant"})
        assert form["grant_type"] == ["urn:ietf:params:oauth:grant-type:jwt-bearer"]
        assert claims["scope"] == "https://www.googleapis.com/auth/firebase.messaging"
        assert jwt.get_unverified_header(assertion)["kid"] == self.KEY_ID
        assert claims["exp"] - claims["iat"] <= HOUR
        self.fetched += 1
        token = f"ya29.{uuid.uuid4().hex}"
        self.tokens.add(token)
        return reply_json(200, {"access_token": token, "expires_in": self.seconds, "token_type": "Bearer"})

    def _take(self, request: Request) -> Reply:
        found = request.json()
        message = found["message"]
        is_known = found.keys() == {"message"} and message.keys() == self.MESSAGE
        android = message["android"]
        if not is_known or android.keys() - self.ANDROID or not re.fullmatch(r"\d{1,7}s", android["ttl"]):
            return self._error(400, "INVALID_ARGUMENT", "INVALID_ARGUMENT")
        if not all(isinstance(value, str) for value in message["data"].values()):
            return self._error(400, "INVALID_ARGUMENT", "INVALID_ARGUMENT", field="message.data[0].value")
        if len(request.body) > LARGEST:
            return self._error(400, "INVALID_ARGUMENT")
        match self.devices.get(message["token"]):
            case "here":
                self.taken.append(request)
                return reply_json(200, {"name": f"projects/{self.PROJECT}/messages/{uuid.uuid4().hex}"})
            case "another sender's":
                return self._error(403, "PERMISSION_DENIED", "SENDER_ID_MISMATCH")
            case "gone":
                return self._error(404, "NOT_FOUND", "UNREGISTERED")
        return self._error(400, "INVALID_ARGUMENT", "INVALID_ARGUMENT", field="message.token")

    @staticmethod
    def _error(status: int, word: str, code: str = "", field: str = "") -> Reply:
        details: list[dict] = []
        if code:
            kind = "type.googleapis.com/google.firebase.fcm.v1.FcmError"
            details.append({"@type": kind, "errorCode": code})
        if field:
            wrong = [{"field": field, "description": "Invalid value"}]
            details.append({"@type": "type.googleapis.com/google.rpc.BadRequest", "fieldViolations": wrong})
        error = {"code": status, "message": "Told by Google.", "status": word, "details": details}
        return reply_json(status, {"error": error})


class PushService(Service):
    """A browser's. `devices` has the paths of its subscriptions."""

    SUBJECT = "mailto:push@medimic.example"

    def __init__(self, context: ssl.SSLContext) -> None:
        super().__init__(context)
        self.vapid_key = webpush.new_private_key()

    def settings(self) -> dict[str, object]:
        return {
            "VAPID_PRIVATE_KEY": self.vapid_key,
            "VAPID_SUBJECT": self.SUBJECT,
            "WEBPUSH_HOSTS": [f"localhost:{self.server.port}"],
        }

    def subscribe(self) -> Browser:
        browser = Browser(f"{self.server.origin}/push/{uuid.uuid4().hex}")
        self.devices[browser.path] = "here"
        return browser

    def answer(self, request: Request) -> Reply:
        if request.method != "POST":
            return Reply(405)
        state = self.devices.get(request.path)
        if state != "here":
            return Reply(410 if state == "gone" else 404)
        headers = request.headers
        if headers.get("content-encoding") != "aes128gcm" or not headers.get("ttl", "").isdigit():
            return Reply(400)
        if headers.get("urgency", "normal") not in ("very-low", "low", "normal", "high"):
            return Reply(400)
        if not re.fullmatch(r"[A-Za-z0-9_-]{1,32}", headers.get("topic", "x")):
            return Reply(400)
        if len(request.body) > LARGEST:
            return Reply(413)
        if not self._knows(headers.get("authorization", "")):
            return Reply(403)
        self.taken.append(request)
        return Reply(201, b"", {"location": f"{self.server.origin}/message/{uuid.uuid4().hex}", "ttl": "60"})

    def _knows(self, header: str) -> bool:
        """RFC 8292: signed by the very key that the browser subscribed with, for this service, for a day."""
        match = re.fullmatch(r"vapid t=([\w.-]+), k=([\w-]+)", header)
        if not match or match[2] != webpush.public_key():
            return False
        point = webpush._bytes(match[2])
        try:
            claims = jwt.decode(
                match[1],
                ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), point),
                algorithms=["ES256"],
                audience=self.server.origin,
                options={"require": ["exp", "aud", "sub"]},
            )
        except jwt.InvalidTokenError:
            return False
        return claims["sub"] == self.SUBJECT and claims["exp"] - time.time() <= 24 * HOUR
