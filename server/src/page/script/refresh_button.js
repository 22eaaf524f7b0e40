// The button that has the server fetch everything from the network anew.

import { byId, counted, set } from "./dom.js";

export class RefreshButton {
  #button = byId("refresh");
  /** The inbox that is being refreshed. */
  #busy = null;
  #inbox = null;

  /** Told what became of a refresh, in words. */
  ondone = () => {};
  onproblem = () => {};

  constructor() {
    this.#button.addEventListener("click", () => this.#refresh());
  }

  /** Shows the button if the server can refresh. */
  show(inbox, canRefresh) {
    this.#inbox = inbox;
    this.#button.hidden = !canRefresh || inbox === null;
    const isBusy = this.#busy !== null && this.#busy === inbox;
    set(this.#button, "aria-busy", isBusy);
    set(this.#button, "aria-disabled", isBusy);
  }

  async #refresh() {
    const inbox = this.#inbox;
    if (!inbox || this.#busy === inbox) return;
    this.#busy = inbox;
    this.show(inbox, true);
    try {
      const chats = await inbox.refresh();
      if (this.#inbox === inbox) this.ondone(`Refreshed from the network: ${counted(chats, "chat")} with a label.`);
    } catch (problem) {
      if (this.#inbox === inbox) this.onproblem(problem);
    }
    if (this.#busy === inbox) this.#busy = null;
    if (this.#inbox === inbox) this.show(inbox, true);
  }
}
