// On a narrow screen the labels are in a drawer.

import { byId, set } from "./dom.js";

const NARROW = matchMedia("(max-width: 52rem)");

export class Drawer {
  #labels = byId("labels");
  #button = byId("open-labels");
  #isOpen = false;

  constructor() {
    this.#button.addEventListener("click", () => this.#move(true));
    byId("close-labels").addEventListener("click", () => this.#move(false));
    byId("shade").addEventListener("click", () => this.#move(false));
    this.#labels.addEventListener("keydown", (event) => {
      if (event.key === "Escape" && this.#isOpen) this.#move(false);
    });
    NARROW.addEventListener("change", () => this.#place());
    this.#place();
  }

  close() {
    if (this.#isOpen) this.#move(false);
  }

  #move(open) {
    this.#isOpen = open;
    this.#place();
    (open ? byId("close-labels") : this.#button).focus();
  }

  /** What cannot be seen cannot be reached either. */
  #place() {
    if (!NARROW.matches) this.#isOpen = false;
    const isCover = NARROW.matches && this.#isOpen;
    this.#labels.inert = NARROW.matches && !this.#isOpen;
    byId("chats").inert = byId("bar").inert = isCover;
    byId("shade").hidden = !isCover;
    document.body.classList.toggle("drawer-open", isCover);
    set(this.#button, "aria-expanded", isCover);
  }
}
