// A transcript as a conversation: what each said, in order, with what is to be said of it.
// Everything here is text put into templates of the page.

const NEAR = 48;
const TOGETHER = 3 * 60_000;

export function fill(template, texts) {
  const made = document.getElementById(template).content.firstElementChild.cloneNode(true);
  for (const [name, text] of Object.entries(texts)) made.querySelector(`[data-${name}]`).textContent = text;
  return made;
}

export const keyOf = (part) => `${part.participant}/${part.sequence}`;

export class Talk {
  // `own`: the participant whose parts stand apart; `scroller` is left out where the page itself scrolls.
  constructor({ list, words, settings, own = null, scroller = null, onNew = () => {} }) {
    Object.assign(this, { list, words, own, scroller, onNew });
    this.lines = new Map();
    this.unsent = new Set();
    const zone = settings.zone ? { timeZone: settings.zone } : {};
    this.clock = new Intl.DateTimeFormat(settings.locale ?? undefined, { hour: "2-digit", minute: "2-digit", ...zone });
    this.calendar = new Intl.DateTimeFormat(settings.locale ?? undefined, { dateStyle: "medium", timeStyle: "medium", ...zone });
  }

  get isAtEnd() {
    const { scroller } = this;
    return !scroller || scroller.scrollHeight - scroller.scrollTop - scroller.clientHeight < NEAR;
  }

  toEnd() {
    if (this.scroller) this.scroller.scrollTop = this.scroller.scrollHeight;
  }

  // The parts that the server has, as `checkTranscript` returned them; those that are there already stay.
  show(parts) {
    const wasAtEnd = this.isAtEnd;
    let isNew = false;
    for (const part of parts) {
      if (part.content?.type === "end") continue;
      const key = part.problem ? `${keyOf(part)}/${part.position}` : keyOf(part);
      const line = this.lines.get(key);
      if (line && !this.unsent.has(key)) continue;
      if (line) this.unsent.delete(key);
      else isNew ||= part.participant !== this.own;
      this.#place(key, line ?? this.#line(part), part);
    }
    this.#group();
    if (wasAtEnd) this.toEnd();
    else if (isNew) this.onNew();
  }

  // What this browser wrote and the server has not confirmed: `state` waiting, sent or failed.
  showUnsent(part, state) {
    const key = keyOf(part);
    let line = this.lines.get(key);
    if (!line) {
      const wasAtEnd = this.isAtEnd;
      line = this.#line(part);
      this.lines.set(key, line);
      line.dataset.key = key;
      this.unsent.add(key);
      this.list.append(line);
      this.#group();
      if (wasAtEnd || part.participant === this.own) this.toEnd();
    }
    mark(line, state);
  }

  // Written here, and taken off the list again: it got another number.
  forget(key) {
    if (!this.unsent.delete(key)) return;
    this.lines.get(key).remove();
    this.lines.delete(key);
  }

  clear() {
    this.lines.clear();
    this.unsent.clear();
    this.list.replaceChildren();
  }

  mark(key, state) {
    mark(this.lines.get(key), state);
  }

  get waiting() {
    return [...this.unsent];
  }

  #place(key, line, part) {
    this.lines.set(key, line);
    line.dataset.key = key;
    const first = this.unsent.size && [...this.list.children].find((one) => this.unsent.has(one.dataset.key));
    // Where it stands in its place already it is not moved: nothing is read out twice.
    const isBehind = first && first.compareDocumentPosition(line) & Node.DOCUMENT_POSITION_FOLLOWING;
    if (!line.isConnected || isBehind) this.list.insertBefore(line, first || null);
    line.querySelector("[data-late]").hidden = !part.isLate;
    mark(line, part.participant === this.own ? "sent" : null);
  }

  #line(part) {
    const { words } = this;
    const { content } = part;
    const isOpen = content && !part.problem;
    const speaker = isOpen ? content.speaker : { name: "", role: "" };
    const line = fill("tpl-part", {
      who: speaker.name,
      role: words.roles[speaker.role] ?? speaker.role,
      text: isOpen ? content.text : words.problems[part.problem],
    });
    line.classList.toggle("is-own", part.participant === this.own);
    line.classList.toggle("is-unreadable", !isOpen);
    line.querySelector(".part-head").hidden = !isOpen;
    if (part.before?.length) {
      const before = line.querySelector("[data-before]");
      before.textContent = part.before.map((problem) => words.problems[problem]).join(" ");
      before.hidden = false;
    }
    const at = new Date(isOpen ? content.at : NaN);
    const time = line.querySelector("[data-time]");
    if (!Number.isNaN(at.getTime())) {
      time.dateTime = at.toISOString();
      time.textContent = this.clock.format(at);
      time.title = this.calendar.format(at);
    } else {
      time.remove();
    }
    line.dataset.participant = part.participant;
    line.dataset.at = at.getTime();
    return line;
  }

  // What one says in one breath stands under one name.
  #group() {
    let before = null;
    for (const line of this.list.children) {
      const isNext =
        before &&
        before.dataset.participant === line.dataset.participant &&
        line.dataset.at - before.dataset.at < TOGETHER &&
        before.querySelector("[data-who]").textContent === line.querySelector("[data-who]").textContent;
      line.classList.toggle("is-next", Boolean(isNext));
      before = line;
    }
  }
}

// A transcript that is over has no states.
function mark(line, state) {
  for (const one of line.querySelectorAll("[data-state]")) one.hidden = one.dataset.state !== state;
  line.classList.toggle("is-unsent", state === "waiting" || state === "failed");
}

// One sentence for each kind of warning.
export function warn(place, warnings, words) {
  const wanted = warnings.map((one) => words.warnings[one]);
  if (wanted.join() === [...place.children].map((one) => one.textContent).join()) return;
  place.replaceChildren(
    ...wanted.map((text) => {
      const line = document.createElement("p");
      line.className = "part-problem";
      line.textContent = text;
      return line;
    }),
  );
}
