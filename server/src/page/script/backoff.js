// Waiting, and waiting for longer each time.

const FIRST = 500;
const LONGEST = 10_000;

/** Ends after some milliseconds, or at once when the signal is aborted. */
export function sleep(milliseconds, signal) {
  return new Promise((resolve) => {
    if (signal?.aborted) return resolve();
    const timer = setTimeout(resolve, milliseconds);
    signal?.addEventListener("abort", () => (clearTimeout(timer), resolve()), { once: true });
  });
}

/** How long to wait between attempts, and a way to go on at once. */
export class Backoff {
  #failures = 0;
  #hurry = new AbortController();

  succeeded() {
    this.#failures = 0;
  }

  /** The milliseconds to wait after one more failure, not the same for all browsers that lost a server together. */
  next() {
    const full = Math.min(LONGEST, FIRST * 2 ** this.#failures);
    this.#failures += 1;
    return Math.round(full * (0.75 + Math.random() / 4));
  }

  /** Waits, unless told to hurry or to stop. */
  async wait(milliseconds, signal) {
    this.#hurry = new AbortController();
    const signals = [this.#hurry.signal, signal].filter(Boolean);
    const hurry = () => this.hurry();
    // The network is back: there is no reason to wait.
    addEventListener("online", hurry);
    await sleep(milliseconds, AbortSignal.any(signals));
    removeEventListener("online", hurry);
  }

  hurry() {
    this.#hurry.abort();
  }
}
