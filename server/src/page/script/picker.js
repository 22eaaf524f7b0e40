// Choosing the labels of one chat: each change is made at once.

import { chatName } from "./chat_name.js";
import { nameElement, paint, search, twins } from "./chip.js";
import { byId, DRAWN, icon, make, reconcile, say } from "./dom.js";

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
    this.#search.addEventListener("keydown", (event) => this.#key(event));
    byId("picker-new").addEventListener("click", () => this.onnew(this.#search.value.trim()));
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

  /** Shows other labels, if it is open. */
  labelsChanged() {
    if (this.#dialog.open) this.#draw();
  }

  /** Takes over what has happened to the chat meanwhile. */
  linked(id, chat, linked) {
    if (chat !== this.#chat || this.#busy.has(id)) return;
    if (linked) this.#has.add(id);
    else this.#has.delete(id);
    this.labelsChanged();
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

  /** Enter takes the first label that was found, or makes one. */
  #key(event) {
    if (event.key !== "Enter" || this.#search.value.trim() === "") return;
    event.preventDefault();
    const [first] = this.#found();
    if (first) this.choose(first.id, !this.#has.has(first.id));
    else this.onnew(this.#search.value.trim());
  }

  get #labels() {
    return [...(this.#inbox.labels?.values() ?? [])];
  }

  #found() {
    return search(this.#labels, this.#search.value);
  }

  #draw() {
    const shown = this.#found().slice(0, DRAWN);
    const shared = twins(this.#labels);
    // What is drawn of a label is in the key, so that a row is drawn anew when that changes.
    reconcile(byId("picker-list"), shown, ({ id, name, color }) => JSON.stringify([id, name, color, shared.has(id)]),
      (label) => this.#create(label, shared.has(label.id)), (row, { id }) => {
        const box = row.querySelector("input");
        box.checked = this.#has.has(id);
        row.classList.toggle("is-busy", this.#busy.has(id));
      });
    say(byId("picker-new-name"), this.#search.value.trim() || "New label");
    byId("picker-none").hidden = shown.length > 0;
  }

  #create(label, isTwin) {
    const box = make("input", { type: "checkbox", onchange: ({ target }) => this.choose(label.id, target.checked) });
    const row = make("li", {}, make("label", { class: "choice" }, box, make("span", { class: "box" }, icon("check")),
      make("span", { class: "dot" }), nameElement(label), make("span", { class: "twin" }, isTwin ? `#${label.id}` : "")));
    paint(row, label.color);
    return row;
  }
}
