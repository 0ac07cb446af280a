// The page of a running session, for its host and for everybody who was let in.
//
// One question every two seconds ("who is here?") is answered 304 until anything changes, segments
// included; only then is the transcript read on. What is written goes to the vault first, encrypted
// and on the disk, and from there to the server.

import { Part, Problem, facts, isPassing, poll } from "./api.js";
import { compared } from "./compare.js";
import { decryptSegment, newSessionKey } from "./crypto.js";
import { dictation } from "./dictation.js";
import { Door } from "./door.js";
import { People } from "./people.js";
import { Reading } from "./reading.js";
import { deliver } from "./sending.js";
import { Talk, keyOf, warn } from "./talk.js";
import { Closed, Exchanged, Full, isSupported, openVault, persist } from "./vault.js";

const GUEST = "guest";
const SHOWN_UNSENT = 500;
const NOTICE_MINUTES = 10;
const SPOKEN_MINUTES = [10, 5, 1];

const settings = facts("live-settings");
const words = facts("live-words");
const { session } = settings;
const $ = (name) => document.querySelector(`[data-${name}]`);
const part = new Part(settings);
const me = settings.participant;

let vault;
let key = null;
let reading = null;
let roster = null;
let tag;
let readVersion = -1;
let isOver = false;
let isLocked = false;
// Whose envelope the key came in.
let sender = null;

const talk = new Talk({
  list: $("parts"),
  scroller: $("log"),
  words,
  settings,
  own: me,
  onNew: () => ($("newest").hidden = false),
});
const people = new People({ words, settings, onRemove: remove, onSpeaker: speakerChosen });
const door = settings.isHost ? new Door({ words, part, session, keyOf: () => key, vaultOf: () => vault, announce }) : null;

// --- What the page says ---

function notice(name, is = true) {
  const place = document.querySelector(`[data-notice=${name}]`);
  if (place && place.hidden === is) place.hidden = !is;
}

function announce(text) {
  $("announce").textContent = text;
}

function failure(error) {
  $("failure").textContent = words.failure.replace("{detail}", error.message);
  notice("failed");
}

// --- Asking ---

async function look() {
  const answer = await part.call("GET", "/participants", { tag });
  notice("offline", false);
  if (answer.status !== 304) {
    if (!answer.data.participants) return left();
    await changed(answer.data);
    tag = answer.tag;
  }
  await send();
  return !isOver;
}

async function changed(data) {
  roster = data;
  if (data.session.status !== "active") return over();
  people.show(data.participants);
  showInvited(data.invitations ?? []);
  await unlock();
  await door?.show(data.participants);
  if (key) await read();
}

async function read() {
  if (roster.session.version === readVersion) return;
  const version = roster.session.version;
  await reading.fetch();
  for (const id of people.own()) await vault.raise(session, id, reading.seen[id] ?? 0);
  showParts(false);
  readVersion = version;
}

function showParts(isEnd) {
  const { parts, warnings } = reading.check(people.hostId, isEnd);
  talk.show(parts);
  warn($("warnings"), warnings, words);
  $("empty").hidden = talk.lines.size > 0;
}

function failed(error) {
  if (error instanceof Exchanged) return stop("exchanged");
  if (isPassing(error)) {
    if (!(error instanceof Problem) && !(error instanceof TypeError) && error.name !== "TimeoutError") failure(error);
    else notice("offline");
    return true;
  }
  if (error.code === "session_over") return over();
  if (error.code === "part_over" || error.status === 401 || error.status === 404) return left();
  failure(error);
  return true;
}

// --- The session's key ---

async function unlock() {
  if (key || isLocked) return;
  const { thumbprint } = await vault.identity();
  try {
    if (!settings.isHost || settings.isKeyed) await openEnvelope(thumbprint);
    else await makeKey(thumbprint);
  } catch (error) {
    if (!(error instanceof Problem) || error.code !== "envelope_missing") throw error;
    // It is another browser's, or was this one's before its storage was cleared.
    isLocked = true;
    return notice("locked");
  }
  if (!key) return;
  reading = new Reading({ session, key, vault, ask: (path) => part.call("GET", path) });
  await showWaiting();
  // By whom the key is from, not by what the page was told of who is the host.
  if (sender && (await vault.trust(session, sender)) === "pinned") compare();
  else enable(true);
}

// Who was let in reads at once, and writes once they have compared the digits themselves.
async function compare() {
  composer.hidden = true;
  const isSame = await compared($("compare"), vault, me);
  composer.hidden = false;
  $("compare").hidden = true;
  if (isOver) return;
  if (isSame && (await vault.trust(session, sender)) === "confirmed") return enable(true);
  await part.call("POST", "/leave").catch(() => {});
  stop("exchanged");
}

async function openEnvelope(thumbprint) {
  const { data } = await part.call("GET", `/envelope?thumbprint=${thumbprint}`);
  try {
    key = await vault.openEnvelope(session, data);
    sender = data.sender_key;
  } catch {
    // It is not from whom we verified: nothing of it is used.
    isLocked = true;
    stop("exchanged");
  }
}

// By the host's browser, once. Where another tab of it was faster, that one's key is read.
async function makeKey(thumbprint) {
  const made = await newSessionKey();
  try {
    await part.call("PUT", "/envelope", { body: await vault.seal(session, made) });
    key = made;
  } catch (error) {
    if (!(error instanceof Problem) || error.code !== "envelope_exists") throw error;
    await openEnvelope(thumbprint);
  }
}

// --- Writing ---

const composer = $("composer");
const field = $("words");
const complaint = $("composer-error");

function enable(is) {
  field.disabled = !is;
  $("send").disabled = !is;
}

composer.addEventListener("submit", (event) => {
  event.preventDefault();
  write();
});

field.addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
  event.preventDefault();
  write();
});

let writing = Promise.resolve();

function write() {
  const text = field.value.trim();
  if (!text || !key || isOver) return;
  const speaker = people.speaker();
  // One after the other, in the order in which they were entered.
  writing = writing.then(() => keep(text, speaker));
  field.value = "";
}

async function keep(text, speaker) {
  const content = {
    v: 1,
    type: "text",
    text,
    speaker: { name: speaker.name, role: speaker.role },
    at: new Date().toISOString(),
    seen: reading.seen,
  };
  complaint.textContent = "";
  try {
    const row = await vault.write({
      session,
      participant: speaker.id,
      sessionKey: key,
      content,
      upTo: people.reserved(speaker.id),
    });
    showOwn(row, content, "waiting");
  } catch (error) {
    // What could not be kept is given back, before whatever was typed since.
    field.value = field.value ? `${text}\n${field.value}` : text;
    const reason = { Closed: words.closed, Full: words.full, TooLong: words.tooLong };
    complaint.textContent = reason[error.constructor.name] ?? words.notStored;
    return;
  }
  send().catch(failed);
}

function showOwn(row, content, state) {
  talk.showUnsent({ participant: row.participant_id, sequence: row.sequence, content, before: [] }, state);
  $("empty").hidden = true;
}

// What an earlier page of this browser, or another tab, wrote and did not deliver.
async function showWaiting() {
  for (const row of await vault.unsent(session, SHOWN_UNSENT)) {
    const place = { session, participant: row.participant_id, sequence: row.sequence };
    const content = await decryptSegment(key, place, row);
    if (content.type === "text") showOwn(row, content, "waiting");
  }
}

async function send({ waits = false } = {}) {
  if (!vault || !key) return;
  const post = async (segments) =>
    isOver
      ? part.callWithOld("POST", "/segments", { body: { segments } })
      : part.call("POST", "/segments", { body: { segments } });
  try {
    await deliver({ vault, session, post, waits, renumber, onAnswer: (data) => people.reserve(data.reserved_up_to) });
  } catch (error) {
    if (isPassing(error)) notice("offline");
    await markUnsent(isPassing(error) ? "waiting" : "failed");
    throw error;
  }
  await markUnsent("waiting");
}

// A number that the transcript has for other words: what this browser forgot when it was cleared.
async function renumber(participant) {
  await reading.fetch();
  const waiting = (await vault.unsent(session, SHOWN_UNSENT)).filter((one) => one.participant_id === participant);
  await vault.renumber({ session, participant, sessionKey: key, sequence: reading.seen[participant] ?? 0 });
  for (const row of waiting) talk.forget(keyOf({ participant, sequence: row.sequence }));
  showParts(false);
  await showWaiting();
}

async function markUnsent(state) {
  const rows = await vault.unsent(session, SHOWN_UNSENT);
  const kept = new Set(rows.map((row) => keyOf({ participant: row.participant_id, sequence: row.sequence })));
  for (const waiting of talk.waiting) {
    const stays = people.isGone(waiting.split("/")[0]) ? "failed" : state;
    talk.mark(waiting, kept.has(waiting) ? stays : "sent");
  }
}

// --- Reading along ---

$("log").addEventListener("scroll", () => talk.isAtEnd && ($("newest").hidden = true), { passive: true });
$("newest").addEventListener("click", () => {
  talk.toEnd();
  $("newest").hidden = true;
  $("log").focus();
});

function speakerChosen(speaker, isChanged) {
  $("composer-label").textContent = words.composerAs.replace("{name}", speaker.name);
  if (isChanged) field.focus();
}

// --- Speakers, invitations, people ---

$("speaker-form")?.addEventListener("submit", async (event) => {
  event.preventDefault();
  const form = event.target;
  const { name, role } = Object.fromEntries(new FormData(form));
  form.dataset.id ??= crypto.randomUUID();
  try {
    await part.call("POST", "/participants", { body: { id: form.dataset.id, name: name.trim(), role } });
  } catch (error) {
    return failure(error);
  }
  delete form.dataset.id;
  form.reset();
  form.elements.name.focus();
  polling.wake();
});

function showInvited(invitations) {
  const place = $("invited");
  if (!place) return;
  $("invited-panel").hidden = !invitations.length;
  const made = invitations.map(({ email, state }) => {
    const line = document.getElementById("tpl-invited").content.firstElementChild.cloneNode(true);
    line.querySelector("[data-email]").textContent = email;
    for (const badge of line.querySelectorAll("[data-state]")) badge.hidden = badge.dataset.state !== state;
    return line;
  });
  place.replaceChildren(...made);
}

async function remove(person) {
  const dialog = document.querySelector("[data-dialog-of=remove]");
  dialog.querySelector("[data-question]").textContent = words.removeQuestion.replace("{name}", person.name);
  if (!(await asked(dialog))) return;
  await part.call("PUT", `/participants/${person.id}/admission`, { body: { action: "refuse" } }).catch(failure);
  polling.wake();
}

// Whether the person confirms what the dialog asks.
function asked(dialog) {
  return new Promise((resolve) => {
    dialog.returnValue = "";
    dialog.querySelector("[data-confirm]").onclick = () => dialog.close("yes");
    dialog.querySelector("[data-close]").onclick = () => dialog.close();
    dialog.addEventListener("close", () => resolve(dialog.returnValue === "yes"), { once: true });
    dialog.showModal();
  });
}

document.querySelector("[data-ask=leave]")?.addEventListener("click", async () => {
  if (!(await asked(document.querySelector("[data-dialog-of=leave]")))) return;
  await send({ waits: true }).catch(() => {});
  await part.call("POST", "/leave").catch(() => {});
  left();
});

// --- The end ---

// The form of the dialog, or of whatever else leads to the end: what waits is delivered first, then the
// host's last word, which tells readers that nothing is cut off.
document.addEventListener(
  "submit",
  (event) => {
    const form = event.target;
    if (new URL(form.action, location).pathname !== settings.ending) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    if (form.hasAttribute("aria-busy")) return;
    form.setAttribute("aria-busy", "true");
    end(form).finally(() => form.removeAttribute("aria-busy"));
  },
  { capture: true },
);

async function end(form) {
  try {
    if (key) {
      await writing;
      await send({ waits: true });
      const content = { v: 1, type: "end", seen: reading.seen };
      await vault.write({ session, participant: me, sessionKey: key, content }).catch((error) => {
        if (!(error instanceof Closed)) throw error;
      });
      await send({ waits: true });
    }
    // With the session its token ends, and whoever asks on is refused.
    await polling?.pause();
    await part.call("POST", "/end");
  } catch (error) {
    if (error.code !== "session_over") {
      polling?.resume();
      return endFailed(form, error);
    }
  }
  isOver = true;
  location.assign(settings.page);
}

function endFailed(form, error) {
  let place = form.querySelector("[role=alert]");
  if (!place) {
    place = document.createElement("p");
    place.setAttribute("role", "alert");
    place.className = "field-error";
    form.prepend(place);
  }
  place.textContent = isPassing(error) ? words.endFailed : error.message;
}

async function over() {
  isOver = true;
  finish("over");
  await send().catch(() => {});
  const waiting = vault ? (await vault.unsent(session, SHOWN_UNSENT)).length : 0;
  const place = $("over-unsent");
  place.hidden = !waiting;
  place.textContent = words.overUnsent.replace("{count}", waiting);
  return false;
}

// Signed out, too: whoever comes to this screen next finds nothing on it.
function left() {
  talk.clear();
  $("warnings").replaceChildren();
  field.value = "";
  writing.then(() => (key = null));
  return stop("gone");
}

function stop(name) {
  isOver = true;
  finish(name);
  return false;
}

function finish(name) {
  enable(false);
  polling?.end();
  for (const other of ["offline", "expiring", "failed"]) notice(other, false);
  notice(name);
  $("badge").hidden = true;
  for (const place of document.querySelectorAll("[data-compare]")) place.hidden = true;
  for (const button of document.querySelectorAll("[data-end], [data-ask], [data-dictate], [data-remove]")) button.hidden = true;
}

// --- Time ---

const skew = Date.parse(settings.now) - Date.now();
const startedAt = Date.parse(settings.startedAt);
let spoken = Infinity;

function tick() {
  if (isOver) return;
  const now = Date.now() + skew;
  const elapsed = Math.max(0, Math.floor((now - startedAt) / 1000));
  const two = (number) => String(number).padStart(2, "0");
  $("elapsed").textContent = `${Math.floor(elapsed / 3600)}:${two(Math.floor(elapsed / 60) % 60)}:${two(elapsed % 60)}`;
  const expiresAt = Date.parse(roster?.session.expires_at ?? settings.expiresAt);
  const minutes = Math.max(0, Math.ceil((expiresAt - now) / 60_000));
  const time = inWords(minutes);
  $("left").hidden = false;
  $("left").textContent = words.timeLeft.replace("{time}", time);
  notice("expiring", minutes <= NOTICE_MINUTES);
  if (minutes <= NOTICE_MINUTES) {
    const text = words.expiring.replace("{time}", time);
    $("expiring").textContent = text;
    const mark = SPOKEN_MINUTES.findLast((one) => minutes <= one);
    if (mark < spoken) announce(text);
    spoken = Math.min(spoken, mark);
  }
  setTimeout(tick, 1000 - ((now - startedAt) % 1000));
}

function inWords(minutes) {
  const part = (number, unit) =>
    new Intl.NumberFormat(settings.language, { style: "unit", unit, unitDisplay: "long" }).format(number);
  const hours = Math.floor(minutes / 60);
  return [hours && part(hours, "hour"), (minutes % 60 || !hours) && part(minutes % 60, "minute")].filter(Boolean).join(" ");
}

// --- Beginning ---

let polling = null;

async function begin() {
  tick();
  if (!isSupported()) return stop("unsupported");
  try {
    vault = await openVault(settings.account ?? GUEST);
    await vault.identity();
  } catch {
    return stop("unsupported");
  }
  persist();
  polling = poll(look, failed);
  if (door) door.onDecided = () => polling.wake();
  // What the dialog over this page changed shows here at once.
  document.addEventListener("portal:dialog", () => polling.wake());
  dictation({ button: $("dictate"), dialog: document.querySelector("[data-dialog-of=dictation]"), asked, field, words, settings, complaint });
}

begin();
