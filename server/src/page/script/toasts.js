// Short notices: something went wrong, or can be undone.

import { byId, icon, make } from "./dom.js";

/** How long a notice stays, in milliseconds, unless somebody points at it or is in it. */
const STAY = 10_000;
const MOST = 2;

export class Toasts {
  #list = byId("toasts");

  /** Shows a text, perhaps with something to do about it. */
  say(text, { action, onaction, isProblem = false } = {}) {
    const toast = make("div", { class: isProblem ? "toast problem" : "toast" }, make("span", { dir: "auto" }, text));
    const close = () => toast.remove();
    if (action) toast.append(make("button", { type: "button", class: "text-button", onclick: () => (close(), onaction()) }, action));
    toast.append(make("button", { type: "button", class: "icon-button", "aria-label": "Close the notice", onclick: close }, icon("cross")));
    while (this.#list.children.length >= MOST) this.#list.firstElementChild.remove();
    this.#list.append(toast);
    this.#wait(toast);
  }

  #wait(toast) {
    setTimeout(() => {
      if (toast.matches(":hover, :focus-within")) this.#wait(toast);
      else toast.remove();
    }, STAY);
  }
}
