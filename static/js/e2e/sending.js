// What was written in this browser is delivered: by one tab alone, in its order, until nothing waits.

import { Problem } from "./api.js";
import { Outrun, alone } from "./vault.js";

// As many as the server takes at once.
const MOST = 50;

// Deliver what waits of a session. `post(segments)` sends; `onAnswer` gets what it answered.
// `renumber(participant)` makes room where a number is taken. False where another tab is at it.
export function deliver({ vault, session, post, onAnswer = () => {}, renumber, waits = false }) {
  const options = waits ? {} : { ifAvailable: true };
  return alone(vault.account, session, (lock) => (lock ? all({ vault, session, post, onAnswer, renumber }) : false), options);
}

async function all({ vault, session, post, onAnswer, renumber }) {
  let tries = 0;
  for (;;) {
    const segments = await vault.unsent(session, MOST);
    if (!segments.length) return true;
    try {
      const { data } = await post(segments);
      await vault.delivered(session, segments);
      onAnswer(data);
      tries = 0;
    } catch (error) {
      const isTaken = error instanceof Problem && (error.code === "sequence_taken" || error.code === "nonce_repeated");
      if (!isTaken || !renumber || (tries += 1) > 3) throw error;
      for (const participant of new Set(segments.map((one) => one.participant_id))) {
        await renumber(participant).catch((other) => {
          if (!(other instanceof Outrun)) throw other;
        });
      }
    }
  }
}
