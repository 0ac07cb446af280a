// What was written in this browser is delivered: by one tab alone, in its order, until nothing waits.

import { Problem } from "./api.js";
import { Outrun, alone } from "./vault.js";

// As many as the server takes at once.
const MOST = 50;

// Deliver what waits of a session. `post(segments)` sends; `onAnswer` gets what it answered.
// `renumber(participant)` makes room where a number is taken. False where another tab is at it, or where
// something stays: of an earlier part of this browser in the session, which is over, nothing is taken.
export function deliver({ vault, session, post, onAnswer = () => {}, renumber, waits = false }) {
  const options = waits ? {} : { ifAvailable: true };
  return alone(vault.account, session, (lock) => (lock ? all({ vault, session, post, onAnswer, renumber }) : false), options);
}

async function all({ vault, session, post, onAnswer, renumber }) {
  let tries = 0;
  const gone = new Set();
  let isApart = false;
  for (;;) {
    const waiting = (await vault.unsent(session, Infinity)).filter((one) => !gone.has(one.participant_id));
    const segments = waiting.slice(0, isApart ? ofOne(waiting) : MOST);
    if (!segments.length) return !gone.size;
    try {
      const { data } = await post(segments);
      await vault.delivered(session, segments);
      onAnswer(data);
      tries = 0;
    } catch (error) {
      if (error instanceof Problem && error.status === 404) {
        // Of whom it is said is known once each is sent alone; in their order, as ever.
        if (isApart) gone.add(segments[0].participant_id);
        isApart = true;
        continue;
      }
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

// How many of those that wait stand together at the beginning, of one participant.
function ofOne(waiting) {
  const other = waiting.findIndex((one) => one.participant_id !== waiting[0].participant_id);
  return Math.min(MOST, other < 0 ? waiting.length : other);
}
