// Finding a chat by its number or id, also one that has no label yet and so is in no list.

import { byId, say } from "./dom.js";

export class FindChat {
  #dialog = byId("find-chat");
  #number = byId("find-chat-number");

  /** Opens the chat of a text, or fails. */
  onfind = async () => {};

  constructor() {
    byId("find-chat-form").addEventListener("submit", (event) => this.#submit(event));
    byId("find-chat-close").addEventListener("click", () => this.#dialog.close());
  }

  open() {
    say(byId("find-chat-problem"), "");
    this.#number.value = "";
    this.#dialog.showModal();
    this.#number.focus();
  }

  async #submit(event) {
    event.preventDefault();
    try {
      await this.onfind(this.#number.value.trim());
      this.#dialog.close();
    } catch (problem) {
      say(byId("find-chat-problem"), problem.message);
    }
  }
}
