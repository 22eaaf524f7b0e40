// Events as they happen. `EventSource` could not send the token in a header, so the stream is read with `fetch`.

import { Backoff } from "./backoff.js";

/** The server says each 15 seconds that it is there; a stream that is silent for longer than this is lost. */
const SILENCE = 40_000;

/** Follows the events of an instance: connects again when the stream ends, behind the last event that was seen. */
export class Stream {
  #api;
  #last = null;
  #stop = null;
  #backoff = new Backoff();
  /** The events of a commit that is not complete yet; only its last event has an id. */
  #pending = [];

  /** Told that the stream has begun. */
  onready = () => {};
  /** Told of all events of a commit. */
  onevents = () => {};
  /** Told that events are gone which nobody saw. */
  onmissed = () => {};
  /** Told of a problem, and of the milliseconds until the next attempt. */
  onlost = () => {};
  /** Told of a problem that does not pass. */
  onrefused = () => {};

  constructor(api) {
    this.#api = api;
  }

  get isRunning() {
    return this.#stop !== null;
  }

  start() {
    if (this.#stop) return;
    this.#stop = new AbortController();
    this.#follow(this.#stop.signal);
  }

  /** Ends the stream; where it was is kept for the next start. */
  stop() {
    this.#stop?.abort();
    this.#stop = null;
  }

  /** Tries again at once. */
  hurry() {
    this.#backoff.hurry();
  }

  async #follow(stopped) {
    while (!stopped.aborted) {
      let problem = { status: 0, isPassing: true, message: "The connection to the server was lost" };
      try {
        await this.#read(stopped);
      } catch (caught) {
        problem = caught;
      }
      this.#pending = [];
      if (stopped.aborted) return;
      if (problem.status === 400 && this.#last !== null) {
        // The server cannot make sense of where the stream was, so it begins anew.
        this.#last = null;
        continue;
      }
      if (!problem.isPassing && problem.status !== undefined) {
        this.#stop = null;
        return this.onrefused(problem);
      }
      const wait = Math.max(this.#backoff.next(), (problem.retryAfter ?? 0) * 1_000);
      this.onlost(problem, wait);
      await this.#backoff.wait(wait, stopped);
    }
  }

  async #read(stopped) {
    const silent = new AbortController();
    let timer = setTimeout(() => silent.abort(), SILENCE);
    try {
      const body = await this.#api.events(this.#last, AbortSignal.any([stopped, silent.signal]));
      const reader = body.pipeThrough(new TextDecoderStream()).getReader();
      const parser = new Parser((message) => this.#take(message));
      for (;;) {
        const { done, value } = await reader.read();
        if (done || stopped.aborted) return;
        clearTimeout(timer);
        timer = setTimeout(() => silent.abort(), SILENCE);
        parser.push(value);
      }
    } finally {
      clearTimeout(timer);
    }
  }

  #take({ event, data, id }) {
    if (id !== null) this.#last = id;
    if (event === "ready") {
      this.#backoff.succeeded();
      this.onready();
    } else if (event === "missed") {
      this.#pending = [];
      this.onmissed();
    } else if (data !== "") {
      this.#pending.push(JSON.parse(data));
    }
    if (id !== null && this.#pending.length > 0) {
      this.onevents(this.#pending);
      this.#pending = [];
    }
  }
}

/** Cuts a text that comes in pieces into server-sent events. */
class Parser {
  #rest = "";
  #take;

  constructor(take) {
    this.#take = take;
  }

  push(text) {
    const blocks = (this.#rest + text).split("\n\n");
    this.#rest = blocks.pop();
    for (const block of blocks) this.#block(block);
  }

  #block(block) {
    const message = { event: "message", data: [], id: null };
    for (const line of block.split("\n")) {
      const [, name, value] = /^([^:]*):? ?(.*)$/.exec(line) ?? [];
      if (name === "data") message.data.push(value);
      else if (name === "event" || name === "id") message[name] = value;
    }
    this.#take({ ...message, data: message.data.join("\n") });
  }
}
