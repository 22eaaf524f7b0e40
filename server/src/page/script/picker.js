// Choosing the labels of one chat: each change is made at once.

import { chatName } from "./chat_name.js";
import { nameElement, nameOf, paint } from "./chip.js";
import { byId, icon, make, reconcile, say } from "./dom.js";

export class Picker {
  #dialog = byId("picker");
  #search = byId("picker-search");
  #inbox = null;
  #chat = null;
  /** The ids of the labels that the chat has. */
  #has = new Set();
  /** Labels that are being given or taken. */
  #busy = new Set();

  /** Told of a problem. */
  onproblem = () => {};
  /** Told that a label with a name is wanted that there is none of. */
  onnew = () => {};

  constructor() {
    byId("picker-close").addEventListener("click", () => this.#dialog.close());
    this.#search.addEventListener("input", () => this.#draw());
    byId("picker-new").addEventListener("click", () => this.onnew(this.#search.value.trim()));
  }

  get chat() {
    return this.#dialog.open ? this.#chat : null;
  }

  /** Opens for a chat with the labels of some ids. */
  open(inbox, chat, ids) {
    this.#inbox = inbox;
    this.#chat = chat;
    this.#has = new Set(ids);
    this.#busy.clear();
    this.#search.value = "";
    const { title, kind } = chatName(chat);
    say(byId("picker-title"), title);
    say(byId("picker-kind"), kind);
    this.#draw();
    if (!this.#dialog.open) this.#dialog.showModal();
    this.#search.focus();
  }

  close() {
    this.#dialog.close();
  }

  /** Takes over what has happened to the chat meanwhile. */
  happened() {
    if (!this.#dialog.open) return;
    const shown = this.#inbox.answer?.chats.find(({ chat_id: id }) => id === this.#chat);
    if (shown) this.#has = new Set(shown.labels.map(({ id }) => id));
    this.#draw();
  }

  /** Gives or takes one label. */
  async choose(id, wanted) {
    if (this.#busy.has(id)) return;
    const [inbox, chat] = [this.#inbox, this.#chat];
    this.#busy.add(id);
    if (wanted) this.#has.add(id);
    else this.#has.delete(id);
    this.#draw();
    try {
      await (wanted ? inbox.link(id, chat) : inbox.unlink(id, chat));
    } catch (problem) {
      if (wanted) this.#has.delete(id);
      else this.#has.add(id);
      this.onproblem(problem);
    }
    this.#busy.delete(id);
    this.#draw();
  }

  #draw() {
    const wanted = this.#search.value.trim().toLocaleLowerCase();
    const labels = [...(this.#inbox.labels?.values() ?? [])];
    const shown = labels.filter((label) => nameOf(label).toLocaleLowerCase().includes(wanted));
    reconcile(byId("picker-list"), shown, (label) => JSON.stringify([label.id, label.name, label.color]),
      (label) => this.#create(label), (row, { id }) => {
        const box = row.querySelector("input");
        box.checked = this.#has.has(id);
        row.classList.toggle("is-busy", this.#busy.has(id));
      });
    say(byId("picker-new-name"), this.#search.value.trim() || "New label");
    byId("picker-none").hidden = shown.length > 0;
  }

  #create(label) {
    const box = make("input", { type: "checkbox", onchange: ({ target }) => this.choose(label.id, target.checked) });
    const row = make("li", {}, make("label", { class: "choice" }, box, make("span", { class: "box" }, icon("check")),
      make("span", { class: "dot" }), nameElement(label)));
    paint(row, label.color);
    return row;
  }
}
