// The host's side of the door: for everybody who waits the handshake, the six digits, and the decision.

import { Problem } from "./api.js";
import { grouped } from "./crypto.js";
import { fill } from "./talk.js";
import { Exchanged, TooMany } from "./vault.js";

export class Door {
  // `keyOf()` and `vaultOf()`: the session's key and the vault, as soon as they are there.
  constructor({ words, part, session, keyOf, vaultOf, announce }) {
    Object.assign(this, { words, part, session, keyOf, vaultOf, announce });
    this.panel = document.querySelector("[data-door-panel]");
    this.list = document.querySelector("[data-door]");
    this.waiting = new Map();
  }

  async show(participants) {
    const now = participants.filter((one) => one.state === "waiting" && !one.left_at);
    for (const [id, { line }] of this.waiting) {
      if (now.some((one) => one.id === id)) continue;
      const hadFocus = line.contains(document.activeElement);
      line.remove();
      this.waiting.delete(id);
      if (hadFocus) (this.list.querySelector("button:enabled") ?? document.querySelector("[data-words]")).focus();
    }
    for (const one of now) {
      if (!this.waiting.has(one.id)) this.#welcome(one);
      await this.#goOn(one);
    }
    this.panel.hidden = !now.length;
  }

  #welcome(one) {
    const { words } = this;
    const role = words.roles[one.role];
    const line = fill("tpl-door", { name: one.name, asked: words.asksAs.replace("{role}", role) });
    const entry = { line, verified: null, one };
    for (const place of line.querySelectorAll("[data-of]")) place.textContent = ` ${one.name}`;
    const choice = line.querySelector("select");
    choice.id = `role-${one.id}`;
    choice.value = one.role;
    line.querySelector("label").htmlFor = choice.id;
    line.querySelector("[data-admit]").addEventListener("click", () => this.#admit(entry));
    line.querySelector("[data-refuse]").addEventListener("click", () => this.#decide(entry, { action: "refuse" }));
    this.waiting.set(one.id, entry);
    this.list.append(line);
    this.announce(words.doorWaits.replace("{name}", one.name));
  }

  // The next step of the handshake, if it is ours; then the digits.
  async #goOn(one) {
    const entry = this.waiting.get(one.id);
    if (entry.isSpoilt || entry.verified) return;
    const vault = this.vaultOf();
    const place = { context: this.session, subject: one.id };
    try {
      if (!one.host_nonce) {
        const half = await vault.answer({ ...place, commitment: one.commitment });
        await this.#put(one.id, { action: "answer", ...half });
      } else if (one.public_key && one.nonce) {
        const digits = await vault.verify(place, one.public_key, one.nonce);
        // What was verified is what the key is wrapped for, whatever the server says later.
        entry.verified = one.public_key;
        entry.line.querySelector("[data-digits]").textContent = grouped(digits);
      }
    } catch (error) {
      if (error instanceof Exchanged || error.code === "handshake_step") this.#spoil(entry, this.words.exchanged);
      else if (error instanceof TooMany) this.#spoil(entry, this.words.tooMany);
      else throw error;
    }
    const stage = entry.verified ? "digits" : "commitment";
    entry.line.querySelector("[data-stage]").textContent = entry.isSpoilt ? "" : this.words.stages[stage];
    entry.line.querySelector("[data-admit]").disabled = !entry.verified || !this.keyOf();
  }

  async #admit(entry) {
    const key = this.keyOf();
    if (!entry.verified || !key) return;
    const wrapped = await this.vaultOf().sealFor(this.session, key, entry.verified);
    const role = entry.line.querySelector("select").value;
    if (await this.#decide(entry, { action: "admit", role, wrapped })) {
      this.announce(this.words.admitted.replace("{name}", entry.one.name));
    }
  }

  async #decide(entry, body) {
    const buttons = entry.line.querySelectorAll("button");
    for (const button of buttons) button.setAttribute("aria-busy", "true");
    try {
      await this.#put(entry.one.id, body);
      await this.onDecided?.();
      return true;
    } catch (error) {
      this.#complain(entry, error instanceof Problem ? error.message : "");
      return false;
    } finally {
      for (const button of buttons) button.removeAttribute("aria-busy");
    }
  }

  #put(id, body) {
    return this.part.call("PUT", `/participants/${id}/admission`, { body });
  }

  #spoil(entry, text) {
    entry.isSpoilt = true;
    entry.line.querySelector("[data-role-field]").hidden = true;
    entry.line.querySelector("[data-admit]").hidden = true;
    this.#complain(entry, text);
  }

  #complain(entry, text) {
    const place = entry.line.querySelector("[data-problem]");
    place.textContent = text || this.words.notDone;
    place.hidden = false;
    this.announce(place.textContent);
  }
}
