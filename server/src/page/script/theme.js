// Light, dark, or as the system has it.

import { byId, icon, set } from "./dom.js";

const KEY = "label-index.theme";
const THEMES = { system: "half", light: "sun", dark: "moon" };

export class Theme {
  #button = byId("theme");
  #name = "system";

  constructor() {
    try {
      const kept = localStorage.getItem(KEY);
      if (kept in THEMES) this.#name = kept;
    } catch {
      // Without a store the system's is shown.
    }
    this.#button.addEventListener("click", () => this.#next());
    this.#show();
  }

  #next() {
    const names = Object.keys(THEMES);
    this.#name = names[(names.indexOf(this.#name) + 1) % names.length];
    try {
      localStorage.setItem(KEY, this.#name);
    } catch {
      // The choice lasts until the page is left.
    }
    this.#show();
  }

  #show() {
    set(document.documentElement, "data-theme", this.#name === "system" ? null : this.#name);
    this.#button.replaceChildren(icon(THEMES[this.#name]));
    set(this.#button, "aria-label", `Colours: ${this.#name}`);
    set(this.#button, "title", `Colours: ${this.#name}`);
  }
}
