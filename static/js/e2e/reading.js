// A session's transcript, fetched part by part and checked as a whole.

import { checkTranscript, openRow } from "./crypto.js";

// As many as the server gives at once.
const MOST = 200;

export class Reading {
  // `ask(path)` is a GET below the session's address.
  constructor({ session, key, vault, ask }) {
    Object.assign(this, { session, key, vault, ask });
    this.parts = [];
    this.after = 0;
  }

  // What came since; `onProgress(count)` after each answer. True where anything did.
  // One after the other: two at once would bring each part twice.
  fetch(onProgress = () => {}) {
    const next = () => this.#fetch(onProgress);
    this.running = (this.running ?? Promise.resolve()).then(next, next);
    return this.running;
  }

  async #fetch(onProgress) {
    const before = this.parts.length;
    // Asked before the transcript is: what is delivered meanwhile is not missing.
    this.known = await this.vault.known(this.session);
    for (;;) {
      const { data } = await this.ask(`/segments?after=${this.after}&limit=${MOST}`);
      for (const row of data.segments) this.parts.push(await openRow(this.key, this.session, row));
      this.after = data.next;
      onProgress(this.parts.length);
      if (data.segments.length < MOST) return this.parts.length > before;
    }
  }

  check(host, isOver) {
    return checkTranscript(this.parts, { host, isOver, known: this.known });
  }

  // {participant: highest sequence that opened}: what a writer tells that they have read.
  get seen() {
    const seen = {};
    for (const { participant, sequence, content } of this.parts) {
      if (content) seen[participant] = Math.max(seen[participant] ?? 0, sequence);
    }
    return seen;
  }
}
