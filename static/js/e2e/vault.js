// What this browser keeps for one account: its key pair, whom it has verified, and what is not sent yet.
//
// IndexedDB `medimic`. No session's key and no envelope is kept: without the server, which hands
// envelopes to their account alone, what lies here opens nothing. Whoever uses this browser next
// cannot read on.
//
// Every rule that must hold against a server that lies stands in one transaction here:
// - a handshake's nonce is made once, for one commitment (host) or one participant (joiner);
// - the other side's key is pinned before our own is revealed, and never changes;
// - one session brings about a bounded number of handshakes, so that nobody can try digits;
// - a sequence number is used once, and its segment stands in the outbox as soon as it is used.

import {
  Refused,
  commitment as commitmentOf,
  digits as digitsOf,
  fits,
  newNonce,
  newPair,
  publicJwk,
  thumbprint,
  unwrap,
  wrap,
} from "./crypto.js";
import { Outbox } from "./outbox.js";
import { STORES, database } from "./store.js";

export { Closed, Full, Outrun } from "./outbox.js";

// Answered in one session, or for one's own key requests, in 24 hours: each gives somebody who
// controls the server one chance in a million.
export const MOST_HANDSHAKES = 50;
const DAY = 24 * 60 * 60 * 1000;

// The other side sent something else than before, or not what it had committed to: somebody is in between.
export class Exchanged extends Error {}

// More handshakes than people would begin.
export class TooMany extends Error {}

// Whether this browser can take part at all: it needs https (or localhost) and IndexedDB.
export function isSupported() {
  return Boolean(globalThis.crypto?.subtle && globalThis.indexedDB && navigator.locks && [].toSorted);
}

// Ask the browser not to clear what is kept here when it runs out of room; some ask the person.
export function persist() {
  return navigator.storage?.persist?.() ?? Promise.resolve(false);
}

// The vault of one account (its id), or of "guest".
export async function openVault(account) {
  return new Vault(account, await database());
}

// Forget everything that is kept for an account. Its transcripts cannot be read here any more.
export async function clear(account) {
  await (await openVault(account)).clear();
}

// Do what one tab alone may do (send): waits until no other tab does, and holds on until `work` ends.
export function alone(account, session, work, options = {}) {
  return navigator.locks.request(`medimic/send/${account}/${session}`, options, work);
}

class Vault extends Outbox {
  identityPromise = null;

  // {privateKey, publicKey: JWK, thumbprint}: made once; two tabs end up with the same.
  identity() {
    this.identityPromise ??= this.#identity().catch((error) => {
      this.identityPromise = null;
      throw error;
    });
    return this.identityPromise;
  }

  async #identity() {
    const { account } = this;
    const kept = await this.transact("identities", "readonly", ({ identities }) => identities.get(account));
    if (kept) return kept;
    const { privateKey, publicKey } = await newPair();
    const jwk = await publicJwk(publicKey);
    const made = { account, privateKey, publicKey: jwk, thumbprint: await thumbprint(jwk) };
    return this.transact("identities", "readwrite", async ({ identities }) => {
      const other = await identities.get(account);
      if (!other) await identities.put(made);
      return other ?? made;
    });
  }

  // --- Handshake: the joiner, or the device that asks for keys ---

  // Begin one: the commitment to send. `keys` in what is kept tells a key request from a join:
  // for a key request give {keys: the session asked for, or "all"}.
  async beginHandshake({ keys = null } = {}) {
    const { publicKey } = await this.identity();
    const nonce = newNonce();
    const commitment = await commitmentOf(publicKey, nonce);
    const join = {
      account: this.account,
      commitment,
      nonce,
      keys,
      context: null,
      subject: null,
      peerKey: null,
      peerNonce: null,
      peerThumbprint: null,
      isConfirmed: false,
      at: Date.now(),
    };
    await this.transact("joins", "readwrite", ({ joins }) => joins.put(join));
    return commitment;
  }

  // Tie a handshake to the one session and participant (NO_SESSION and request) that it is for.
  // A second participant for one commitment would let the server learn our nonce before it answers.
  bindHandshake(commitment, { context, subject }) {
    return this.#changeJoin(commitment, (join) => {
      if (join.subject === null) Object.assign(join, { context, subject });
      else if (join.subject !== subject || join.context !== context) throw new Exchanged();
    });
  }

  // The handshake that is tied to that participant or request, or undefined.
  async handshake(subject) {
    const all = await this.transact("joins", "readonly", ({ joins }) => joins.getAll(this.mine()));
    return all.find((join) => join.subject === subject);
  }

  // Pin what the other side answered; then, and only then, comes what to reveal:
  // {public_key, nonce, digits}.
  async reveal(subject, peerKey, peerNonce) {
    const peerThumbprint = await thumbprint(peerKey);
    const own = await this.identity();
    const found = await this.handshake(subject);
    if (!found) throw new Exchanged();
    const digits = await digitsOf(found.context, subject, peerKey, peerNonce, own.publicKey, found.nonce);
    await this.#changeJoin(found.commitment, (join) => {
      if (join.peerThumbprint === null) Object.assign(join, { peerKey, peerNonce, peerThumbprint });
      else if (join.peerThumbprint !== peerThumbprint || join.peerNonce !== peerNonce) throw new Exchanged();
    });
    return { public_key: own.publicKey, nonce: found.nonce, digits };
  }

  // The person says that both screens show the same digits.
  async confirm(subject) {
    const found = await this.handshake(subject);
    if (!found?.peerThumbprint) throw new Exchanged();
    await this.#changeJoin(found.commitment, (join) => {
      join.isConfirmed = true;
    });
  }

  // The person says that they differ: nothing that came of this handshake is trusted any more.
  async reject(subject) {
    const found = await this.handshake(subject);
    if (!found) return;
    const key = [this.account, found.commitment];
    await this.transact("joins", "readwrite", ({ joins }) => joins.delete(key));
  }

  // --- Handshake: the host, or the device that hands keys on ---

  // Our answer to a commitment: {public_key, nonce}. The same again for the same commitment;
  // another commitment, once we have answered, is somebody who tries digits.
  async answer({ context, subject, commitment }) {
    const { publicKey } = await this.identity();
    const nonce = newNonce();
    const { account } = this;
    const kept = await this.transact("answers", "readwrite", async ({ answers }) => {
      const earlier = await answers.get([account, context, subject]);
      if (earlier) return earlier;
      const at = Date.now();
      const others = await answers.getAll(IDBKeyRange.bound([account, context], [account, context, []]));
      if (others.filter((other) => other.at > at - DAY).length >= MOST_HANDSHAKES) throw new TooMany();
      const made = { account, context, subject, commitment, nonce, at };
      await answers.put(made);
      return made;
    });
    if (kept.commitment !== commitment) throw new Exchanged();
    return { public_key: publicKey, nonce: kept.nonce };
  }

  // The digits for what the joiner revealed. `Exchanged` where it is not what we answered to.
  async verify({ context, subject }, joinerKey, joinerNonce) {
    const { account } = this;
    const { publicKey } = await this.identity();
    const kept = await this.transact("answers", "readonly", ({ answers }) =>
      answers.get([account, context, subject]),
    );
    if (!kept || !(await fits(kept.commitment, joinerKey, joinerNonce))) throw new Exchanged();
    return digitsOf(context, subject, publicKey, kept.nonce, joinerKey, joinerNonce);
  }

  // --- Envelopes ---

  // Our own envelope of a session's new key: {public_key, wrapped}.
  async seal(session, sessionKey) {
    const own = await this.identity();
    return { public_key: own.publicKey, wrapped: await wrap(sessionKey, session, own, own.publicKey) };
  }

  // The session's key, wrapped for a key that `verify` has accepted.
  async sealFor(session, sessionKey, recipientKey) {
    return wrap(sessionKey, session, await this.identity(), recipientKey);
  }

  // The session's key out of an envelope; refused from anybody whom we have not verified.
  async openEnvelope(session, { wrapped, sender_key: sender }) {
    if (!(await this.trust(session, sender))) throw new Refused("This key comes from an unknown device.");
    return unwrap(wrapped, session, await this.identity(), sender);
  }

  // How far a sender's envelope for this session is trusted: "own", "confirmed" (the person compared
  // the digits here), "pinned" (the person did so on the other screen alone), or null: not at all.
  // What another of the person's devices hands on is trusted only when confirmed here.
  async trust(session, senderKey) {
    const own = await this.identity();
    const sender = await thumbprint(senderKey);
    if (sender === own.thumbprint) return "own";
    const all = await this.transact("joins", "readonly", ({ joins }) => joins.getAll(this.mine()));
    const pins = all.filter((join) => join.peerThumbprint && reaches(join, session));
    const confirmed = pins.filter((join) => join.isConfirmed);
    if (confirmed.some((join) => join.peerThumbprint === sender)) return "confirmed";
    // A second attempt takes the place of the first, which may have failed because somebody was in between.
    const latest = pins.filter((join) => join.keys === null).sort((a, b) => b.at - a.at)[0];
    return confirmed.length === 0 && latest?.peerThumbprint === sender ? "pinned" : null;
  }

  async clear() {
    this.identityPromise = null;
    await this.transact(Object.keys(STORES), "readwrite", async (stores) => {
      await stores.identities.delete(this.account);
      for (const name of ["joins", "answers", "counters"]) await stores[name].delete(this.mine());
      for (const item of await stores.unsent.getAll()) {
        if (item.account === this.account) await stores.unsent.delete(item.order);
      }
    });
  }

  async #changeJoin(commitment, change) {
    await this.transact("joins", "readwrite", async ({ joins }) => {
      const join = await joins.get([this.account, commitment]);
      if (!join) throw new Exchanged();
      change(join);
      await joins.put(join);
    });
  }
}

// Whether a handshake vouches for its other side's envelopes of that session.
function reaches(join, session) {
  return join.keys === null ? join.context === session : join.keys === "all" || join.keys === session;
}
