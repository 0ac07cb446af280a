// Who takes part: the list of them, and, on one screen for all, the switch of who speaks.

import { fill } from "./talk.js";

export class People {
  constructor({ words, settings, onRemove, onSpeaker }) {
    Object.assign(this, { words, settings, onRemove, onSpeaker });
    this.list = document.querySelector("[data-people]");
    this.choices = document.querySelector("[data-segments]");
    this.frame = document.querySelector("[data-speakers]");
    this.join = document.querySelector("[data-join]");
    this.lines = new Map();
    this.all = [];
    this.chosen = settings.participant;
    this.clock = new Intl.DateTimeFormat(settings.locale ?? undefined, {
      timeStyle: "short",
      ...(settings.zone && { timeZone: settings.zone }),
    });
    // Of one's own: grows with each delivery.
    this.upTo = {};
    this.listen();
  }

  get hostId() {
    return this.all.find((one) => one.is_host)?.id ?? "";
  }

  own() {
    return this.all.filter((one) => one.is_you && one.state === "admitted").map((one) => one.id);
  }

  // Left; of somebody whom the server did not name, that is not known.
  isGone(id) {
    return this.all.some((one) => one.id === id && one.left_at);
  }

  speaker() {
    return this.all.find((one) => one.id === this.chosen) ?? this.all.find((one) => one.id === this.settings.participant);
  }

  reserved(id) {
    return this.upTo[id] ?? 0;
  }

  reserve(upTo) {
    for (const [id, number] of Object.entries(upTo)) this.upTo[id] = Math.max(this.upTo[id] ?? 0, number);
  }

  show(participants) {
    this.all = participants.filter((one) => one.state === "admitted");
    for (const one of this.all) if (one.is_you) this.reserve({ [one.id]: one.reserved_up_to ?? 0 });
    for (const one of this.all) this.#line(one);
    for (const [id, line] of this.lines) {
      if (this.all.some((one) => one.id === id)) continue;
      line.remove();
      this.lines.delete(id);
    }
    // Once somebody came, the code makes room for the conversation; whoever opens it again keeps it open.
    const others = participants.filter((one) => !one.is_you).length;
    if (others && !this.hadOthers) this.join.open = false;
    this.hadOthers ||= others > 0;
    this.#speakers();
  }

  #line(one) {
    const { words } = this;
    let line = this.lines.get(one.id);
    if (!line) {
      line = fill("tpl-person", { name: one.name || words.guest, initials: initials(one.name || words.guest) });
      this.lines.set(one.id, line);
      this.list.append(line);
      const button = line.querySelector("[data-remove]");
      if (button) {
        button.querySelector("[data-of]").textContent = ` ${one.name}`;
        button.addEventListener("click", () => this.onRemove(one));
      }
    }
    const facts = [
      words.roles[one.role],
      one.is_host && words.host,
      one.id === this.settings.participant && words.you,
      one.left_at && words.left.replace("{time}", this.clock.format(new Date(one.left_at))),
    ];
    const text = facts.filter(Boolean).join(" · ");
    const place = line.querySelector("[data-facts]");
    if (place.textContent !== text) place.textContent = text;
    line.classList.toggle("is-gone", Boolean(one.left_at));
    const button = line.querySelector("[data-remove]");
    if (button) button.hidden = one.is_host || Boolean(one.left_at);
  }

  // --- Who speaks ---

  #speakers() {
    const speakers = this.all.filter((one) => one.is_you && !one.left_at);
    this.frame.hidden = speakers.length < 2;
    if (!speakers.some((one) => one.id === this.chosen)) this.chosen = this.settings.participant;
    const wanted = speakers.map((one) => one.id).join();
    if (wanted === this.shown) return;
    this.shown = wanted;
    const hadFocus = this.choices.contains(document.activeElement);
    this.choices.replaceChildren(
      ...speakers.map((one, index) => {
        const choice = fill("tpl-segment", { key: index < 9 ? index + 1 : "", name: one.name || this.words.guest });
        const input = choice.querySelector("input");
        input.value = one.id;
        input.checked = one.id === this.chosen;
        return choice;
      }),
    );
    if (hadFocus) this.choices.querySelector(":checked")?.focus();
  }

  choose(id, isQuick) {
    this.chosen = id;
    const input = [...this.choices.querySelectorAll("input")].find((one) => one.value === id);
    input.checked = true;
    this.onSpeaker(this.speaker(), isQuick);
  }

  listen() {
    this.choices.addEventListener("change", (event) => this.choose(event.target.value, false));
    // 1 to 9 on the switch itself; with Alt also while one writes.
    document.addEventListener("keydown", (event) => {
      const number = Number(/^(?:Digit|Numpad)([1-9])$/.exec(event.code)?.[1]);
      if (!number || this.frame.hidden || event.ctrlKey || event.metaKey || event.shiftKey) return;
      const isHere = this.frame.contains(event.target);
      if (!event.altKey && !isHere) return;
      const input = this.choices.querySelectorAll("input")[number - 1];
      if (!input) return;
      event.preventDefault();
      this.choose(input.value, true);
    });
  }
}

function initials(name) {
  const all = name.trim().split(/\s+/);
  return [all[0], all.length > 1 && all.at(-1)].map((one) => (one ? [...one][0] : "")).join("").toUpperCase();
}
