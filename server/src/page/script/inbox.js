// One instance: its labels, the page of chats that is shown, and what keeps both up to date.

import { Backoff } from "./backoff.js";
import { Pace } from "./pace.js";
import { Stream } from "./stream.js";

/** Chats on a page. */
export const PAGE = 50;

/** A token may ask for chats 100 times a minute, in all tabs together: some questions at once, then one each 2 s. */
const CHATS_PACE = { burst: 8, every: 2_000 };
const LABELS_PACE = { burst: 4, every: 1_000 };

export class Inbox {
  #api;
  #stream;
  #labelsPace = new Pace(() => this.#readLabels(), LABELS_PACE);
  #chatsPace = new Pace(() => this.#readChats(), CHATS_PACE);
  /** Where each page up to this one begins. */
  #cursors = [null];
  /** What was asked for last; an answer to anything else comes too late. */
  #question = {};
  /** Whether the stream of events is open. */
  #isLive = false;
  /** Whether the last thing that was said of the connection is bad news. */
  #isTroubled = false;
  #backoff = new Backoff();

  /** Labels by id; `null` until they are read. */
  labels = null;
  /** The last answer; `null` until there is one to the filter. */
  answer = null;
  /** Whether an answer to another filter or page is awaited. */
  isLoading = true;

  /** Told that labels or chats have changed. */
  onchange = () => {};
  /** Told that the first answer to a filter or page is there. */
  onanswer = () => {};
  /** Told of chats that an event was about. */
  ontouched = () => {};
  /** Told of a label, a chat, and whether it has the label now. */
  onlinked = () => {};
  /** Told how the connection is: `{ state: "live" | "lost" | "waiting" | "refused" | "failed", .. }`. */
  onstate = () => {};

  constructor(api, filter) {
    this.#api = api;
    this.filter = filter;
    this.#stream = new Stream(api);
    this.#api.onwait = (seconds) => this.#wait(seconds);
    this.#stream.onready = () => this.#ready();
    this.#stream.onevents = (events) => this.#happened(events);
    this.#stream.onmissed = () => this.#readAll(true);
    this.#stream.onlost = (problem, wait) => this.#lost(problem, wait);
    this.#stream.onrefused = (problem) => this.onstate({ state: "refused", problem });
  }

  get instance() {
    return this.#api.instance;
  }

  /** The number of the page that is shown, from 0. */
  get page() {
    return this.#cursors.length - 1;
  }

  get hasNext() {
    return Boolean(this.answer?.next);
  }

  /** Goes on where it was stopped. */
  start() {
    this.#stream.start();
  }

  /** Lets go of the connection: a browser has six for a server, and hidden tabs have to share them with others. */
  pause() {
    this.#isLive = false;
    this.#stream.stop();
  }

  /** Ends for good. */
  stop() {
    this.#stream.stop();
    this.#labelsPace.stop();
    this.#chatsPace.stop();
    this.onchange = this.onanswer = this.ontouched = this.onlinked = this.onstate = () => {};
  }

  /** Tries to connect at once. */
  hurry() {
    if (this.#isLive) this.#readAll(true);
    else this.#stream.hurry();
  }

  /** Reads chats for a filter that has changed. */
  filterChanged() {
    this.#cursors = [null];
    this.#ask();
  }

  nextPage() {
    if (!this.hasNext || this.isLoading) return;
    this.#cursors.push(this.answer.next);
    this.#ask();
  }

  previousPage() {
    if (this.page === 0 || this.isLoading) return;
    this.#cursors.pop();
    this.#ask();
  }

  async link(id, chat) {
    await this.#api.link(id, chat);
    this.#apply(id, chat, true);
  }

  async unlink(id, chat) {
    await this.#api.unlink(id, chat);
    this.#apply(id, chat, false);
  }

  async createLabel(name, color) {
    const label = await this.#api.createLabel(name, color);
    this.labels?.set(label.id, label);
    this.onchange();
    return label;
  }

  /** Has the server take over what the network has; gives the number of chats. */
  async refresh() {
    const chats = await this.#api.refresh();
    this.#readAll(true);
    return chats;
  }

  labelsOf(chat) {
    return this.#api.labelsOf(chat);
  }

  #ask() {
    this.#question = {};
    this.isLoading = true;
    this.onchange();
    this.#chatsPace.ask(true);
  }

  #readAll(urgent) {
    this.#labelsPace.ask(urgent);
    this.#chatsPace.ask(urgent);
  }

  #ready() {
    this.#isLive = true;
    this.#isTroubled = false;
    this.onstate({ state: "live" });
    this.#readAll(true);
  }

  #lost(problem, wait) {
    this.#isLive = false;
    this.#isTroubled = true;
    // A server that has no stream to spare still answers.
    if (problem.status > 0) this.#readAll(false);
    this.onstate({ state: "lost", problem, wait });
  }

  /** Shows events where that needs no question, and asks for the rest: totals, and which chats are on the page. */
  #happened(events) {
    const touched = new Set();
    for (const { event, label, chat } of events) {
      if (event === "label.upsert") this.#patch(label);
      else if (event === "label.chat.added") this.#linked(label, chat, true);
      else if (event === "label.chat.deleted") this.#linked(label, chat, false);
      if (chat) touched.add(chat);
    }
    this.ontouched(touched);
    this.onchange();
    this.#readAll(false);
  }

  #apply(id, chat, linked) {
    this.#linked(id, chat, linked);
    this.onchange();
    this.#readAll(false);
  }

  #patch(label) {
    const known = this.labels?.get(label.id);
    if (known) this.labels.set(label.id, { ...known, ...label });
  }

  #linked(id, chat, linked) {
    this.onlinked(id, chat, linked);
    const shown = this.answer?.chats.find((shown) => shown.chat_id === chat);
    if (!shown) return;
    const others = shown.labels.filter((label) => label.id !== id);
    const label = this.labels?.get(id);
    shown.labels = linked && label ? [...others, label].sort(inLabelOrder) : others;
  }

  /** Gives the seconds to wait for the rate limit, if any. */
  async #readLabels() {
    try {
      const labels = await this.#api.labels();
      this.labels = new Map(labels.map((label) => [label.id, label]));
      this.onchange();
      this.#succeeded();
    } catch (problem) {
      return this.#failed(problem);
    }
  }

  async #readChats() {
    const question = this.#question;
    try {
      const answer = await this.#api.chats(this.filter, PAGE, this.#cursors.at(-1));
      if (question !== this.#question) return;
      if (answer.chats.length === 0 && this.page > 0) {
        // The chats of this page have gone since.
        this.#cursors.pop();
        return this.#ask();
      }
      this.answer = answer;
      const isFirst = this.isLoading;
      this.isLoading = false;
      this.onchange();
      if (isFirst) this.onanswer();
      this.#succeeded();
    } catch (problem) {
      if (problem.status === 400 && this.page > 0) {
        // The place of this page means nothing any more, after a restart with other data.
        this.#cursors = [null];
        return this.#ask();
      }
      return this.#failed(problem);
    }
  }

  #wait(seconds) {
    this.#isTroubled = true;
    this.onstate({ state: "waiting", seconds });
  }

  #succeeded() {
    this.#backoff.succeeded();
    if (!this.#isTroubled || !this.#isLive) return;
    this.#isTroubled = false;
    this.onstate({ state: "live" });
  }

  /** Gives the seconds after which to read again, if that makes sense. */
  #failed(problem) {
    if (problem.retryAfter > 0 && problem.isPassing) {
      this.#wait(problem.retryAfter);
      return problem.retryAfter;
    }
    if (problem.isPassing) {
      this.#isTroubled = true;
      // Without a stream this waits for the next one, which asks for everything.
      const wait = this.#isLive ? this.#backoff.next() : null;
      this.onstate({ state: "lost", problem, wait });
      return wait && wait / 1_000;
    }
    this.isLoading = false;
    const isRefused = problem.status === 401 || problem.status === 404;
    this.onstate({ state: isRefused ? "refused" : "failed", problem });
  }
}

/** The order of the server: decimal ids by value, then all others. */
function inLabelOrder({ id: one }, { id: other }) {
  const isDecimal = (id) => /^(0|[1-9]\d*)$/.test(id);
  if (isDecimal(one) && isDecimal(other)) return Number(one) - Number(other);
  return isDecimal(one) ? -1 : isDecimal(other) ? 1 : one < other ? -1 : 1;
}
