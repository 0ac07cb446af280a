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
  decryptSegment,
  digits as digitsOf,
  encryptSegment,
  fits,
  newNonce,
  newPair,
  publicJwk,
  thumbprint,
  unwrap,
  wrap,
} from "./crypto.js";

const NAME = "medimic";
const VERSION = 1;
// Answered in one session, or for one's own key requests, in 24 hours: each gives somebody who
// controls the server one chance in a million.
export const MOST_HANDSHAKES = 50;
const DAY = 24 * 60 * 60 * 1000;
const STORES = {
  identities: { keyPath: "account" },
  // Handshakes that this browser began, as the joiner or as the device that asks for keys.
  joins: { keyPath: ["account", "commitment"] },
  // Handshakes that it answered, as the host or as the device that hands keys on.
  answers: { keyPath: ["account", "context", "subject"] },
  counters: { keyPath: ["account", "session", "participant"] },
  unsent: { keyPath: "order", autoIncrement: true },
};

// The other side sent something else than before, or not what it had committed to: somebody is in between.
export class Exchanged extends Error {}

// More handshakes than people would begin.
export class TooMany extends Error {}

// The participant's last word has been said.
export class Closed extends Error {}

// No more sequence numbers are reserved; what waits must be sent first.
export class Full extends Error {}

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

class Vault {
  constructor(account, db) {
    this.account = account;
    this.db = db;
    this.identityPromise = null;
  }

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
    const kept = await this.#transact("identities", "readonly", ({ identities }) => identities.get(account));
    if (kept) return kept;
    const { privateKey, publicKey } = await newPair();
    const jwk = await publicJwk(publicKey);
    const made = { account, privateKey, publicKey: jwk, thumbprint: await thumbprint(jwk) };
    return this.#transact("identities", "readwrite", async ({ identities }) => {
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
    };
    await this.#transact("joins", "readwrite", ({ joins }) => joins.put(join));
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
    const all = await this.#transact("joins", "readonly", ({ joins }) => joins.getAll(this.#mine()));
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

  // --- Handshake: the host, or the device that hands keys on ---

  // Our answer to a commitment: {public_key, nonce}. The same again for the same commitment;
  // another commitment, once we have answered, is somebody who tries digits.
  async answer({ context, subject, commitment }) {
    const { publicKey } = await this.identity();
    const nonce = newNonce();
    const { account } = this;
    const kept = await this.#transact("answers", "readwrite", async ({ answers }) => {
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
    const kept = await this.#transact("answers", "readonly", ({ answers }) =>
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
    const all = await this.#transact("joins", "readonly", ({ joins }) => joins.getAll(this.#mine()));
    const pins = all.filter((join) => join.peerThumbprint === sender && reaches(join, session));
    if (pins.some((join) => join.isConfirmed)) return "confirmed";
    return pins.some((join) => join.keys === null) ? "pinned" : null;
  }

  // --- What is written here ---

  // Encrypt `content` as the participant's next segment and put it into the outbox: the row to send.
  // When this resolves it is on the disk. `upTo` is the highest reserved sequence.
  async write({ session, participant, sessionKey, content, upTo = Infinity }) {
    const { account } = this;
    const key = [account, session, participant];
    for (;;) {
      const before = await this.#counter(key);
      if (before.isClosed) throw new Closed();
      const sequence = before.used + 1;
      if (sequence > upTo) throw new Full();
      const sealed = await encryptSegment(sessionKey, { session, participant, sequence }, content);
      const row = { participant_id: participant, sequence, ...sealed };
      const isWritten = await this.#transact(["counters", "unsent"], "readwrite", async (stores) => {
        const now = (await stores.counters.get(key)) ?? fresh(key);
        // Another tab took the number meanwhile: encrypted anew, for the next one.
        if (now.used !== before.used || now.isClosed) return false;
        const isClosed = content.type === "end";
        await stores.counters.put({ ...now, used: sequence, isClosed });
        await stores.unsent.add({ account, session, row });
        return true;
      });
      if (isWritten) return row;
    }
  }

  // What waits to be sent, in the order in which it was written.
  async unsent(session, most = 50) {
    const all = await this.#unsent();
    return all.filter((item) => item.session === session).map((item) => item.row).slice(0, most);
  }

  // {session: number} of everything that waits: what a sign-out would leave lying.
  async waiting() {
    const counts = {};
    for (const { session } of await this.#unsent()) counts[session] = (counts[session] ?? 0) + 1;
    return counts;
  }

  // The server has them: rows as they were sent.
  delivered(session, rows) {
    const { account } = this;
    const sent = new Set(rows.map((row) => `${row.participant_id}/${row.sequence}/${row.nonce}`));
    return this.#transact(["counters", "unsent"], "readwrite", async ({ counters, unsent }) => {
      for (const item of await unsent.getAll()) {
        const { row } = item;
        const isSent = sent.has(`${row.participant_id}/${row.sequence}/${row.nonce}`);
        if (isSent && item.account === account && item.session === session) await unsent.delete(item.order);
      }
      for (const { participant_id: participant, sequence } of rows) {
        const key = [account, session, participant];
        const kept = (await counters.get(key)) ?? fresh(key);
        kept.delivered = Math.max(kept.delivered, sequence);
        await counters.put(kept);
      }
    });
  }

  // {participant: highest sequence that the server took from here}, for checkTranscript's `known`.
  async known(session) {
    const range = IDBKeyRange.bound([this.account, session], [this.account, session, []]);
    const kept = await this.#transact("counters", "readonly", ({ counters }) => counters.getAll(range));
    return Object.fromEntries(kept.filter((c) => c.delivered).map((c) => [c.participant, c.delivered]));
  }

  // The highest sequence used here, sent or not.
  async used(session, participant) {
    return (await this.#counter([this.account, session, participant])).used;
  }

  // Start above what the transcript holds of this participant already: for a browser whose storage
  // was cleared. `sequence` must come from segments that opened, never from the server's word.
  raise(session, participant, sequence) {
    const key = [this.account, session, participant];
    return this.#transact("counters", "readwrite", async ({ counters }) => {
      const kept = (await counters.get(key)) ?? fresh(key);
      if (kept.used < sequence) await counters.put({ ...kept, used: sequence });
    });
  }

  // Give what waits numbers above `sequence`: where the transcript holds other segments of this
  // participant that opened, up to there. New nonces, same words, same order.
  async renumber({ session, participant, sessionKey, sequence }) {
    const { account } = this;
    const key = [account, session, participant];
    const isTheirs = (item) => item.session === session && item.row.participant_id === participant;
    const items = (await this.#unsent()).filter(isTheirs);
    let next = sequence;
    const moved = [];
    for (const item of items) {
      const place = { session, participant, sequence: item.row.sequence };
      const content = await decryptSegment(sessionKey, place, item.row);
      next += 1;
      const sealed = await encryptSegment(sessionKey, { session, participant, sequence: next }, content);
      moved.push({ ...item, row: { participant_id: participant, sequence: next, ...sealed } });
    }
    await this.#transact(["counters", "unsent"], "readwrite", async ({ counters, unsent }) => {
      const now = (await unsent.getAll()).filter((item) => item.account === account && isTheirs(item));
      const isSame = now.length === items.length && now.every((item, i) => item.row.nonce === items[i].row.nonce);
      if (!isSame) throw new Exchanged("Another tab wrote meanwhile.");
      for (const item of moved) await unsent.put(item);
      const kept = (await counters.get(key)) ?? fresh(key);
      await counters.put({ ...kept, used: next });
    });
  }

  async clear() {
    this.identityPromise = null;
    await this.#transact(Object.keys(STORES), "readwrite", async (stores) => {
      await stores.identities.delete(this.account);
      for (const name of ["joins", "answers", "counters"]) await stores[name].delete(this.#mine());
      for (const item of await stores.unsent.getAll()) {
        if (item.account === this.account) await stores.unsent.delete(item.order);
      }
    });
  }

  // All keys that begin with this account.
  #mine() {
    return IDBKeyRange.bound([this.account], [this.account, []]);
  }

  async #unsent() {
    const all = await this.#transact("unsent", "readonly", ({ unsent }) => unsent.getAll());
    return all.filter((item) => item.account === this.account);
  }

  async #counter(key) {
    const kept = await this.#transact("counters", "readonly", ({ counters }) => counters.get(key));
    return kept ?? fresh(key);
  }

  async #changeJoin(commitment, change) {
    await this.#transact("joins", "readwrite", async ({ joins }) => {
      const join = await joins.get([this.account, commitment]);
      if (!join) throw new Exchanged();
      change(join);
      await joins.put(join);
    });
  }

  // Run `work` with promising stores in one transaction; resolves when it is on the disk. `work` may
  // wait for its stores alone: a transaction ends where nothing is asked of it.
  async #transact(names, mode, work) {
    const wanted = [names].flat();
    const transaction = this.db.transaction(wanted, mode, { durability: "strict" });
    const finished = new Promise((resolve, reject) => {
      transaction.oncomplete = resolve;
      transaction.onabort = () => reject(transaction.error ?? new Error("The transaction was given up."));
    });
    const stores = Object.fromEntries(wanted.map((name) => [name, promising(transaction.objectStore(name))]));
    let result;
    try {
      result = await work(stores);
    } catch (error) {
      finished.catch(() => {});
      try {
        transaction.abort();
      } catch {
        // It has ended by itself.
      }
      throw error;
    }
    await finished;
    return result;
  }
}

// Whether a handshake vouches for its other side's envelopes of that session.
function reaches(join, session) {
  return join.keys === null ? join.context === session : join.keys === "all" || join.keys === session;
}

function fresh([account, session, participant]) {
  return { account, session, participant, used: 0, delivered: 0, isClosed: false };
}

function promising(store) {
  const call = (name) => (...args) => {
    const request = store[name](...args);
    return new Promise((resolve, reject) => {
      request.onsuccess = () => resolve(request.result);
      request.onerror = () => reject(request.error);
    });
  };
  const names = ["get", "getAll", "put", "add", "delete"];
  return Object.fromEntries(names.map((name) => [name, call(name)]));
}

let opening = null;

function database() {
  opening ??= new Promise((resolve, reject) => {
    const request = indexedDB.open(NAME, VERSION);
    request.onupgradeneeded = () => {
      for (const [name, options] of Object.entries(STORES)) request.result.createObjectStore(name, options);
    };
    request.onsuccess = () => {
      // Another tab has a newer version of this file: let it change the database.
      request.result.onversionchange = () => {
        request.result.close();
        opening = null;
      };
      resolve(request.result);
    };
    request.onerror = () => reject(request.error);
  }).catch((error) => {
    opening = null;
    throw error;
  });
  return opening;
}
