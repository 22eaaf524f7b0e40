// Doing a thing as often as is asked for, but not more often than is allowed.

/** What is asked for within so many milliseconds is one. */
const TOGETHER = 40;

/**
 * Runs a task once for all who ask while it waits or runs. A few runs come at once, further ones evenly. The task gives
 * the seconds for which the server wants to be left alone, or nothing.
 */
export class Pace {
  #task;
  #burst;
  #every;
  #left;
  #counted = performance.now();
  #closedUntil = 0;
  #timer = null;
  #running = false;
  #wanted = false;
  #urgent = false;
  #stopped = false;

  constructor(task, { burst, every }) {
    this.#task = task;
    this.#burst = this.#left = burst;
    this.#every = every;
  }

  /** Asks for a run; an urgent one, which somebody waits for, does not wait for its turn. */
  ask(urgent = false) {
    this.#wanted = true;
    this.#urgent ||= urgent;
    if (!this.#running) this.#schedule();
  }

  stop() {
    this.#stopped = true;
    clearTimeout(this.#timer);
  }

  #schedule() {
    if (this.#stopped) return;
    const now = performance.now();
    this.#left = Math.min(this.#burst, this.#left + (now - this.#counted) / this.#every);
    this.#counted = now;
    const turn = this.#urgent ? 0 : Math.max(TOGETHER, (1 - this.#left) * this.#every);
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#run(), Math.max(turn, this.#closedUntil - now));
  }

  async #run() {
    this.#wanted = this.#urgent = false;
    this.#running = true;
    this.#left = Math.max(0, this.#left - 1);
    const seconds = await this.#task();
    this.#running = false;
    if (seconds) {
      this.#closedUntil = performance.now() + seconds * 1_000;
      this.#wanted = true;
    }
    if (this.#wanted) this.#schedule();
  }
}
