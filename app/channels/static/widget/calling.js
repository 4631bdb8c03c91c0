// @ts-check
// Calls to the server: who we are, an answer as a stream of events, and what went wrong in one word.

/** What a person is told: `kind` names the words, `seconds` how long to wait. */
export class Trouble extends Error {
  /**
   * @param {"offline" | "refused" | "limited" | "busy" | "broken" | "failed" | "stopped"} kind
   * @param {{seconds?: number, detail?: string}} [more]
   */
  constructor(kind, { seconds = 0, detail = "" } = {}) {
    super(kind);
    this.kind = kind;
    this.seconds = seconds;
    this.detail = detail;
  }
}

/** One server, as one visitor or with one key. */
export class Server {
  /**
   * @param {string} base origin of the server
   * @param {string | null} site names a configuration for other sites' pages; null: the server's own page
   */
  constructor(base, site) {
    this.base = base;
    this.site = site;
    /** A key that the person typed. Kept while the tab is open. */
    this.key = recall(`footnote-key:${base}`) ?? "";
    this.token = "";
    /** @type {string | undefined} whom the token is for */
    this.word = undefined;
  }

  /** @param {string} key */
  async useKey(key) {
    this.key = key.trim();
    remember(`footnote-key:${this.base}`, this.key);
    // A link can carry no header: with this, those to stored documents open for the key's owner.
    await this.post("/session", {});
  }

  /**
   * The events of an answer, as [name, object]; the last is `done`, or this throws Trouble.
   * @param {object} question
   * @param {AbortSignal} signal
   */
  async *ask(question, signal) {
    const response = await this.post("/api/v1/ask", { ...question, stream: true }, signal);
    let last = "";
    try {
      for await (const [name, event] of readEvents(response)) {
        if (name === "error") throw new Trouble("failed", { detail: event.title });
        last = name;
        yield /** @type {[string, any]} */ ([name, event]);
      }
    } catch (error) {
      throw toTrouble(error, signal, "broken");
    }
    if (last !== "done") throw new Trouble("broken");
  }

  /**
   * @param {string} path
   * @param {object} body
   * @param {AbortSignal} [signal]
   * @returns {Promise<Response>} an answer of 2xx; throws Trouble for every other
   */
  async post(path, body, signal) {
    let response = await this.send(path, body, signal);
    if (response.status === 401 && this.token) {
      this.token = "";
      response = await this.send(path, body, signal);
    }
    if (!response.ok) throw await troubleOf(response);
    return response;
  }

  /**
   * @param {string} path
   * @param {object} body
   * @param {AbortSignal} [signal]
   */
  async send(path, body, signal) {
    /** @type {Record<string, string>} */
    const headers = { "Content-Type": "application/json" };
    try {
      const bearer = this.site === null ? this.key : await this.visit();
      if (bearer) headers.Authorization = `Bearer ${bearer}`;
      return await fetch(this.base + path, { method: "POST", headers, body: JSON.stringify(body), signal, credentials: "same-origin" });
    } catch (error) {
      throw toTrouble(error, signal, "offline");
    }
  }

  /** A visitor's token of this site, a new one when there is none, or when the page names somebody else. */
  async visit() {
    const word = userToken();
    if (this.token && this.word === word) return this.token;
    const headers = { "Content-Type": "application/json" };
    const response = await fetch(`${this.base}/widget/visits`, { method: "POST", headers, body: JSON.stringify({ site: this.site, user_token: word }) });
    if (!response.ok) throw await troubleOf(response);
    this.token = (await response.json()).token;
    this.word = word;
    return this.token;
  }
}

/**
 * @param {Response} response
 * @returns {AsyncGenerator<[string, any]>}
 */
async function* readEvents(response) {
  const reader = /** @type {ReadableStream} */ (response.body).pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  try {
    for (;;) {
      const { value, done } = await reader.read();
      if (done) return;
      const frames = (rest + value).split("\n\n");
      rest = frames.pop() ?? "";
      for (const frame of frames) {
        const lines = frame.split("\n");
        const name = lines.find((line) => line.startsWith("event: "));
        const body = lines.find((line) => line.startsWith("data: "));
        if (name && body) yield [name.slice(7), JSON.parse(body.slice(6))];
      }
    }
  } finally {
    reader.cancel().catch(() => {});
  }
}

/** @param {Response} response */
async function troubleOf(response) {
  const problem = await response.json().catch(() => ({}));
  const seconds = Number(response.headers.get("Retry-After")) || 0;
  const kinds = { 401: "refused", 403: "refused", 421: "refused", 429: "limited", 503: "busy" };
  return new Trouble(/** @type {any} */ (kinds)[response.status] ?? "failed", { seconds, detail: problem.detail ?? "" });
}

/**
 * @param {any} error
 * @param {AbortSignal | undefined} signal
 * @param {"offline" | "broken"} otherwise
 */
function toTrouble(error, signal, otherwise) {
  if (error instanceof Trouble) return error;
  return new Trouble(signal?.aborted ? "stopped" : navigator.onLine ? otherwise : "offline");
}

/** By what token the page says who its visitor is: `data-user-token` of the script or the element. */
export function userToken() {
  return /** @type {HTMLElement | null} */ (document.querySelector("[data-user-token]"))?.dataset.userToken;
}

/** Whom that token is about, so that nobody finds another's conversation. */
export function person() {
  try {
    return atob((userToken() ?? "").split(".")[1].replace(/-/g, "+").replace(/_/g, "/")).match(/"(email|sub)": *"[^"]*/)?.[0];
  } catch {
    return;
  }
}

/**
 * What this tab remembers; a page may be denied storage.
 * @param {string} name
 */
export function recall(name) {
  try {
    return sessionStorage.getItem(name);
  } catch {
    return null;
  }
}

/**
 * @param {string} name
 * @param {string} value empty: forget
 */
export function remember(name, value) {
  try {
    if (value) sessionStorage.setItem(name, value);
    else sessionStorage.removeItem(name);
  } catch {
    // It works without, until the page is loaded again.
  }
}
