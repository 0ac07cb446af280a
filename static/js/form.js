// Forms: the error summary takes the focus, and nothing is sent twice.

const summary = document.querySelector(".error-summary");
if (summary) {
  summary.focus();
  document.title = `${summary.querySelector(".message-title").textContent}: ${document.title}`;
}

document.addEventListener("submit", (event) => {
  const form = event.target;
  if (event.defaultPrevented || form.method !== "post") return;
  if (form.dataset.sent) {
    event.preventDefault();
    return;
  }
  form.dataset.sent = "true";
  event.submitter?.setAttribute("aria-busy", "true");
});

// The page came back out of the browser's memory: its forms are fresh again.
addEventListener("pageshow", (event) => {
  if (!event.persisted) return;
  for (const form of document.querySelectorAll("form[data-sent]")) delete form.dataset.sent;
  for (const button of document.querySelectorAll("[aria-busy]")) button.removeAttribute("aria-busy");
});
