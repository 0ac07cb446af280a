"""The browser's half of what tests/vectors/encryption.json asks of both clients.

The modules are the portal's own static files, loaded into one of its pages under its own policy.
"""

import json

import pytest

from tests.vectors import make

# Everything that goes wrong is named; an empty list is what the test wants. `checked` counts.
RUN = """async (vectors) => {
  const e2e = await import("/static/js/e2e/crypto.js");
  const failures = [];
  let checked = 0;
  const pair = async ({ d, ...jwk }) => ({
    privateKey: await crypto.subtle.importKey(
      "jwk", { ...jwk, d }, { name: "ECDH", namedCurve: "P-256" }, false, ["deriveBits"]),
    publicKey: jwk,
  });
  const key = (text) => e2e.importSessionKey(e2e.decode(text));
  const raw = async (key) => e2e.encode(new Uint8Array(await crypto.subtle.exportKey("raw", key)));
  const same = (what, is, wanted) => {
    checked += 1;
    if (JSON.stringify(is) !== JSON.stringify(wanted)) failures.push([what, is, wanted]);
  };
  const refused = async (what, attempt) => {
    checked += 1;
    try {
      failures.push([what, await attempt()]);
    } catch (error) {
      if (!(error instanceof e2e.Refused)) failures.push([what, String(error)]);
    }
  };
  for (const { public_key, thumbprint } of vectors.thumbprints) {
    same("thumbprint", await e2e.thumbprint(public_key), thumbprint);
  }
  for (const { public_key, nonce, commitment } of vectors.commitments) {
    same("commitment", await e2e.commitment(public_key, nonce), commitment);
    same("fits", await e2e.fits(commitment, public_key, nonce), true);
  }
  for (const c of vectors.digits) {
    const six = await e2e.digits(
      c.context, c.subject, c.host_key, c.host_nonce, c.joiner_key, c.joiner_nonce);
    same("digits", six, c.digits);
  }
  for (const c of vectors.envelopes) {
    const [sender, recipient] = [await pair(c.sender), await pair(c.recipient)];
    const wrapped = await e2e.wrap(await key(c.session_key), c.session, sender, recipient.publicKey);
    same("wrap", wrapped, c.wrapped);
    const opened = await e2e.unwrap(c.wrapped, c.session, recipient, sender.publicKey);
    same("unwrap", await raw(opened), c.session_key);
  }
  for (const c of vectors.segments) {
    const sessionKey = await key(c.session_key);
    const sealed = await e2e.encryptSegment(sessionKey, c, c.content, e2e.decode(c.nonce));
    same("encryptSegment", sealed, { nonce: c.nonce, ciphertext: c.ciphertext });
    same("decryptSegment", await e2e.decryptSegment(sessionKey, c, c), c.content);
  }
  for (const c of vectors.transcripts) {
    const sessionKey = await key(c.session_key);
    const opened = await Promise.all(c.rows.map((row) => e2e.openRow(sessionKey, c.session, row)));
    const { parts, warnings } = e2e.checkTranscript(
      opened, { host: c.host, isOver: c.is_over, known: c.known });
    const told = (name, is) => Object.fromEntries(
      parts.filter((part) => is(part[name])).map((part) => [part.position, part[name]]));
    same(c.why, warnings, c.warnings);
    same(c.why, told("problem", (problem) => problem !== null), c.problems);
    same(c.why, told("before", (before) => before.length), c.before);
  }
  const host = await pair(vectors.envelopes[0].sender);
  for (const { why, public_key } of vectors.refused.keys) {
    await refused(why, () => e2e.thumbprint(public_key));
    await refused(why, () => e2e.commitment(public_key, e2e.newNonce()));
    const sessionKey = await e2e.newSessionKey();
    await refused(why, () => e2e.wrap(sessionKey, vectors.envelopes[0].session, host, public_key));
  }
  for (const c of vectors.refused.commitments) {
    same(c.why, await e2e.fits(c.commitment, c.public_key, c.nonce), false);
  }
  for (const c of vectors.refused.envelopes) {
    const recipient = await pair(c.recipient);
    await refused(c.why, () => e2e.unwrap(c.wrapped, c.session, recipient, c.sender));
  }
  for (const c of vectors.refused.segments) {
    const sessionKey = await key(c.session_key);
    await refused(c.why, () => e2e.decryptSegment(sessionKey, c, c));
  }
  return { checked, failures };
}"""

FLIP = """async (c) => {
  const e2e = await import("/static/js/e2e/crypto.js");
  const key = await e2e.importSessionKey(e2e.decode(c.session_key));
  let refused = 0;
  for (const name of ["nonce", "ciphertext"]) {
    const bytes = e2e.decode(c[name]);
    for (let at = 0; at < bytes.length; at += 1) {
      for (let bit = 0; bit < 8; bit += 1) {
        const changed = Uint8Array.from(bytes);
        changed[at] ^= 1 << bit;
        try {
          await e2e.decryptSegment(key, c, { ...c, [name]: e2e.encode(changed) });
        } catch (error) {
          if (error instanceof e2e.Refused) refused += 1;
        }
      }
    }
  }
  return refused;
}"""

NONCES = """async (place) => {
  const e2e = await import("/static/js/e2e/crypto.js");
  const key = await e2e.newSessionKey();
  const nonces = new Set();
  for (let batch = 0; batch < 100; batch += 1) {
    const sealed = await Promise.all(Array.from({ length: 1000 }, () =>
      e2e.encryptSegment(key, place, { v: 1, type: "end", seen: {} })));
    for (const { nonce } of sealed) nonces.add(nonce);
  }
  return nonces.size;
}"""


@pytest.fixture(scope="module")
def vectors():
    return json.loads(make.FILE.read_text(encoding="utf-8"))


@pytest.fixture
def shown(page, shared_portal):
    """A page of the portal, with its policy."""
    answer = page.goto(f"{shared_portal.url}/accounts/login/")
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    return page


def test_the_browser_agrees_with_every_vector(shown, vectors):
    told = shown.evaluate(RUN, vectors)
    assert told["failures"] == []
    assert told["checked"] > 150


def test_every_flipped_bit_of_every_byte_is_refused(shown, vectors):
    case = vectors["segments"][1]
    length = 12 + len(case["ciphertext"]) * 3 // 4
    assert shown.evaluate(FLIP, case) == length * 8


def test_a_hundred_thousand_nonces_are_all_different(shown, vectors):
    assert shown.evaluate(NONCES, vectors["segments"][0]) == 100_000


def test_a_vector_that_says_something_else_is_noticed(shown, vectors):
    wrong = json.loads(json.dumps(vectors))
    wrong["digits"][0]["digits"] = "000000"
    wrong["refused"]["segments"][0]["ciphertext"] = wrong["refused"]["segments"][1]["ciphertext"]
    wrong["refused"]["segments"].append({"why": "not refused", **wrong["segments"][0]})
    told = shown.evaluate(RUN, wrong)
    assert {failure[0] for failure in told["failures"]} == {"digits", "not refused"}
