// <a href="/page/" data-dialog="/page/">: shows that page's [data-dialog-body] in a dialog over this one.
// The link keeps working as a link: without script, in a new tab, and when anything here fails.

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
  const response = await fetch(url, { credentials: "same-origin", headers: { Accept: "text/html" } });
  // Somewhere else now: a sign-in, or a refusal. That is a page of its own.
  if (response.redirected || !response.ok) throw new Error("not a dialog");
  const page = new DOMParser().parseFromString(await response.text(), "text/html");
  const body = page.querySelector("[data-dialog-body]");
  if (!body) throw new Error("not a dialog");

  const dialog = document.createElement("dialog");
  dialog.className = "dialog";
  dialog.id = "page-dialog";
  const title = document.createElement("h2");
  title.className = "dialog-title";
  title.id = "page-dialog-title";
  title.tabIndex = -1;
  title.textContent = (page.querySelector("[data-dialog-title]") ?? page.querySelector("h1"))?.textContent.trim();
  dialog.setAttribute("aria-labelledby", title.id);
  const content = document.importNode(body, true);
  content.querySelector("[data-dialog-title]")?.remove();
  content.classList.add("dialog-body");
  for (const form of content.querySelectorAll("form")) {
    // An address left out means the page that the form stood on.
    if (!form.getAttribute("action")) form.action = url;
  }
  dialog.append(title, content);

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
    } else if (event.target === dialog) {
      dialog.close();
    }
  });
  dialog.showModal();
  (content.querySelector("[autofocus]") ?? title).focus();
  dialog.dispatchEvent(new CustomEvent("portal:dialog", { bubbles: true }));
}
