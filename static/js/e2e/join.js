// Joining a session: the form (this browser commits to its key, and tells it to nobody yet), and the
// room where one waits: the host answers, this browser reveals, both screens show six digits.

import { Part, Problem, csrf, facts, isPassing, poll } from "./api.js";
import { compared } from "./compare.js";
import { Exchanged, isSupported, openVault } from "./vault.js";

const GUEST = "guest";

// --- The form ---

const form = document.querySelector("[data-join-form]");
if (form && !isSupported()) document.querySelector("[data-unsupported]").hidden = false;
form?.addEventListener("submit", commit, { capture: true });

async function commit(event) {
  const field = form.elements.key_commitment;
  if (field.value || !isSupported()) return;
  event.preventDefault();
  event.stopPropagation();
  try {
    field.value = await (await openVault(form.dataset.account)).beginHandshake();
  } catch {
    document.querySelector("[data-unsupported]").hidden = false;
    return;
  }
  form.requestSubmit(event.submitter);
}

// A page that came back out of the browser's memory begins anew.
addEventListener("pageshow", (event) => {
  if (event.persisted && form) form.elements.key_commitment.value = "";
});

// --- The room ---

const room = document.querySelector("[data-waiting]");
if (room) wait(facts("live-settings"));

async function wait(settings) {
  if (!isSupported()) return show("unsupported");
  const { session, participant, commitment } = settings;
  const part = new Part(settings);
  let vault;
  try {
    vault = await openVault(settings.account ?? GUEST);
    // What a commitment was made for never changes: another session's page cannot use it.
    await vault.bindHandshake(commitment, { context: session, subject: participant });
  } catch (error) {
    return show(error instanceof Exchanged ? "gone" : "unsupported");
  }
  let tag;
  let isRevealed = false;

  async function look() {
    const answer = await part.call("GET", "/participants", { tag });
    offline(false);
    if (answer.status === 304) return true;
    const own = answer.data.participant;
    // Only those who are in are shown who else is.
    if (!own) return enter();
    if (answer.data.session.status !== "active") return show("over");
    if (own.state === "refused") return show("refused");
    if (own.host_key && own.host_nonce && !isRevealed) {
      const { public_key, nonce, digits } = await vault.reveal(participant, own.host_key, own.host_nonce);
      await part.call("PUT", `/participants/${participant}/admission`, {
        body: { action: "reveal", public_key, nonce },
      });
      isRevealed = true;
      tell(digits);
    } else if (isRevealed) {
      // A second answer of the host's is another host.
      await vault.reveal(participant, own.host_key, own.host_nonce);
    }
    tag = answer.tag;
    return true;
  }

  function tell(digits) {
    show("digits");
    // Digit by digit, for whoever listens.
    announce(`${room.querySelector("[data-digits-label]").textContent}: ${[...digits].join(" ")}`);
    compare();
  }

  async function compare() {
    const isSame = await compared(room.querySelector("[data-compare]"), vault, participant);
    room.querySelector("[data-compared]").hidden = !isSame;
    if (isSame) return;
    polling.end();
    await part.call("POST", "/leave", { csrf: csrf() }).catch(() => {});
    show("exchanged");
  }

  function failed(error) {
    if (error instanceof Exchanged) return show("exchanged");
    if (isPassing(error)) return offline(true);
    return show(stageOf(error));
  }

  const polling = poll(look, failed);
  document.querySelector("[data-leave]").addEventListener("click", async () => {
    polling.end();
    await part.call("POST", "/leave", { csrf: csrf() }).catch(() => {});
    location.assign("/join/");
  });
}

function stageOf(error) {
  if (!(error instanceof Problem)) return "unsupported";
  if (error.code === "session_over") return "over";
  if (error.code === "commitment_mismatch" || error.code === "handshake_step") return "exchanged";
  return error.reason === "refused" ? "refused" : "gone";
}

function enter() {
  location.reload();
  return false;
}

function offline(is) {
  room.querySelector("[data-offline]").hidden = !is;
  return true;
}

function show(stage) {
  for (const one of room.querySelectorAll("[data-stage]")) one.hidden = one.dataset.stage !== stage;
  if (stage !== "connecting" && stage !== "digits") {
    document.querySelector("[data-leave]").hidden = true;
    announce(room.querySelector(`[data-stage=${stage}]`).textContent.trim());
    return false;
  }
  return true;
}

function announce(text) {
  document.querySelector("[data-announce]").textContent = text;
}
