// The time that a sign-in has left: warns before it runs out, and leaves the page when it has, or when
// somebody else is signed in by now. All tabs of the browser know of each other's.
//
// <dialog data-sign-in="/address/" data-who data-idle data-longest data-warning>: seconds from the page's request
// on, if it is used no more; how long before the end it asks. [data-if=idle|longest]: what it says then.

const dialog = document.querySelector("[data-sign-in]");
const url = dialog.dataset.signIn;
const who = dialog.dataset.who;
const warning = Number(dialog.dataset.warning) * 1000;
const unused = Number(dialog.dataset.idle) * 1000;
// What a person does is told to the portal this often.
const BETWEEN = Math.min(60_000, unused / 10);
const LONGEST_WAIT = 3_600_000;
const RETRY = 5_000;
const channel = new BroadcastChannel("sign-in");
const time = dialog.querySelector("[data-time]");

let ends = {};
let told = Date.now();
let asked = 0;
let timer = 0;
let isLeaving = false;

const nearest = () => Math.min(ends.idle, ends.longest);

function take({ idle, longest }) {
  const now = Date.now();
  ends = { idle: now + idle * 1000, longest: now + longest * 1000 };
}

async function ask(method = "GET") {
  asked = Date.now();
  const token = document.querySelector("input[name=csrfmiddlewaretoken]")?.value;
  const answer = await fetch(url, {
    method,
    headers: { Accept: "application/json", ...(method === "POST" && token && { "X-CSRFToken": token }) },
    credentials: "same-origin",
    cache: "no-store",
  });
  if (!answer.ok) throw new Error(String(answer.status));
  const found = await answer.json();
  if (found.who !== who) return leave();
  take(found);
  channel.postMessage({ who, ends });
  turn();
}

// The portal tells where to: the sign-in, with a word on why, or this page as whoever is signed in now.
function leave() {
  if (isLeaving) return;
  isLeaving = true;
  cover(true);
  location.replace(location.pathname + location.search);
}

// So that nobody reads on while the portal is asked.
function cover(is) {
  document.body.inert = is;
  document.documentElement.style.visibility = is ? "hidden" : "";
}

function turn() {
  clearTimeout(timer);
  if (isLeaving) return;
  const left = nearest() - Date.now();
  if (left > 0) cover(false);
  if (left > warning) {
    if (dialog.open) dialog.close();
    timer = setTimeout(due, Math.min(left - warning, LONGEST_WAIT));
  } else if (left > 0) {
    warn(left);
    timer = setTimeout(turn, Math.min(1000, left));
  } else {
    over();
  }
}

// Another tab may have been used, or the portal's clock runs otherwise: it is asked before anybody is warned.
function due() {
  if (nearest() - Date.now() > warning) return turn();
  ask().catch(turn);
}

function over() {
  cover(true);
  // The portal says who is signed in; where it cannot be reached, the page goes all the same.
  ask().catch(() => {
    timer = setTimeout(leave, RETRY);
  });
  timer = setTimeout(over, RETRY);
}

function warn(left) {
  const seconds = Math.ceil(left / 1000);
  const unit = seconds > 90 ? "minute" : "second";
  const language = document.documentElement.lang || "en";
  const number = unit === "minute" ? Math.round(seconds / 60) : seconds;
  time.textContent = new Intl.NumberFormat(language, { style: "unit", unit, unitDisplay: "long" }).format(number);
  if (dialog.open) return;
  const reason = ends.idle < ends.longest ? "idle" : "longest";
  for (const part of dialog.querySelectorAll("[data-if]")) part.hidden = part.dataset.if !== reason;
  dialog.showModal();
  dialog.querySelector("button:not([hidden] *)")?.focus();
}

// --- Being there ---

function stay() {
  told = Date.now();
  ask("POST").catch(turn);
}

function active() {
  if (dialog.open || isLeaving || Date.now() - told < BETWEEN || nearest() <= Date.now()) return;
  stay();
}

for (const kind of ["keydown", "pointerdown", "input", "wheel", "portal:active"]) {
  document.addEventListener(kind, active, { passive: true, capture: true });
}

dialog.querySelector("[data-stay]").addEventListener("click", () => {
  // Nothing makes a sign-in last longer than it may in all: then it is only closed.
  if (ends.idle < ends.longest) stay();
  else hush();
});
dialog.addEventListener("cancel", (event) => {
  event.preventDefault();
  dialog.querySelector("[data-stay]").click();
});

function hush() {
  clearTimeout(timer);
  dialog.close();
  timer = setTimeout(over, Math.max(nearest() - Date.now(), 0));
}

channel.addEventListener("message", ({ data }) => {
  if (data.who !== who) return look();
  ends = data.ends;
  told = Date.now();
  turn();
});

// --- Coming back: the machine slept, or somebody signed out, or in, in another tab ---

function look() {
  if (isLeaving || document.hidden) return;
  if (nearest() <= Date.now()) cover(true);
  else if (Date.now() - asked < RETRY) return;
  ask().catch(turn);
}

document.addEventListener("visibilitychange", look);
addEventListener("focus", look);
addEventListener("pageshow", (event) => {
  if (!event.persisted) return;
  cover(true);
  ask().catch(turn);
});

take(dialog.dataset);
channel.postMessage({ who, ends });
turn();
