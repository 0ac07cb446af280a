// <a href="/page/" data-dialog="/page/">: shows that page's [data-dialog-body] in a dialog over this one.
// The link keeps working as a link: without script, in a new tab, and when anything here fails.

import { readPage } from "./page.js";

document.addEventListener("click", async (event) => {
  if (event.defaultPrevented || event.button || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
  const link = event.target.closest("a[data-dialog]");
  if (!link || typeof HTMLDialogElement === "undefined") return;
  event.preventDefault();
  if (link.getAttribute("aria-busy")) return;
  link.setAttribute("aria-busy", "true");
  const url = link.dataset.dialog || link.href;
  try {
    await open(url, link);
  } catch {
    location.assign(url);
  } finally {
    link.removeAttribute("aria-busy");
  }
});

async function open(url, opener) {
  const page = await read(url);
  const dialog = document.createElement("dialog");
  dialog.className = "dialog";
  dialog.id = "page-dialog";
  const title = document.createElement("h2");
  title.className = "dialog-title";
  title.id = "page-dialog-title";
  title.tabIndex = -1;
  dialog.setAttribute("aria-labelledby", title.id);
  dialog.append(title);
  document.body.append(dialog);
  dialog.addEventListener("close", () => {
    dialog.remove();
    opener.focus();
  });
  dialog.addEventListener("click", (event) => {
    const away = event.target.closest("a");
    // "Cancel" leads back to the page that is still there below.
    if (away && (away.hasAttribute("data-dialog-close") || away.pathname === location.pathname) && !away.hash) {
      event.preventDefault();
      dialog.close();
    } else if (away?.hasAttribute("data-in-place")) {
      event.preventDefault();
      goOn(dialog, away, away.href).catch(() => location.assign(away.href));
    } else if (event.target === dialog) {
      dialog.close();
    }
  });
  dialog.addEventListener("submit", (event) => {
    const form = event.target;
    if (!form.hasAttribute("data-in-place")) return;
    event.preventDefault();
    const data = new FormData(form);
    if (event.submitter?.name) data.append(event.submitter.name, event.submitter.value);
    const url = event.submitter?.hasAttribute("formaction") ? event.submitter.formAction : form.action;
    goOn(dialog, event.submitter ?? form, url, { method: "POST", body: data }).catch(() => {
      // The browser itself then shows what is wrong.
      form.removeAttribute("data-in-place");
      form.requestSubmit(event.submitter);
    });
  });
  dialog.addEventListener("portal:fill", (event) => fill(dialog, event.detail));
  dialog.showModal();
  fill(dialog, page);
}

// A form or a link that says data-in-place: what it leads to takes its place in the dialog.
async function goOn(dialog, cause, url, options) {
  if (dialog.hasAttribute("aria-busy")) return;
  dialog.setAttribute("aria-busy", "true");
  cause.setAttribute("aria-busy", "true");
  try {
    const page = await read(url, options);
    if (dialog.open) fill(dialog, page);
  } finally {
    dialog.removeAttribute("aria-busy");
    cause.removeAttribute("aria-busy");
  }
}

async function read(url, options) {
  const found = await readPage(url, options);
  if (!found.ok || !found.page?.querySelector("[data-dialog-body]")) {
    // Somewhere else now: a sign-in, perhaps. That is a page of its own; what was posted is not posted again.
    if (found.ok && options) {
      location.assign(found.url);
      return new Promise(() => {});
    }
    throw new Error("not a dialog");
  }
  return found;
}

function fill(dialog, { page, url }) {
  const body = page.querySelector("[data-dialog-body]");
  const title = dialog.querySelector(".dialog-title");
  title.textContent = (page.querySelector("[data-dialog-title]") ?? page.querySelector("h1"))?.textContent.trim();
  const content = document.importNode(body, true);
  content.querySelector("[data-dialog-title]")?.remove();
  content.classList.add("dialog-body");
  for (const form of content.querySelectorAll("form")) {
    // An address left out means the page that the form stood on.
    if (!form.getAttribute("action")) form.action = url;
  }
  dialog.classList.toggle("is-wide", body.hasAttribute("data-dialog-wide"));
  dialog.querySelector(".dialog-body")?.remove();
  dialog.append(content);
  dialog.scrollTop = 0;
  (content.querySelector("[autofocus], .error-summary") ?? title).focus();
  dialog.dispatchEvent(new CustomEvent("portal:dialog", { bubbles: true }));
}
