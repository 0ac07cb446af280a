// The transcript of a session that is over, opened where this browser has its key.

import { Problem, csrf, facts, isPassing, send } from "./api.js";
import { Refused } from "./crypto.js";
import { Reading } from "./reading.js";
import { deliver } from "./sending.js";
import { Talk, warn } from "./talk.js";
import { isSupported, openVault } from "./vault.js";

const place = document.querySelector("[data-transcript]");
const $ = (name) => place.querySelector(`[data-${name}]`);

async function open(settings, words) {
  const { session, api } = settings;
  const say = (text) => ($("progress").textContent = text);
  if (!isSupported()) return locked(say);
  const vault = await openVault(settings.account);
  const key = await keyOf(vault, settings);
  if (!key) return locked(say);
  const sent = await deliverLate(vault, session, api);
  const reading = new Reading({ session, key, vault, ask: (path) => send("GET", api + path) });
  await reading.fetch();
  const { parts, warnings } = reading.check(settings.host, true);
  const talk = new Talk({ list: $("parts"), words, settings, own: settings.own });
  talk.show(parts);
  warn($("warnings"), warnings, words);
  $("locked").hidden = true;
  $("empty").hidden = talk.lines.size > 0;
  say(sent ? words.delivered.replace("{count}", sent) : "");
}

// The session's key, out of an envelope from a device that was verified here; null where there is none.
async function keyOf(vault, { session, api }) {
  const { thumbprint } = await vault.identity();
  try {
    const { data } = await send("GET", `${api}/envelope?thumbprint=${thumbprint}`);
    return await vault.openEnvelope(session, data);
  } catch (error) {
    if (error instanceof Refused || (error instanceof Problem && !isPassing(error))) return null;
    throw error;
  }
}

// What this browser wrote while it had no connection, and the session ended.
async function deliverLate(vault, session, api) {
  const count = async () => (await vault.unsent(session, Infinity)).length;
  const waiting = await count();
  if (!waiting) return 0;
  const post = (segments) => send("POST", `${api}/segments`, { body: { segments }, csrf: csrf() });
  try {
    await deliver({ vault, session, post, waits: true });
    return waiting - (await count());
  } catch {
    // Too late, or no connection: it stays in this browser.
    return 0;
  }
}

function locked(say) {
  say("");
  $("ask").hidden = false;
}

if (document.getElementById("transcript-settings")) {
  const words = facts("transcript-words");
  open(facts("transcript-settings"), words).catch((error) => {
    $("progress").textContent = words.failed;
    if (!isPassing(error)) throw error;
  });
}
