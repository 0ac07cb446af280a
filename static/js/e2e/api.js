// Calls of the portal's API from its own pages: refusals as `Problem`, a session's token in memory
// alone, and asking again and again at little cost.

const PATIENCE = 20_000;
const VISIBLE = 2_000;
const HIDDEN = 15_000;
const LONGEST = 30_000;

// A refusal, with its stable code.
export class Problem extends Error {
  constructor(status, problem) {
    super(problem.detail ?? String(status));
    this.status = status;
    this.code = problem.code ?? "";
    this.reason = problem.reason ?? "";
  }
}

// {status, data, tag}; throws `Problem`, or what fetch does where there is no connection.
export async function send(method, url, { body, token, tag, csrf } = {}) {
  const headers = { Accept: "application/json" };
  if (token) headers.Authorization = `Bearer ${token}`;
  if (csrf) headers["X-CSRFToken"] = csrf;
  if (tag) headers["If-None-Match"] = tag;
  if (body !== undefined) headers["Content-Type"] = "application/json";
  const response = await fetch(url, {
    method,
    headers,
    body: body === undefined ? undefined : JSON.stringify(body),
    credentials: "same-origin",
    cache: "no-store",
    signal: AbortSignal.timeout(PATIENCE),
  });
  if (response.status === 304) return { status: 304, data: null, tag };
  // A page in the place of an answer: the sign-in's, after this one ended.
  const isJson = /\bjson\b/.test(response.headers.get("Content-Type") ?? "");
  const data = isJson ? await response.json() : {};
  if (response.redirected) throw new Problem(401, { code: "not_signed_in" });
  if (!response.ok) throw new Problem(response.status, data);
  return { status: response.status, data, tag: response.headers.get("ETag") ?? undefined };
}

// This page's CSRF token.
export const csrf = () => document.querySelector("input[name=csrfmiddlewaretoken]")?.value ?? "";

export const facts = (id) => JSON.parse(document.getElementById(id).textContent);

// A busy server, or none, is asked again later; anything else will not change by itself.
export const isPassing = (error) => !(error instanceof Problem) || error.status >= 500 || error.status === 429;

const partOver = () => new Problem(410, { code: "part_over", reason: "left" });

// This browser's part in one session, and calls with its token. Where the token has ended, a new one
// is asked for once; what the portal says then is the truth.
export class Part {
  constructor(settings) {
    this.settings = settings;
    this.token = null;
  }

  async open() {
    const { data } = await send("POST", this.settings.token, { csrf: csrf() }).catch((error) => {
      // This page is of before somebody else signed in here.
      throw error instanceof Problem && error.status === 403 ? partOver() : error;
    });
    // They signed in, or came in anew, in another tab: what is theirs by now is not this page's.
    if (data.participant_id !== this.settings.participant) throw partOver();
    this.token = data.session_token;
    return data;
  }

  async call(method, path, options = {}) {
    if (!this.token) await this.open();
    const used = this.token;
    try {
      return await send(method, this.settings.api + path, { ...options, token: used });
    } catch (error) {
      if (!(error instanceof Problem) || error.status !== 401) throw error;
      if (this.token === used) await this.open();
      return send(method, this.settings.api + path, { ...options, token: this.token });
    }
  }

  // With the token that we have, even where it ended with its session: for what is delivered late.
  callWithOld(method, path, options = {}) {
    return send(method, this.settings.api + path, { ...options, token: this.token ?? undefined, csrf: csrf() });
  }
}

// Do `work` every 2 seconds, every 15 while nobody looks, more seldom while it fails. `wake()` does it now.
// `work` returns false to end it; `onFailure(error)` may do so, too.
export function poll(work, onFailure) {
  let timer = 0;
  let failures = 0;
  let running = null;
  let again = false;
  let ended = false;

  async function turn() {
    clearTimeout(timer);
    if (ended) return;
    if (running) {
      again = true;
      return running;
    }
    running = once();
    await running;
    running = null;
    if (ended) return;
    const usual = document.hidden ? HIDDEN : VISIBLE;
    timer = setTimeout(turn, again ? 0 : Math.min(usual * 2 ** Math.min(failures, 4), Math.max(usual, LONGEST)));
    again = false;
  }

  async function once() {
    try {
      if ((await work()) === false) ended = true;
      failures = 0;
    } catch (error) {
      failures += 1;
      if (onFailure(error) === false) ended = true;
    }
  }

  const wake = () => {
    failures = 0;
    return turn();
  };
  addEventListener("online", wake);
  addEventListener("pageshow", wake);
  document.addEventListener("visibilitychange", () => document.hidden || wake());
  turn();

  // Resolves once nothing is asked any more, until `resume()`.
  async function pause() {
    ended = true;
    clearTimeout(timer);
    await running;
  }

  function resume() {
    ended = false;
    return wake();
  }

  return { wake, pause, resume, end: () => (ended = true) };
}
