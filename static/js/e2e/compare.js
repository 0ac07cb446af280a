// The joiner's own word that both screens show the same digits. The host's word alone would come by way
// of the server, and a server in between would bring it, too: into a session of its own.

import { grouped } from "./crypto.js";

// Whether they are the same, as soon as the person has said so; true at once where they did before.
// `place` shows the digits, and its choice until it is made.
export async function compared(place, vault, subject) {
  const join = await vault.handshake(subject);
  if (!join?.peerKey || join.isConfirmed) return true;
  const { digits } = await vault.reveal(subject, join.peerKey, join.peerNonce);
  place.querySelector("[data-digits]").textContent = grouped(digits);
  place.hidden = false;
  place.scrollIntoView({ block: "nearest" });
  const isSame = await new Promise((resolve) => {
    place.querySelector("[data-same]").onclick = () => resolve(true);
    place.querySelector("[data-differ]").onclick = () => resolve(false);
  });
  await (isSame ? vault.confirm(subject) : vault.reject(subject));
  place.querySelector("[data-choice]").hidden = true;
  return isSame;
}
