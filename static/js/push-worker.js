// The portal's service worker: shows alerts that come while no page of the portal is open, and leads to
// what they are about. It answers no request of a page, and keeps nothing.
//
// An alert is JSON: {"title", "body", "path", "tag"}. A later one with the same tag takes the earlier one's place.

const RENEWAL = "/settings/notifications/this-browser/subscription/renewal/";

addEventListener("install", () => skipWaiting());

addEventListener("push", (event) => event.waitUntil(show(event.data)));

addEventListener("notificationclick", (event) => {
  event.notification.close();
  event.waitUntil(open(event.notification.data?.path));
});

// What the browser does by itself: its subscription ends, and another takes its place.
addEventListener("pushsubscriptionchange", (event) => event.waitUntil(renew(event.newSubscription)));

// Whoever used this browser is signed out: what came for them goes with them.
addEventListener("message", (event) => {
  if (event.data === "drop") event.waitUntil(drop());
});

function show(data) {
  // Each push must show something, or the browser shows words of its own.
  const { title, body, path, tag } = read(data);
  return registration.showNotification(title || "MediMic", {
    body,
    tag,
    renotify: Boolean(tag),
    data: { path: ours(path) },
  });
}

function read(data) {
  try {
    const found = data?.json() ?? {};
    const text = (name) => (typeof found[name] === "string" ? found[name] : "");
    return { title: text("title"), body: text("body"), path: text("path"), tag: text("tag") };
  } catch {
    return { title: "", body: "", path: "", tag: "" };
  }
}

// The address of a page of the portal; anything else leads to its first one.
function ours(path) {
  try {
    const { origin, href } = new URL(path || "/", location.origin);
    if (origin === location.origin) return href;
  } catch {
    // No address at all.
  }
  return `${location.origin}/`;
}

async function open(path) {
  const address = ours(path);
  const pages = await clients.matchAll({ type: "window", includeUncontrolled: true });
  const shown = pages.find((page) => page.url.split("#")[0] === address);
  return shown ? shown.focus() : clients.openWindow(address);
}

async function renew(given) {
  const state = await ask();
  if (!state.is_on) return drop();
  const options = { userVisibleOnly: true, applicationServerKey: state.public_key };
  const subscription = given ?? (await registration.pushManager.subscribe(options));
  const { endpoint, keys } = subscription.toJSON();
  const { is_on: isTaken } = await ask({
    method: "POST",
    headers: { "X-CSRFToken": state.csrf },
    body: new URLSearchParams({ endpoint, p256dh: keys.p256dh, auth: keys.auth }),
  });
  if (!isTaken) await drop();
}

// Signed out, the portal answers with another page.
async function ask(options) {
  const answer = await fetch(RENEWAL, { cache: "no-store", ...options });
  const isJson = (answer.headers.get("Content-Type") ?? "").startsWith("application/json");
  return answer.ok && isJson ? answer.json() : { is_on: false };
}

async function drop() {
  for (const shown of await registration.getNotifications()) shown.close();
  const subscription = await registration.pushManager.getSubscription();
  await subscription?.unsubscribe();
}
