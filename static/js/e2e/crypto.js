// End-to-end encryption of transcripts, as docs/encryption.md describes it: pure functions.
//
// Keys travel as JWKs, everything else that is binary as base64url without padding, ids as UUIDs.
// A private key is a CryptoKey for ECDH, a session's key one for AES-GCM.
// medimic/simulator/encryption.py is the same in Python; tests/vectors/encryption.json holds both to it.

export const NO_SESSION = "00000000-0000-0000-0000-000000000000";
export const LONGEST_CIPHERTEXT = 16 * 1024;
// What may be wrong with a transcript, in the order in which it is said.
export const PROBLEMS = ["changed", "repeated", "missing", "order", "end"];

const KEY_BYTES = 32;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const HANDSHAKE_NONCE_BYTES = 32;
const WRAPPED_BYTES = 40;
// Plain text is filled up to whole blocks, so that its length tells less.
const BLOCK_BYTES = 64;
const VERSION = 1;
const CURVE = { name: "ECDH", namedCurve: "P-256" };

const { subtle } = globalThis.crypto;

// What came is not what it says it is.
export class Refused extends Error {}

// More than one segment holds.
export class TooLong extends Error {}

export function encode(bytes) {
  const text = Array.from(bytes, (byte) => String.fromCharCode(byte)).join("");
  return btoa(text).replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");
}

// The bytes of base64url in its one canonical form, of that length.
export function decode(text, length) {
  if (typeof text !== "string" || !/^[\w-]*$/.test(text)) throw new Refused("That is not base64url.");
  let raw;
  try {
    raw = atob(text.replaceAll("-", "+").replaceAll("_", "/"));
  } catch {
    throw new Refused("That is not base64url.");
  }
  const bytes = Uint8Array.from(raw, (character) => character.charCodeAt(0));
  if (encode(bytes) !== text || (length !== undefined && bytes.length !== length)) {
    throw new Refused("That is not base64url of the right length.");
  }
  return bytes;
}

// What one side adds to one handshake.
export function newNonce() {
  return encode(crypto.getRandomValues(new Uint8Array(HANDSHAKE_NONCE_BYTES)));
}

// A device's key pair; the private half never leaves the browser.
export function newPair() {
  return subtle.generateKey(CURVE, false, ["deriveBits"]);
}

// A new key for a session. It can be wrapped for others, and so it can be read out here.
export function newSessionKey() {
  return subtle.generateKey({ name: "AES-GCM", length: 256 }, true, ["encrypt", "decrypt"]);
}

export function importSessionKey(bytes) {
  return subtle.importKey("raw", bytes, "AES-GCM", true, ["encrypt", "decrypt"]);
}

export async function publicJwk(publicKey) {
  const { kty, crv, x, y } = await subtle.exportKey("jwk", publicKey);
  return { kty, crv, x, y };
}

// RFC 7638, SHA-256.
export async function thumbprint(publicKey) {
  return encode(await thumbprintBytes(publicKey));
}

// What the joiner sends first: it fixes key and nonce, and tells neither.
export async function commitment(publicKey, nonce) {
  const nonceBytes = decode(nonce, HANDSHAKE_NONCE_BYTES);
  return encode(await digest("medimic/commitment/v1", await point(publicKey), nonceBytes));
}

// Whether what was revealed is what was committed to.
export async function fits(committed, publicKey, nonce) {
  try {
    return (await commitment(publicKey, nonce)) === committed;
  } catch (error) {
    if (error instanceof Refused) return false;
    throw error;
  }
}

// The six digits that both people compare, like "042117". For joining: session and participant.
// For a key request: NO_SESSION and the request, the device that answers in the host's place.
export async function digits(context, subject, hostKey, hostNonce, joinerKey, joinerNonce) {
  const hash = await digest(
    "medimic/digits/v1",
    uuid(context),
    uuid(subject),
    await point(hostKey),
    decode(hostNonce, HANDSHAKE_NONCE_BYTES),
    await point(joinerKey),
    decode(joinerNonce, HANDSHAKE_NONCE_BYTES),
  );
  const number = new DataView(hash.buffer).getBigUint64(0);
  return String(number % 1_000_000n).padStart(6, "0");
}

// As people read them: "042 117".
export function grouped(six) {
  return `${six.slice(0, 3)} ${six.slice(3)}`;
}

// An envelope: the session's key for `recipient`, such as only the holder of `pair` makes.
// `pair` is {privateKey: CryptoKey, publicKey: JWK}.
export async function wrap(sessionKey, session, pair, recipient) {
  const kek = await envelopeKey(session, pair.privateKey, recipient, pair.publicKey, recipient, "wrapKey");
  return encode(new Uint8Array(await subtle.wrapKey("raw", sessionKey, kek, "AES-KW")));
}

// The session's key; refused unless `sender` made it for this pair and this session.
export async function unwrap(wrapped, session, pair, sender) {
  const bytes = decode(wrapped, WRAPPED_BYTES);
  const kek = await envelopeKey(session, pair.privateKey, sender, sender, pair.publicKey, "unwrapKey");
  try {
    return await subtle.unwrapKey("raw", bytes, kek, "AES-KW", "AES-GCM", true, ["encrypt", "decrypt"]);
  } catch {
    throw new Refused("This envelope was not made by that key for this one.");
  }
}

// {nonce, ciphertext} of one segment; `place` is {session, participant, sequence}.
// A nonce of one's own is for test vectors alone.
export async function encryptSegment(sessionKey, place, content, nonce) {
  const iv = nonce ?? crypto.getRandomValues(new Uint8Array(NONCE_BYTES));
  const whole = (_, value) => (typeof value === "string" ? value.toWellFormed() : value);
  const text = new TextEncoder().encode(JSON.stringify(content, whole));
  const plain = new Uint8Array(Math.ceil(text.length / BLOCK_BYTES) * BLOCK_BYTES).fill(0x20);
  plain.set(text);
  if (plain.length + TAG_BYTES > LONGEST_CIPHERTEXT) throw new TooLong();
  const settings = { name: "AES-GCM", iv, additionalData: placeBytes(place) };
  const sealed = await subtle.encrypt(settings, sessionKey, plain);
  return { nonce: encode(iv), ciphertext: encode(new Uint8Array(sealed)) };
}

// The content; refused where it was changed, or stands where it was not written.
export async function decryptSegment(sessionKey, place, { nonce, ciphertext }) {
  const additionalData = placeBytes(place);
  const settings = { name: "AES-GCM", iv: decode(nonce, NONCE_BYTES), additionalData };
  const sealed = decode(ciphertext);
  let content;
  try {
    const plain = await subtle.decrypt(settings, sessionKey, sealed);
    content = JSON.parse(new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(plain));
  } catch {
    throw new Refused("This part was changed or does not belong here.");
  }
  if (!isContent(content)) throw new Refused("This part is not one that a client writes.");
  return content;
}

// A row of the server's answer, decrypted if it is what it says: content is null where it is not.
export async function openRow(sessionKey, session, row) {
  const { sequence, nonce, ciphertext, position } = row;
  const participant = String(row.participant_id).toLowerCase();
  const part = { participant, sequence, nonce, position, isLate: Boolean(row.is_late), content: null };
  try {
    part.content = await decryptSegment(sessionKey, { session, participant, sequence }, { nonce, ciphertext });
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
  }
  return part;
}

// Say what is repeated, missing, out of order or cut off: {parts, warnings}. Each part gets `problem`
// (of its own) and `before` (what is to be said before it); `warnings` has each kind once.
// `host` is the host's participant, null where it is not known; `known` the highest sequence per participant that this device
// itself delivered (the vault's `delivered`).
export function checkTranscript(openedParts, { host, isOver, known = {} }) {
  const parts = openedParts.toSorted((a, b) => a.position - b.position);
  const sound = soundParts(parts);
  const there = new Map();
  for (const { participant, sequence } of sound) {
    if (!there.has(participant)) there.set(participant, new Set());
    there.get(participant).add(sequence);
  }
  const highest = new Map();
  for (const part of sound) {
    part.before = saidBefore(part, highest, there);
    highest.set(part.participant, Math.max(part.sequence, highest.get(part.participant) ?? 0));
  }
  const found = new Set(parts.flatMap((part) => [part.problem, ...part.before]));
  for (const [name, number] of Object.entries(known)) {
    if ((highest.get(name.toLowerCase()) ?? 0) < number) found.add("missing");
  }
  if (isOver && !isEnded(sound, host, highest)) found.add("end");
  return { parts, warnings: PROBLEMS.filter((problem) => found.has(problem)) };
}

// Those that opened, each place and each nonce once; the others get their problem.
function soundParts(parts) {
  const places = new Set();
  const nonces = new Set();
  return parts.filter((part) => {
    const place = `${part.participant}/${part.sequence}`;
    part.before = [];
    part.problem = null;
    if (part.content === null) part.problem = "changed";
    else if (places.has(place) || nonces.has(part.nonce)) part.problem = "repeated";
    if (part.problem) return false;
    places.add(place);
    nonces.add(part.nonce);
    return true;
  });
}

// What is to be said before a part, from what stands before it and what its writer had seen.
function saidBefore(part, highest, there) {
  const wanted = Object.entries(part.content.seen).map(([name, number]) => [name.toLowerCase(), number]);
  const others = wanted.filter(([name]) => name !== part.participant);
  const words = new Set();
  for (const [name, number] of [[part.participant, part.sequence - 1], ...others]) {
    if (number > (highest.get(name) ?? 0)) words.add(there.get(name)?.has(number) ? "order" : "missing");
  }
  if (part.sequence < (highest.get(part.participant) ?? 0)) words.add("order");
  return PROBLEMS.filter((problem) => words.has(problem));
}

// Whether the host's last part says that this is the end, and all that the host had read is here.
function isEnded(sound, host, highest) {
  const isEnd = (part) => part.content.type === "end";
  const writers = host ? [host.toLowerCase()] : sound.filter(isEnd).map((part) => part.participant);
  return sound.some(
    (part) =>
      isEnd(part) &&
      writers.includes(part.participant) &&
      part.sequence === highest.get(part.participant) &&
      Object.entries(part.content.seen).every(([name, number]) => number <= (highest.get(name.toLowerCase()) ?? 0)),
  );
}

// Whoever has the key can encrypt anything; what is shown has this shape.
function isContent(content) {
  if (!isRecord(content) || content.v !== VERSION || !isRecord(content.seen)) return false;
  if (!Object.values(content.seen).every((number) => Number.isSafeInteger(number) && number >= 0)) return false;
  if (content.type === "end") return true;
  const { type, text, at, speaker } = content;
  return type === "text" && isRecord(speaker) && [text, at, speaker.name, speaker.role].every(isText);
}

function isRecord(value) {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

// Whole characters: half of a pair can be written down in JSON, and shown nowhere.
function isText(value) {
  return typeof value === "string" && value.isWellFormed();
}

// What is authenticated beside the content: where it belongs.
function placeBytes({ session, participant, sequence }) {
  if (!Number.isSafeInteger(sequence) || sequence < 1) throw new Refused("That is no sequence number.");
  const number = new DataView(new ArrayBuffer(8));
  number.setBigUint64(0, BigInt(sequence));
  return joined(labelled("medimic/segment/v1"), uuid(session), uuid(participant), new Uint8Array(number.buffer));
}

async function envelopeKey(session, privateKey, other, sender, recipient, usage) {
  const salt = uuid(session);
  const info = joined(
    labelled("medimic/envelope/v1"),
    await thumbprintBytes(sender),
    await thumbprintBytes(recipient),
  );
  const otherKey = await subtle.importKey("raw", await point(other), CURVE, false, []);
  const shared = await subtle.deriveBits({ name: "ECDH", public: otherKey }, privateKey, 256);
  const material = await subtle.importKey("raw", shared, "HKDF", false, ["deriveKey"]);
  const settings = { name: "HKDF", hash: "SHA-256", salt, info };
  return subtle.deriveKey(settings, material, { name: "AES-KW", length: 256 }, false, [usage]);
}

async function digest(label, ...parts) {
  return new Uint8Array(await subtle.digest("SHA-256", joined(labelled(label), ...parts)));
}

function labelled(label) {
  return new TextEncoder().encode(`${label}\0`);
}

function joined(...parts) {
  const whole = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

function uuid(text) {
  if (typeof text !== "string" || !/^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/i.test(text)) {
    throw new Refused("That is no id.");
  }
  return Uint8Array.from(text.replaceAll("-", "").match(/../g), (pair) => parseInt(pair, 16));
}

// Uncompressed, 65 bytes; refused for what is no point of the curve.
async function point(key) {
  if (key?.kty !== "EC" || key.crv !== "P-256") throw new Refused("That is no P-256 key.");
  const bytes = joined(Uint8Array.of(4), decode(key.x, KEY_BYTES), decode(key.y, KEY_BYTES));
  try {
    await subtle.importKey("raw", bytes, CURVE, false, []);
  } catch {
    throw new Refused("That is no point of the curve.");
  }
  return bytes;
}

async function thumbprintBytes(key) {
  await point(key);
  const text = `{"crv":"P-256","kty":"EC","x":"${key.x}","y":"${key.y}"}`;
  return new Uint8Array(await subtle.digest("SHA-256", new TextEncoder().encode(text)));
}
