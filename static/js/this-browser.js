// The panel "This browser": alerts are turned on by its button alone, and off the same way.
//
// <section data-this-browser="on|off" data-key="…">: what the portal knows, and the key to subscribe with.
// [data-if="on off unsupported blocked"]: shown in these states. [data-why="…"]: what went wrong.
// <form data-subscribe>: takes the subscription in its hidden fields. <form data-unsubscribe>: lets it go.

const panel = document.querySelector("[data-this-browser]");
const WORKER = "/push-worker.js";

function show(state) {
  for (const part of panel.querySelectorAll("[data-if]")) part.hidden = !part.dataset.if.split(" ").includes(state);
}

function complain(why) {
  for (const part of panel.querySelectorAll("[data-why]")) part.hidden = part.dataset.why !== why;
}

// The policy of the page lets a script of this one address be registered, and no other.
const workers = globalThis.trustedTypes?.createPolicy("push-worker", { createScriptURL: () => WORKER });
const address = () => workers?.createScriptURL("") ?? WORKER;

const known = async () => (await navigator.serviceWorker.getRegistration("/"))?.pushManager.getSubscription();

// The portal's key may have been replaced since.
function fits(subscription) {
  const key = new Uint8Array(subscription.options.applicationServerKey ?? []);
  const text = btoa(String.fromCharCode(...key)).replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");
  return text === panel.dataset.key;
}

async function find() {
  if (!("serviceWorker" in navigator && "PushManager" in globalThis && "Notification" in globalThis)) {
    return show("unsupported");
  }
  if (Notification.permission === "denied") return show("blocked");
  const subscription = await known();
  const isOn = panel.dataset.thisBrowser === "on";
  if (subscription && !isOn) {
    // Of somebody who was here before, or of a time that is over.
    await subscription.unsubscribe();
  }
  show(isOn && subscription && fits(subscription) ? "on" : "off");
  // Sent before this script ran, the form would hold nothing.
  panel.querySelector("[data-subscribe] button").disabled = false;
}

async function subscribe(form) {
  complain("");
  const permission = await Notification.requestPermission();
  if (permission === "denied") return show("blocked");
  if (permission !== "granted") return complain("unanswered");
  const registration = await navigator.serviceWorker.register(address(), { scope: "/" });
  await navigator.serviceWorker.ready;
  const before = await registration.pushManager.getSubscription();
  if (before && !fits(before)) await before.unsubscribe();
  const options = { userVisibleOnly: true, applicationServerKey: panel.dataset.key };
  const { endpoint, keys } = (await registration.pushManager.subscribe(options)).toJSON();
  for (const [name, value] of Object.entries({ endpoint, ...keys })) {
    const field = form.elements.namedItem(name);
    if (field) field.value = value;
  }
  form.submit();
}

panel?.querySelector("[data-subscribe]")?.addEventListener("submit", async (event) => {
  event.preventDefault();
  const button = event.submitter ?? event.target.querySelector("button");
  if (button.getAttribute("aria-busy")) return;
  button.setAttribute("aria-busy", "true");
  try {
    await subscribe(event.target);
  } catch {
    complain("unreachable");
  } finally {
    button.removeAttribute("aria-busy");
  }
});

// The portal forgets the way here even where the browser cannot let go of it.
panel?.querySelector("[data-unsubscribe]")?.addEventListener("submit", async (event) => {
  event.preventDefault();
  try {
    await (await known())?.unsubscribe();
  } finally {
    event.target.submit();
  }
});

// Private windows of some browsers have the names of all this, and refuse it.
if (panel?.dataset.key) find().catch(() => show("unsupported"));
