// How the connection to the server is.

import { byId, say, set } from "./dom.js";

/** A connection that is back within so many milliseconds is not worth a banner. */
const QUIET = 700;

export class Banner {
  #banner = byId("banner");
  #live = byId("live");
  #timer = null;
  #until = 0;

  /** Told that the user does not want to wait. */
  onretry = () => {};

  constructor() {
    byId("retry").addEventListener("click", () => this.onretry());
  }

  connecting() {
    this.#hide();
    this.#pill("connecting", "Connecting");
  }

  signedOut() {
    this.#hide();
    this.#pill("connecting", "Not signed in");
  }

  live() {
    this.#hide();
    this.#pill("live", "Live");
  }

  paused() {
    this.#hide();
    this.#pill("connecting", "Paused");
  }

  /** The rate limit is reached: nothing is lost, it takes a little. */
  waiting(seconds) {
    this.#pill("waiting", `Waiting ${seconds} s`);
  }

  /** Says that the server is lost, and when it is tried again. */
  lost(text, wait) {
    this.#pill("lost", "Not connected");
    say(byId("banner-text"), text);
    if (wait !== null) this.#until = performance.now() + wait;
    if (this.#timer === null) this.#timer = setTimeout(() => this.#count(), QUIET);
  }

  #hide() {
    clearTimeout(this.#timer);
    this.#timer = null;
    this.#banner.hidden = true;
  }

  #count() {
    this.#banner.hidden = false;
    const seconds = Math.ceil((this.#until - performance.now()) / 1_000);
    say(byId("banner-wait"), seconds > 0 ? `Trying again in ${seconds} s.` : "Trying again …");
    this.#timer = setTimeout(() => this.#count(), 500);
  }

  #pill(state, text) {
    set(this.#live, "data-state", state);
    say(this.#live.lastElementChild, text);
  }
}
