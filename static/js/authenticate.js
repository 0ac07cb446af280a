// Waits for a device to use its link: asks seldom, stops where nobody looks, and then shows what happened
// in the dialog or page that the link stands on, and in the table behind it.
//
// [data-state="/address/"][data-now="waiting"]: asked for its state until that is another one.
// [data-page="/address/"]: shows the page of that address then. [data-countdown="2026-01-31T…"]: the time left.

import { readPage } from "./page.js";

const FIRST = 2000;
const LONGEST = 15000;
const GROWTH = 1.15;
const watched = new Set();

function look() {
  for (const element of document.querySelectorAll("[data-state]")) {
    const url = element.dataset.state;
    if (!watched.has(url)) watch(url).finally(() => watched.delete(url));
  }
  countDown();
}

const waiting = (url) => [...document.querySelectorAll("[data-state]")].filter((one) => one.dataset.state === url);

async function watch(url) {
  watched.add(url);
  let pause = FIRST;
  for (;;) {
    await rest(pause);
    if (document.hidden) {
      await shown();
      pause = FIRST;
    }
    const elements = waiting(url);
    if (!elements.length) return;
    const before = elements[0].dataset.now;
    pause = Math.min(pause * GROWTH, LONGEST);
    let response;
    try {
      // The answer to what is known already is an empty 304.
      response = await fetch(url, { headers: { "If-None-Match": `"${before}"` }, cache: "no-store" });
    } catch {
      continue;
    }
    if (response.status === 304) continue;
    // Signed out, or the row is gone: nothing to wait for.
    if (!response.ok || response.redirected) return;
    const { state } = await response.json();
    if (state === before) continue;
    for (const element of waiting(url)) element.dataset.now = state;
    await Promise.allSettled([showPages(url), refreshTable(url)]);
    // The page knows it now. One that tells otherwise would be asked about for ever.
    if (state === "active" || state === "ended" || waiting(url)[0]?.dataset.now !== state) return;
  }
}

const rest = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));

function shown() {
  return new Promise((resolve) => {
    document.addEventListener("visibilitychange", function seen() {
      if (document.hidden) return;
      document.removeEventListener("visibilitychange", seen);
      resolve();
    });
  });
}

async function read(url) {
  const found = await readPage(url);
  if (!found.ok || !found.page) throw new Error("no page");
  return found;
}

async function showPages(url) {
  for (const element of waiting(url).filter((one) => one.dataset.page)) {
    const found = await read(element.dataset.page);
    const dialog = element.closest("dialog");
    if (dialog) {
      dialog.dispatchEvent(new CustomEvent("portal:fill", { detail: found }));
      continue;
    }
    const main = document.importNode(found.page.getElementById("main"), true);
    document.getElementById("main").replaceWith(main);
    document.title = found.page.title;
    history.replaceState(null, "", found.url);
    main.focus();
    look();
  }
}

// The rows as the portal has them now; the table's head, its menu and the place of the focus stay.
async function refreshTable(url) {
  const before = document.querySelector("#main .device-table, #main > .empty");
  if (!before) return;
  const { page } = await read(location.href);
  const after = page.querySelector("#main .device-table, #main > .empty");
  if (!after) return;
  const row = [...after.querySelectorAll("tr")].find((one) => one.querySelector(`a[href^="${CSS.escape(top(url))}"]`));
  const focused = document.activeElement?.closest("#main tr") ? document.activeElement.getAttribute("href") : null;
  const rows = [before, after].map((one) => one.querySelector("tbody"));
  if (rows[0] && rows[1]) rows[0].replaceWith(document.importNode(rows[1], true));
  else before.replaceWith(document.importNode(after, true));
  if (focused) document.querySelector(`#main tr a[href="${CSS.escape(focused)}"]`)?.focus();
  if (row && !document.querySelector("dialog[open]")) announce(row);
  look();
}

const top = (url) => url.replace(/authentication\/.*$/, "");

function announce(row) {
  const region = document.querySelector(".messages[role=status]");
  const words = document.createElement("p");
  words.className = "visually-hidden";
  words.textContent = `${row.querySelector("a").textContent}: ${row.querySelector(".badge")?.textContent ?? ""}`;
  region?.append(words);
  setTimeout(() => words.remove(), 4000);
}

// --- The time left: shown by the minute, spoken at a few marks ------------------

const MARKS = [60, 10, 1];
let ticking;

function countDown() {
  clearTimeout(ticking);
  const clocks = document.querySelectorAll("[data-countdown]");
  for (const clock of clocks) {
    const left = Math.ceil((Date.parse(clock.dataset.countdown) - Date.now()) / 60000);
    const text = left > 0 ? clock.dataset.words.replace("{time}", inWords(left)) : "";
    if (clock.textContent !== text) clock.textContent = text;
    clock.hidden = !text;
    if (clock.nextElementSibling?.matches(".link-until")) clock.nextElementSibling.hidden = Boolean(text);
    const said = Number(clock.dataset.said ?? Infinity);
    const mark = MARKS.findLast((minutes) => left <= minutes);
    if (mark && mark < said && left > 0) {
      clock.dataset.said = mark;
      // Not when the page has only just been opened: the same is there to read.
      if (said !== Infinity || left === mark) {
        const region = clock.closest("[data-dialog-body]")?.querySelector("[data-announce]");
        if (region) region.textContent = text;
      }
    }
  }
  if (clocks.length) ticking = setTimeout(countDown, 20000);
}

function inWords(minutes) {
  const language = document.documentElement.lang || "en";
  const part = (number, unit) => new Intl.NumberFormat(language, { style: "unit", unit, unitDisplay: "long" }).format(number);
  const hours = Math.floor(minutes / 60);
  const parts = [hours && part(hours, "hour"), minutes % 60 && part(minutes % 60, "minute")].filter(Boolean);
  return new Intl.ListFormat(language, { style: "narrow", type: "unit" }).format(parts);
}

// --- Beginning ---------------------------------------------------------------

// A link was made in the dialog, or something was decided there: the table behind tells it, too.
document.addEventListener("portal:dialog", (event) => {
  const shown = event.target.querySelector("[data-page]");
  if (shown) {
    const url = `${shown.dataset.page}state/`;
    const row = waiting(url).find((one) => one !== shown);
    if (row?.dataset.now !== shown.dataset.now) refreshTable(url).catch(() => {});
  }
  look();
});
look();
