// One instance: its labels, the page of chats that is shown, and what keeps both up to date.

import { Pace } from "./pace.js";
import { Stream } from "./stream.js";

/** Chats on a page. */
export const PAGE = 50;

/** A token may ask for chats 100 times a minute, in all tabs together: some questions at once, then one each 2 s. */
const CHATS_PACE = { burst: 8, every: 2_000 };
const LABELS_PACE = { burst: 4, every: 500 };

export class Inbox {
  #api;
  #stream;
  #labelsPace = new Pace(() => this.#readLabels(), LABELS_PACE);
  #chatsPace = new Pace(() => this.#readChats(), CHATS_PACE);
  /** Where each page up to this one begins. */
  #cursors = [null];
  /** What was asked for last; an answer to anything else comes too late. */
  #question = {};

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
  /** Told how the connection is: `{ state: "live" | "lost" | "refused", .. }`. */
  onstate = () => {};

  constructor(api, filter) {
    this.#api = api;
    this.filter = filter;
    this.#stream = new Stream(api);
    this.#stream.onready = () => this.#ready();
    this.#stream.onevents = (events) => this.#happened(events);
    this.#stream.onmissed = () => this.#missed();
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
    this.#stream.stop();
  }

  /** Ends for good. */
  stop() {
    this.#stream.stop();
    this.#labelsPace.stop();
    this.#chatsPace.stop();
    this.onchange = this.onanswer = this.ontouched = this.onstate = () => {};
  }

  /** Tries to connect at once. */
  hurry() {
    this.#stream.hurry();
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
    this.onstate({ state: "live" });
    this.#readAll(true);
  }

  #lost(problem, wait) {
    // A server that has no stream to spare still answers.
    if (problem.status > 0) this.#readAll(false);
    this.onstate({ state: "lost", problem, wait });
  }

  #missed() {
    this.#cursors = [null];
    this.#readAll(true);
  }

  /** Shows events where that needs no question, and asks for the rest: totals, and which chats are on the page. */
  #happened(events) {
    const touched = new Set();
    for (const { event, label, chat } of events) {
      if (event === "label.upsert") this.#patch(label);
      else if (event === "label.chat.added") this.#setLabel(chat, label, true);
      else if (event === "label.chat.deleted") this.#setLabel(chat, label, false);
      if (chat) touched.add(chat);
    }
    this.ontouched(touched);
    this.onchange();
    this.#readAll(false);
  }

  #apply(id, chat, linked) {
    this.#setLabel(chat, id, linked);
    this.onchange();
    this.#readAll(false);
  }

  #patch(label) {
    const known = this.labels?.get(label.id);
    if (known) this.labels.set(label.id, { ...known, ...label });
  }

  #setLabel(chat, id, linked) {
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
    } catch (problem) {
      if (problem.status === 400 && this.page > 0) {
        // The place of this page means nothing any more, after a restart with other data.
        this.#cursors = [null];
        return this.#ask();
      }
      return this.#failed(problem);
    }
  }

  /** What has failed is read again when the stream begins again, or when the server says so. */
  #failed(problem) {
    if (problem.status === 429 || problem.status === 503) {
      this.onstate({ state: "waiting", problem });
      return problem.retryAfter;
    }
    if (problem.isPassing) this.onstate({ state: "lost", problem, wait: null });
    else this.onstate({ state: "refused", problem });
  }
}

/** The order of the server: decimal ids by value, then all others. */
function inLabelOrder({ id: one }, { id: other }) {
  const isDecimal = (id) => /^(0|[1-9]\d*)$/.test(id);
  if (isDecimal(one) && isDecimal(other)) return Number(one) - Number(other);
  return isDecimal(one) ? -1 : isDecimal(other) ? 1 : one < other ? -1 : 1;
}
