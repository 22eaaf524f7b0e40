// The tokens of this browser. They are kept for the tab, and for longer only when its user asks for it.

const KEY = "label-index.tokens";

/** Reads the tokens of a store of the browser, which may be switched off or hold anything. */
function read(store) {
  try {
    const value = JSON.parse(store().getItem(KEY) ?? "[]");
    return Array.isArray(value) ? value.filter((token) => typeof token === "string") : [];
  } catch {
    return [];
  }
}

function write(store, tokens) {
  try {
    if (tokens.length > 0) store().setItem(KEY, JSON.stringify(tokens));
    else store().removeItem(KEY);
  } catch {
    // Without a store the tokens last until the page is left.
  }
}

const TAB = () => sessionStorage;
const DEVICE = () => localStorage;

export class Tokens {
  #remembered = new Set(read(DEVICE));
  #all = new Set([...this.#remembered, ...read(TAB)]);

  get all() {
    return [...this.#all];
  }

  isRemembered(token) {
    return this.#remembered.has(token);
  }

  /** Adds a token, behind a reload of the tab too; `remember` keeps it on this device. */
  add(token, remember = false) {
    this.#all.add(token);
    if (remember) this.#remembered.add(token);
    this.#write();
  }

  forget(token) {
    this.#all.delete(token);
    this.#remembered.delete(token);
    this.#write();
  }

  #write() {
    write(TAB, [...this.#all]);
    write(DEVICE, [...this.#remembered]);
  }
}
