// <form data-passkey="get" or "create">: asks the browser for a passkey, and sends what it made.
//
// What the portal asks for stands in the JSON script #passkey-options, or is fetched from data-options-url
// at the press of the button. Words for what may go wrong: data-cancelled, data-failed, data-known, data-missing.

const bytes = (text) =>
  Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (sign) => sign.charCodeAt(0));

const text = (buffer) =>
  btoa(String.fromCharCode(...new Uint8Array(buffer)))
    .replaceAll("+", "-")
    .replaceAll("/", "_")
    .replaceAll("=", "");

const opened = (list = []) => list.map((one) => ({ ...one, id: bytes(one.id) }));

function creation({ publicKey: asked }) {
  return {
    ...asked,
    challenge: bytes(asked.challenge),
    user: { ...asked.user, id: bytes(asked.user.id) },
    excludeCredentials: opened(asked.excludeCredentials),
  };
}

function request({ publicKey: asked }) {
  return { ...asked, challenge: bytes(asked.challenge), allowCredentials: opened(asked.allowCredentials) };
}

// As WebAuthn's own toJSON, which not every browser has.
function written(credential) {
  const { response } = credential;
  const parts = ["clientDataJSON", "attestationObject", "authenticatorData", "signature", "userHandle"];
  return {
    id: credential.id,
    rawId: text(credential.rawId),
    type: credential.type,
    authenticatorAttachment: credential.authenticatorAttachment ?? undefined,
    clientExtensionResults: credential.getClientExtensionResults(),
    response: {
      ...Object.fromEntries(parts.filter((name) => response[name]).map((name) => [name, text(response[name])])),
      ...(response.getTransports && { transports: response.getTransports() }),
    },
  };
}

async function options(form) {
  if (!form.dataset.optionsUrl) return JSON.parse(document.getElementById("passkey-options").textContent);
  const answer = await fetch(form.dataset.optionsUrl, {
    headers: { Accept: "application/json", "X-Requested-With": "XMLHttpRequest" },
    credentials: "same-origin",
    cache: "no-store",
  });
  if (!answer.ok) throw new Error(String(answer.status));
  return answer.json();
}

async function made(form) {
  const asked = await options(form);
  const isNew = form.dataset.passkey === "create";
  const credential = isNew
    ? await navigator.credentials.create({ publicKey: creation(asked.creation_options) })
    : await navigator.credentials.get({ publicKey: request(asked.request_options) });
  return JSON.stringify(written(credential));
}

function say(form, words) {
  const place = form.querySelector("[data-passkey-error]");
  place.querySelector("[data-words]").textContent = words;
  place.hidden = !words;
}

function why(form, error) {
  if (error.name === "InvalidStateError") return form.dataset.known;
  return error.name === "NotAllowedError" || error.name === "AbortError" ? form.dataset.cancelled : form.dataset.failed;
}

async function ask(form, button) {
  if (form.hasAttribute("aria-busy")) return;
  form.setAttribute("aria-busy", "true");
  button?.setAttribute("aria-busy", "true");
  say(form, "");
  try {
    form.elements.credential.value = await made(form);
    const choice = document.querySelector("input[type=checkbox][name=remember]");
    if (choice?.checked && form.elements.remember) form.elements.remember.value = "on";
    form.requestSubmit(button ?? undefined);
  } catch (error) {
    button?.removeAttribute("aria-busy");
    say(form, why(form, error));
  } finally {
    form.removeAttribute("aria-busy");
  }
}

for (const form of document.querySelectorAll("form[data-passkey]")) {
  if (!globalThis.PublicKeyCredential) {
    say(form, form.dataset.missing);
    for (const button of form.querySelectorAll("button")) button.disabled = true;
    continue;
  }
  form.addEventListener("submit", (event) => {
    if (form.elements.credential.value) return;
    event.preventDefault();
    ask(form, event.submitter);
  });
}

// Back on the page: what was made is spent.
addEventListener("pageshow", () => {
  for (const form of document.querySelectorAll("form[data-passkey]")) form.elements.credential.value = "";
});
