// The chats of a page with their labels, the totals, and the way to other pages.

import { chatColor, chatName } from "./chat_name.js";
import { nameElement, nameOf, paint, rename } from "./chip.js";
import { byId, counted, icon, make, reconcile, say, set } from "./dom.js";
import { PAGE } from "./inbox.js";

/** Rows that stand in for chats until there are some. */
const PLACEHOLDERS = 8;

export class ChatList {
  #list = byId("chat-list");

  /** Told of a chat whose labels are to be chosen. */
  onpick = () => {};
  /** Told of a label and a chat that lose each other. */
  onunlink = () => {};
  onnext = () => {};
  onprevious = () => {};
  onclear = () => {};

  constructor() {
    byId("next").addEventListener("click", () => this.onnext());
    byId("previous").addEventListener("click", () => this.onprevious());
    byId("empty-clear").addEventListener("click", () => this.onclear());
  }

  show(inbox) {
    const { answer, isLoading } = inbox;
    set(this.#list, "aria-busy", isLoading);
    byId("chats").classList.toggle("is-loading", isLoading && answer !== null);
    byId("placeholders").hidden = answer !== null;
    this.#totals(answer);
    this.#pager(inbox);
    const chats = answer?.chats ?? [];
    this.#empty(answer !== null && chats.length === 0 && !isLoading, inbox);
    reconcile(this.#list, chats, (chat) => chat.chat_id, (chat) => this.#create(chat), (row, chat) => this.#labels(row, chat));
  }

  /** Forgets the chats of another instance. */
  clear() {
    this.#list.replaceChildren();
    this.#totals(null);
    byId("empty").hidden = true;
    byId("placeholders").hidden = false;
    byId("placeholders").replaceChildren(...Array.from({ length: PLACEHOLDERS }, () => make("li", { class: "placeholder" })));
  }

  /** Lets rows light up that something has happened to. */
  light(chats) {
    for (const row of this.#list.children) {
      if (!chats.has(row.dataset.key)) continue;
      row.classList.remove("touched");
      // The style is computed in between, without which the animation would not begin again.
      void row.offsetWidth;
      row.classList.add("touched");
    }
  }

  /** Goes to the beginning of another page. */
  scrollToTop() {
    byId("chat-scroll").scrollTo({ top: 0 });
    scrollTo({ top: 0 });
  }

  #totals(answer) {
    for (const name of ["total_chats", "total_rows", "matched_rows"]) {
      say(byId(name), answer === null ? "–" : answer[name].toLocaleString("en"));
    }
  }

  #pager(inbox) {
    const pages = Math.max(Math.ceil((inbox.answer?.total_chats ?? 0) / PAGE), inbox.page + (inbox.hasNext ? 2 : 1));
    say(byId("page"), `Page ${(inbox.page + 1).toLocaleString("en")} of ${pages.toLocaleString("en")}`);
    // A button that is disabled would lose the focus of whoever pages with the keyboard.
    set(byId("next"), "aria-disabled", !inbox.hasNext);
    set(byId("previous"), "aria-disabled", inbox.page === 0);
  }

  #empty(isEmpty, { filter, answer, labels }) {
    byId("empty").hidden = !isEmpty;
    if (!isEmpty) return;
    const gone = answer.unresolved.ids.length;
    say(byId("empty-title"), filter.isEmpty ? "No chat has a label yet" : "No chat matches");
    say(byId("empty-text"), filter.isEmpty
      ? labels?.size === 0 ? "Make a label first, then give it to a chat." : "Give a label to a chat, and it appears here."
      : gone > 0 ? `${counted(gone, "label")} of the filter no longer ${gone === 1 ? "exists" : "exist"}.`
      : "No chat carries this combination of labels.");
    byId("empty-clear").hidden = filter.isEmpty;
  }

  #create({ chat_id: id }) {
    const { title, kind, icon: symbol } = chatName(id);
    const avatar = make("span", { class: "avatar" }, icon(symbol));
    paint(avatar, chatColor(id));
    return make("li", { class: "chat" }, avatar,
      make("div", { class: "who", title: id }, make("bdi", { class: "chat-title" }, title), make("span", { class: "chat-kind" }, kind)),
      make("ul", { class: "chips", role: "list", "aria-label": `Labels of ${title}` }),
      make("button", {
        class: "icon-button pick", type: "button", title: "Choose labels", "aria-label": `Choose labels of ${title}`,
        onclick: () => this.onpick(id),
      }, icon("tag")));
  }

  #labels(row, chat) {
    const { title } = chatName(chat.chat_id);
    reconcile(row.querySelector(".chips"), chat.labels, ({ id }) => id,
      (label) => make("li", { class: "chip" }, nameElement(label),
        make("button", { class: "chip-remove", type: "button", onclick: () => this.onunlink(label.id, chat.chat_id) }, icon("cross"))),
      (chip, label) => {
        paint(chip, label.color);
        rename(chip.querySelector("bdi"), label);
        set(chip.querySelector("button"), "aria-label", `Take ${nameOf(label)} from ${title}`);
        set(chip.querySelector("button"), "title", "Take this label away");
      });
  }
}
