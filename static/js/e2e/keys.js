// Carrying keys over. This browser asks another one of the person's devices, or answers one that asks:
// both show the same six digits, the person compares them on both, and the answering one makes
// envelopes for the other.

import { Problem, csrf, facts, isPassing, poll, send } from "./api.js";
import { NO_SESSION, grouped } from "./crypto.js";
import { fill } from "./talk.js";
import { Exchanged, TooMany, isSupported, openVault, persist } from "./vault.js";

const REQUESTS = "/api/key-requests";
const BATCH = 100;

const settings = facts("keys-settings");
const words = facts("keys-words");
const own = document.querySelector("[data-own]");
const list = document.querySelector("[data-list]");
const entries = new Map();

let vault;
let asked = null;
let stage = "none";
let isConfirmed = false;
let polling;

const post = (url, body) => send("POST", url, { body, csrf: csrf() });
const put = (id, step, body = {}) => send("PUT", `${REQUESTS}/${id}/${step}`, { body, csrf: csrf() });

function announce(text) {
  document.querySelector("[data-announce]").textContent = text;
}

function failure(error) {
  const place = document.querySelector("[data-failure]");
  place.hidden = !error;
  if (!error) return;
  document.querySelector("[data-failure-text]").textContent = isPassing(error) ? words.notDone : error.message;
  document.querySelector("[data-limit]").hidden = error.code !== "device_limit";
}

// A press on a button: once at a time, and what goes wrong is said.
async function doing(button, work, complain = failure) {
  if (button.hasAttribute("aria-busy")) return;
  button.setAttribute("aria-busy", "true");
  failure(null);
  try {
    await work();
  } catch (error) {
    if (error instanceof Exchanged) return show("exchanged");
    complain(error);
  } finally {
    button.removeAttribute("aria-busy");
  }
  polling.wake();
}

// --- Asking ---

function show(next) {
  if (stage === next) return;
  stage = next;
  for (const one of own.querySelectorAll("[data-stage]")) one.hidden = one.dataset.stage !== next;
  const shown = own.querySelector(`[data-stage=${next}]`);
  if (next !== "none") announce(shown.querySelector("p")?.textContent ?? "");
}

own.querySelector("[data-ask]").addEventListener("submit", (event) => {
  event.preventDefault();
  const keys = new FormData(event.target).get("keys");
  doing(event.submitter, async () => {
    const commitment = await vault.beginHandshake({ keys });
    const body = { key_commitment: commitment, session_id: keys === "all" ? null : keys };
    const { data } = await post(REQUESTS, body);
    await vault.bindHandshake(commitment, { context: NO_SESSION, subject: data.id });
    persist();
    follow(data.id);
    show("waiting");
  });
});

function follow(id) {
  asked = { id, tag: undefined };
  isConfirmed = false;
}

// One's own request: pin what was answered, reveal, compare; then wait for the keys.
async function lookAtOwn() {
  if (!asked) return;
  const { id } = asked;
  const answer = await send("GET", `${REQUESTS}/${id}`, { tag: asked.tag });
  if (answer.status === 304) return;
  const row = answer.data;
  if (row.state === "waiting") await goOn(row);
  else await decided(row);
  if (asked) asked.tag = answer.tag;
}

async function goOn(row) {
  if (!row.responder_key) return show("waiting");
  const { public_key, nonce, digits } = await vault.reveal(row.id, row.responder_key, row.responder_nonce);
  if (!row.nonce) await put(row.id, "reveal", { public_key, nonce });
  own.querySelector("[data-digits]").textContent = grouped(digits);
  own.querySelector("[data-by]").textContent = words.by.replace("{device}", row.answered_by.name);
  show(isConfirmed ? "confirmed" : "digits");
}

async function decided(row) {
  // Approved on the other device alone: the keys are believed once the digits were compared here, too.
  if (row.state === "approved" && !isConfirmed) return show("digits");
  if (row.state === "approved") {
    own.querySelector("[data-received]").textContent = words.received.replace("{count}", row.carried);
  }
  asked = null;
  show(row.state === "withdrawn" ? "none" : row.state);
}

own.querySelector("[data-same]").addEventListener("click", (event) =>
  doing(event.currentTarget, async () => {
    await vault.confirm(asked.id);
    isConfirmed = true;
    asked.tag = undefined;
    show("confirmed");
  }),
);

own.querySelector("[data-differ]").addEventListener("click", (event) =>
  doing(event.currentTarget, async () => {
    const { id } = asked;
    await vault.reject(id);
    asked = null;
    show("exchanged");
    await put(id, "withdrawal");
  }),
);

for (const button of own.querySelectorAll("[data-withdraw]")) {
  button.addEventListener("click", () =>
    doing(button, async () => {
      await put(asked.id, "withdrawal");
      asked = null;
      show("none");
    }),
  );
}

for (const button of own.querySelectorAll("[data-again]")) button.addEventListener("click", () => show("none"));

// --- Answering ---

async function lookAtOthers() {
  const { data } = await send("GET", REQUESTS);
  const mine = data.key_requests.find((row) => row.is_yours);
  // Asked on an earlier page of this browser.
  if (mine && !asked && stage === "none" && (await vault.handshake(mine.id))) {
    follow(mine.id);
    isConfirmed = Boolean((await vault.handshake(mine.id)).isConfirmed);
    await lookAtOwn();
  }
  const others = data.key_requests.filter((row) => !row.is_yours);
  for (const [id, entry] of entries) {
    if (others.some((row) => row.id === id) || entry.isBusy || entry.isDone) continue;
    entry.line.remove();
    entries.delete(id);
  }
  for (const row of others) await welcome(row);
  document.querySelector("[data-others]").hidden = !entries.size;
}

async function welcome(row) {
  let entry = entries.get(row.id);
  if (!entry) {
    const asks = row.session_id ? words.asksForOne : words.asksForAll;
    const line = fill("tpl-request", { name: row.asked_by.name, asks });
    for (const place of line.querySelectorAll("[data-of]")) place.textContent = ` ${row.asked_by.name}`;
    entry = { line, verified: null, row };
    const press = (name, work) =>
      line.querySelector(`[data-${name}]`).addEventListener("click", (event) =>
        doing(event.currentTarget, () => work(entry), (error) => complain(entry, error)),
      );
    press("answer", answer);
    press("approve", approve);
    press("refuse", refuse);
    entries.set(row.id, entry);
    list.append(line);
    announce(`${row.asked_by.name} ${asks}`);
  }
  entry.row = row;
  await verify(entry);
  draw(entry);
}

async function answer(entry) {
  const { id, commitment } = entry.row;
  await put(id, "answer", await vault.answer({ context: NO_SESSION, subject: id, commitment }));
}

async function verify(entry) {
  const { row } = entry;
  if (entry.verified || entry.isSpoilt || !row.is_answered_by_you || !row.nonce) return;
  try {
    const digits = await vault.verify({ context: NO_SESSION, subject: row.id }, row.public_key, row.nonce);
    // What was verified is what keys are wrapped for, whatever the server says later.
    entry.verified = row.public_key;
    entry.line.querySelector("[data-digits]").textContent = grouped(digits);
    announce(words.compare);
  } catch (error) {
    if (!(error instanceof Exchanged)) throw error;
    entry.isSpoilt = true;
    complain(entry, error);
  }
}

function draw(entry) {
  const { line, row, verified, isSpoilt, isDone } = entry;
  const isElsewhere = row.answered_by && !row.is_answered_by_you;
  line.querySelector("[data-answer]").hidden = Boolean(row.answered_by) || !settings.isDevice || isDone;
  line.querySelector("[data-approve]").hidden = !verified || isSpoilt || isDone || entry.isBusy;
  line.querySelector("[data-refuse]").hidden = isDone || !settings.isDevice;
  const say = line.querySelector("[data-say]");
  if (isDone || entry.isBusy) return;
  if (!settings.isDevice) say.textContent = words.onlyDevices;
  else if (isElsewhere) say.textContent = words.answeredElsewhere.replace("{device}", row.answered_by.name);
  else if (verified) say.textContent = words.compare;
  else say.textContent = row.answered_by ? words.wait : "";
}

function complain(entry, error) {
  const place = entry.line.querySelector("[data-problem]");
  place.hidden = false;
  if (error instanceof Exchanged) place.textContent = words.exchanged;
  else if (error instanceof TooMany) place.textContent = words.tooMany;
  else place.textContent = isPassing(error) ? words.notDone : error.message;
}

async function refuse(entry) {
  await put(entry.row.id, "refusal");
}

// Every key that this browser has and was asked for, a hundred at a time.
async function approve(entry) {
  const { row, line, verified } = entry;
  const progress = line.querySelector("[data-progress]");
  const say = line.querySelector("[data-say]");
  line.querySelector("[data-problem]").hidden = true;
  entry.isBusy = true;
  let count = 0;
  try {
    const held = await envelopes(row.session_id);
    progress.hidden = false;
    progress.max = Math.max(held.length, 1);
    for (let at = 0; at < held.length; at += BATCH) {
      const batch = [];
      for (const envelope of held.slice(at, at + BATCH)) {
        const wrapped = await wrapAnew(envelope, verified);
        if (wrapped) batch.push({ session_id: envelope.session_id, wrapped });
      }
      if (!batch.length) continue;
      count += batch.length;
      await put(row.id, "approval", { envelopes: batch, done: false });
      progress.value = at + batch.length;
      say.textContent = words.progress.replace("{count}", count);
    }
    if (!count) throw new Problem(404, { detail: words.nothing, code: "envelope_missing" });
    await put(row.id, "approval", { envelopes: [], done: true });
    entry.isDone = true;
    line.querySelector("[data-digits]").textContent = "";
    say.textContent = words.done.replace("{count}", count);
    announce(say.textContent);
  } finally {
    entry.isBusy = false;
    progress.hidden = true;
    draw(entry);
  }
}

// Null for an envelope from a device that was not verified here: nothing of it is handed on.
async function wrapAnew(envelope, recipient) {
  try {
    const key = await vault.openEnvelope(envelope.session_id, envelope);
    return await vault.sealFor(envelope.session_id, key, recipient);
  } catch {
    return null;
  }
}

async function envelopes(session) {
  const { thumbprint } = await vault.identity();
  const all = [];
  let after = "";
  do {
    const { data } = await send("GET", `/api/envelopes?thumbprint=${thumbprint}${after && `&after=${after}`}`);
    all.push(...data.envelopes);
    after = data.next ?? "";
  } while (after);
  return session ? all.filter((one) => one.session_id === session) : all;
}

// --- Beginning ---

async function begin() {
  if (!isSupported()) return show("unsupported");
  try {
    vault = await openVault(settings.account);
    await vault.identity();
  } catch {
    return show("unsupported");
  }
  polling = poll(
    async () => {
      await lookAtOthers();
      await lookAtOwn();
    },
    (error) => {
      if (error instanceof Exchanged) return show("exchanged");
      if (!isPassing(error)) failure(error);
      return error.status !== 401;
    },
  );
}

begin();
