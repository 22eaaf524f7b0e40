// Requests to the server. The token goes into a header: addresses are logged, kept and shown.

import { sleep } from "./backoff.js";

/** How long an answer may take, in milliseconds. */
const PATIENCE = 30_000;

/** A refresh asks the network for everything; the server answers after 60 seconds, whatever becomes of it. */
const REFRESH_PATIENCE = 70_000;

/** What a header can carry; anything else would fail as if there were no server. */
const TOKEN = /^[\x21-\x7e]+$/;

/** Why a request failed. The status is 0 if there was no answer. */
export class Problem extends Error {
  constructor(status, message, retryAfter = 0) {
    super(message);
    this.status = status;
    /** Seconds. */
    this.retryAfter = retryAfter;
  }

  /** Whether the same request may succeed later. */
  get isPassing() {
    return this.status === 0 || this.status === 429 || this.status >= 500;
  }
}

/** One instance, or none yet, as the holder of a token sees it. */
export class Api {
  #token;
  /** Told of the seconds to wait for the rate limit. */
  onwait = () => {};

  constructor(token, instance = null) {
    this.#token = token;
    this.instance = instance;
  }

  /** `{ instances, upstream }`: their names, and whether the server can refresh them. */
  instances() {
    return this.#json("GET", "v2/instances");
  }

  async labels() {
    return (await this.#json("GET", "v2/labels", { query: { instance_id: this.instance } })).labels;
  }

  async createLabel(name, color) {
    const made = this.#patiently(() => this.#json("POST", this.#chat("tag"), { body: { name, color } }));
    return (await made).label;
  }

  /** A page of chats. The rate limit is the caller's to wait for. */
  chats(filter, limit, after) {
    const query = { ...filter.parameters(), limit, ...(after && { after }) };
    return this.#json("GET", this.#chat("contactsByLabel"), { query });
  }

  /** Has the server take over what the network has; gives the number of chats. */
  async refresh() {
    const query = { refresh: true, limit: 0 };
    const signal = () => AbortSignal.timeout(REFRESH_PATIENCE);
    const answer = await this.#patiently(() => this.#json("GET", this.#chat("contactsByLabel"), { query, signal: signal() }));
    return answer.total_chats;
  }

  labelsOf(number) {
    return this.#patiently(() => this.#json("GET", this.#chat("assignTag"), { query: { number } }));
  }

  /** Gives a chat a label. Chat and label are in the body: a phone number does not belong into an address. */
  link(tagId, number) {
    return this.#patiently(() => this.#json("POST", this.#chat("assignTag"), { body: { number, tagId } }));
  }

  unlink(tagId, number) {
    return this.#patiently(() => this.#json("DELETE", this.#chat("assignTag"), { body: { number, tagId } }));
  }

  /** Opens the stream of events, behind one of them if its id is given. */
  async events(last, signal) {
    const headers = last === null ? {} : { "Last-Event-ID": last };
    const response = await this.#send("GET", "v2/events", { query: { instance_id: this.instance }, headers, signal });
    return response.body;
  }

  #chat(noun) {
    return `api/chat/${noun}/${encodeURIComponent(this.instance)}`;
  }

  /** Sends a request again when the rate limit allows it: nothing happened before. */
  async #patiently(send) {
    for (;;) {
      try {
        return await send();
      } catch (problem) {
        if (problem.status !== 429) throw problem;
        this.onwait(problem.retryAfter);
        await sleep(problem.retryAfter * 1_000);
      }
    }
  }

  async #json(method, path, options = {}) {
    const response = await this.#send(method, path, { signal: AbortSignal.timeout(PATIENCE), ...options });
    try {
      return await response.json();
    } catch {
      throw new Problem(0, "The answer was cut off");
    }
  }

  async #send(method, path, { query = {}, body, headers = {}, signal }) {
    if (!TOKEN.test(this.#token)) throw new Problem(401, "Invalid token");
    // Relative, so that a proxy may serve the page below a path of its own.
    const address = new URL(path, document.baseURI);
    address.search = new URLSearchParams(query);
    const all = { ...headers, Authorization: `Bearer ${this.#token}` };
    if (body) all["Content-Type"] = "application/json";
    const request = { method, headers: all, body: body && JSON.stringify(body), signal, cache: "no-store", redirect: "error" };
    let response;
    try {
      response = await fetch(address, request);
    } catch {
      throw new Problem(0, "The server cannot be reached");
    }
    if (response.ok) return response;
    throw await refused(response);
  }
}

/** What an answer says that is no success; something between here and the server may have answered. */
async function refused(response) {
  let message = `The server answered ${response.status}`;
  try {
    message = (await response.json()).error.message;
  } catch {
    // Not in the server's form: the status has to do.
  }
  const seconds = Number(response.headers.get("Retry-After")) || 0;
  return new Problem(response.status, String(message), response.status === 429 ? Math.max(1, seconds) : seconds);
}
