// What is written in this browser and not delivered yet: encrypted, with its sequence number.

import { decryptSegment, encryptSegment } from "./crypto.js";
import { Store } from "./store.js";

// The participant's last word has been said.
export class Closed extends Error {}

// No more sequence numbers are reserved; what waits must be sent first.
export class Full extends Error {}

// Another tab wrote at the same instant; try again.
export class Outrun extends Error {}

export class Outbox extends Store {
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
      const isWritten = await this.transact(["counters", "unsent"], "readwrite", async (stores) => {
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
    return this.transact(["counters", "unsent"], "readwrite", async ({ counters, unsent }) => {
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
    const kept = await this.transact("counters", "readonly", ({ counters }) => counters.getAll(range));
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
    return this.transact("counters", "readwrite", async ({ counters }) => {
      const kept = (await counters.get(key)) ?? fresh(key);
      if (kept.used < sequence) await counters.put({ ...kept, used: sequence });
    });
  }

  // Give what waits numbers above `sequence`: where the transcript holds other segments of this
  // participant that opened, up to there. New nonces, same words, same order. Where it holds none at
  // the place of what waits, nothing moves: the server's word alone must not make us say things twice.
  async renumber({ session, participant, sessionKey, sequence }) {
    const { account } = this;
    const key = [account, session, participant];
    const isTheirs = (item) => item.session === session && item.row.participant_id === participant;
    const items = (await this.#unsent()).filter(isTheirs);
    if (!items.some((item) => item.row.sequence <= sequence)) return;
    let next = sequence;
    const moved = [];
    for (const item of items) {
      const place = { session, participant, sequence: item.row.sequence };
      const content = await decryptSegment(sessionKey, place, item.row);
      next += 1;
      const sealed = await encryptSegment(sessionKey, { session, participant, sequence: next }, content);
      moved.push({ ...item, row: { participant_id: participant, sequence: next, ...sealed } });
    }
    await this.transact(["counters", "unsent"], "readwrite", async ({ counters, unsent }) => {
      const now = (await unsent.getAll()).filter((item) => item.account === account && isTheirs(item));
      const isSame = now.length === items.length && now.every((item, i) => item.row.nonce === items[i].row.nonce);
      if (!isSame) throw new Outrun();
      for (const item of moved) await unsent.put(item);
      const kept = (await counters.get(key)) ?? fresh(key);
      await counters.put({ ...kept, used: next });
    });
  }

  async #unsent() {
    const all = await this.transact("unsent", "readonly", ({ unsent }) => unsent.getAll());
    return all.filter((item) => item.account === this.account);
  }

  async #counter(key) {
    const kept = await this.transact("counters", "readonly", ({ counters }) => counters.get(key));
    return kept ?? fresh(key);
  }
}

function fresh([account, session, participant]) {
  return { account, session, participant, used: 0, delivered: 0, isClosed: false };
}
