"""The formats of docs/encryption.md, from it and the RFCs alone, with an arithmetic of its own.

Nothing here imports what the vectors are to test, so that a mistake would have to be made twice.
"""

import base64
import hashlib
import hmac
import json
import uuid

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

P = 2**256 - 2**224 + 2**192 + 2**96 - 1
A = P - 3
G = (
    0x6B17D1F2E12C4247F8BCE6E563A440F277037D812DEB33A0F4A13945D898C296,
    0x4FE342E2FE1A7F9B8EE7EB4A7C0F9E162BCE33576B315ECECBB6406837BF51F5,
)

SESSION = "0f8fad5b-d9cb-469f-a165-70867728950e"
OTHER_SESSION = "7c9e6679-7425-40de-944b-e07fc1f90ae7"
HOST = "11111111-2222-4333-8444-555555555555"
JOINER = "aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee"
NO_SESSION = str(uuid.UUID(int=0))


def add(a, b):
    """Two points of the curve; None is the one at infinity."""
    if a is None or b is None:
        return a or b
    if a[0] == b[0] and (a[1] + b[1]) % P == 0:
        return None
    if a == b:
        slope = (3 * a[0] * a[0] + A) * pow(2 * a[1], -1, P)
    else:
        slope = (b[1] - a[1]) * pow(b[0] - a[0], -1, P)
    x = (slope * slope - a[0] - b[0]) % P
    return x, (slope * (a[0] - x) - a[1]) % P


def times(scalar, point):
    total = None
    while scalar:
        if scalar & 1:
            total = add(total, point)
        point, scalar = add(point, point), scalar >> 1
    return total


def b64(raw):
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def unb64(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def some(label, length=32):
    """Bytes that look like chance and are the same each time."""
    return hashlib.shake_256(f"medimic test vector: {label}".encode()).digest(length)


def pair(label):
    scalar = int.from_bytes(some(label)) >> 1
    x, y = times(scalar, G)
    return {
        "kty": "EC",
        "crv": "P-256",
        "x": b64(x.to_bytes(32)),
        "y": b64(y.to_bytes(32)),
        "d": b64(scalar.to_bytes(32)),
    }


def public(key):
    return {name: key[name] for name in ("kty", "crv", "x", "y")}


def point_of(key):
    return b"\x04" + unb64(key["x"]) + unb64(key["y"])


def sha(data):
    return hashlib.sha256(data).digest()


def thumbprint(key):
    text = json.dumps({name: key[name] for name in ("crv", "kty", "x", "y")}, separators=(",", ":"))
    return sha(text.encode())


def commitment(key, nonce):
    return sha(b"medimic/commitment/v1\x00" + point_of(key) + nonce)


def digits(context, subject, host_key, host_nonce, joiner_key, joiner_nonce):  # as in docs/encryption.md
    message = b"medimic/digits/v1\x00" + uuid.UUID(context).bytes + uuid.UUID(subject).bytes
    message += point_of(host_key) + host_nonce + point_of(joiner_key) + joiner_nonce
    return str(int.from_bytes(sha(message)[:8]) % 1_000_000).zfill(6)


def hkdf(secret, salt, info):
    """RFC 5869, one block."""
    extracted = hmac.new(salt, secret, "sha256").digest()
    return hmac.new(extracted, info + b"\x01", "sha256").digest()


def aes(key, block):
    encryptor = Cipher(algorithms.AES(key), modes.ECB()).encryptor()  # noqa: S305 - RFC 3394 is made of single blocks
    return encryptor.update(block) + encryptor.finalize()


def key_wrap(kek, key):
    """RFC 3394, section 2.2.1."""
    a, r = b"\xa6" * 8, [key[at : at + 8] for at in range(0, len(key), 8)]
    for j in range(6):
        for i in range(len(r)):
            block = aes(kek, a + r[i])
            a = (int.from_bytes(block[:8]) ^ (len(r) * j + i + 1)).to_bytes(8)
            r[i] = block[8:]
    return a + b"".join(r)


def envelope(session, session_key, sender, recipient):
    scalar = int.from_bytes(unb64(sender["d"]))
    other = tuple(int.from_bytes(unb64(recipient[name])) for name in ("x", "y"))
    shared = times(scalar, other)[0].to_bytes(32)
    info = b"medimic/envelope/v1\x00" + thumbprint(sender) + thumbprint(recipient)
    return b64(key_wrap(hkdf(shared, uuid.UUID(session).bytes, info), session_key))


def gcm(key, nonce, plain, aad):
    encryptor = Cipher(algorithms.AES(key), modes.GCM(nonce)).encryptor()
    encryptor.authenticate_additional_data(aad)
    return encryptor.update(plain) + encryptor.finalize() + encryptor.tag


def segment(session_key, session, participant, sequence, nonce, text):
    plain = text if isinstance(text, bytes) else text.encode()
    while len(plain) % 64:
        plain += b" "
    aad = b"medimic/segment/v1\x00" + uuid.UUID(session).bytes + uuid.UUID(participant).bytes
    return b64(gcm(session_key, nonce, plain, aad + sequence.to_bytes(8, "big")))


def said(text, seen=None, name="Dr. Ada Young", role="provider"):
    return {
        "v": 1,
        "type": "text",
        "text": text,
        "speaker": {"name": name, "role": role},
        "at": "2026-11-22T09:30:00.000Z",
        "seen": seen or {},
    }


def compact(content):
    return json.dumps(content, ensure_ascii=False, separators=(",", ":"))


KEYS = {name: pair(name) for name in ("host", "joiner", "stranger")}
SESSION_KEY = some("session key")
NONCES = {name: some(f"{name} nonce") for name in KEYS}


def flipped(text, byte=0, bit=1):
    raw = bytearray(unb64(text))
    raw[byte] ^= bit
    return b64(bytes(raw))


def all_digits():
    cases = [
        (SESSION, JOINER, "host", "joiner"),
        (NO_SESSION, "99999999-8888-4777-8666-555555555555", "host", "joiner"),
        (OTHER_SESSION, JOINER, "host", "joiner"),
        (SESSION, JOINER, "stranger", "joiner"),
    ]
    nonces = {**NONCES}
    made = []
    for context, subject, host, joiner in cases:
        made.append(
            {
                "context": context,
                "subject": subject,
                "host_key": public(KEYS[host]),
                "host_nonce": b64(nonces[host]),
                "joiner_key": public(KEYS[joiner]),
                "joiner_nonce": b64(nonces[joiner]),
                "digits": digits(context, subject, KEYS[host], nonces[host], KEYS[joiner], nonces[joiner]),
            }
        )
    # One that begins with zeros.
    number = 0
    while not made[-1]["digits"].startswith("00"):
        number += 1
        nonce = some(f"zeros {number}")
        made[-1]["joiner_nonce"] = b64(nonce)
        made[-1]["digits"] = digits(
            SESSION, JOINER, KEYS["stranger"], nonces["stranger"], KEYS["joiner"], nonce
        )
    return made


def all_envelopes():
    pairs = [("host", "host", SESSION), ("host", "joiner", SESSION), ("joiner", "host", SESSION)]
    pairs.append(("host", "joiner", OTHER_SESSION))
    return [
        {
            "session": session,
            "session_key": b64(SESSION_KEY),
            "sender": KEYS[sender],
            "recipient": KEYS[recipient],
            "wrapped": envelope(session, SESSION_KEY, KEYS[sender], KEYS[recipient]),
        }
        for sender, recipient, session in pairs
    ]


def one_segment(participant, sequence, content, *, session=SESSION, nonce=None, text=None, key=SESSION_KEY):
    nonce = nonce or some(f"{session} {participant} {sequence} {content}", 12)
    return {
        "session_key": b64(key),
        "session": session,
        "participant": participant,
        "sequence": sequence,
        "content": content,
        "nonce": b64(nonce),
        "ciphertext": segment(key, session, participant, sequence, nonce, text or compact(content)),
    }


def all_segments():
    return [
        one_segment(HOST, 1, said("How are you today?")),
        one_segment(
            JOINER, 1, said('Boli mnie głowa 🤕 "od" 3 dni\\\n\tü\u2028', {HOST: 1}, "Łucja", "patient")
        ),
        one_segment(HOST, 2**53 - 1, said("")),
        one_segment(HOST, 300, said("x" * 16000)),
        one_segment(HOST, 2, {"v": 1, "type": "end", "seen": {HOST: 1, JOINER: 1}}),
        # Exactly one block: nothing is added.
        one_segment(
            HOST, 3, {"v": 1, "type": "end", "seen": {HOST: 1}, "pad": "." * 8 * 1}, nonce=some("12", 12)
        ),
    ]
