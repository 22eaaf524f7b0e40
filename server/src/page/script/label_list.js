// The labels with their counts, each of which can be asked for as any, all or none.

import { nameElement, nameOf, paint, rename, search, twins } from "./chip.js";
import { byId, counted, DRAWN, make, reconcile, say, set } from "./dom.js";
import { CLAUSES } from "./filter.js";

/** With fewer labels there is nothing to search for. */
const MANY = 12;

const MEANINGS = { any: "has any of these", all: "has all of these", none: "has none of these" };

export class LabelList {
  #list = byId("label-list");
  #search = byId("label-search");
  #labels = [];
  #filter = null;

  /** Told of a label and the clause it is wanted in, or `null`. */
  onclause = () => {};

  constructor() {
    this.#list.addEventListener("keydown", (event) => this.#key(event));
    this.#list.addEventListener("focusin", ({ target }) => this.#enter(target));
    this.#search.addEventListener("input", () => this.#draw());
  }

  show(labels, filter) {
    this.#filter = filter;
    this.#labels = labels === null ? [] : [...labels.values()];
    set(this.#list, "aria-busy", labels === null);
    byId("no-labels").hidden = labels === null || labels.size > 0;
    byId("label-search-row").hidden = this.#labels.length < MANY;
    this.#draw();
  }

  #draw() {
    const found = search(this.#labels, this.#search.value);
    byId("more-labels").hidden = found.length <= DRAWN;
    say(byId("more-labels"), `${counted(found.length - DRAWN, "more label")}: find them by name.`);
    const shared = twins(this.#labels);
    reconcile(this.#list, found.slice(0, DRAWN), ({ id }) => id, (label) => this.#create(label.id),
      (row, label) => this.#update(row, label, shared.has(label.id)));
    const buttons = [...this.#list.querySelectorAll("button")];
    if (!buttons.some((button) => button.tabIndex === 0) && buttons.length > 0) buttons[0].tabIndex = 0;
  }

  #create(id) {
    const toggle = (clause) => this.onclause(id, this.#filter.clause(id) === clause ? null : clause);
    const main = make("button", {
      class: "label-main", type: "button", tabindex: -1,
      onclick: () => this.onclause(id, this.#filter.clause(id) === null ? "any" : null),
    }, make("span", { class: "dot" }), nameElement({ id, name: "" }), make("span", { class: "twin" }),
      make("span", { class: "count" }));
    const clauses = CLAUSES.map((clause) => make("button", {
      class: "clause", type: "button", tabindex: -1, "data-clause": clause, title: `A chat ${MEANINGS[clause]}`,
      onclick: () => toggle(clause),
    }, clause));
    return make("div", { class: "label", role: "group" }, main, make("span", { class: "clauses" }, ...clauses));
  }

  #update(row, label, isTwin) {
    const clause = this.#filter.clause(label.id);
    const count = counted(label.chats, "chat");
    const [main, clauses] = row.children;
    paint(row, label.color);
    set(row, "data-clause", clause);
    set(row, "aria-label", `${nameOf(label)}, ${count}`);
    rename(main.querySelector("bdi"), label);
    say(main.querySelector(".twin"), isTwin ? `#${label.id}` : "");
    say(main.querySelector(".count"), label.chats.toLocaleString("en"));
    set(main, "aria-pressed", clause !== null);
    set(main, "aria-label", `${nameOf(label)}, ${count}${clause ? `, asked for as ${clause}` : ""}`);
    for (const button of clauses.children) {
      set(button, "aria-pressed", button.dataset.clause === clause);
      set(button, "aria-label", `${button.dataset.clause}: ${nameOf(label)}`);
    }
  }

  /** One button of the list is reached with Tab: the last one that was used. */
  #enter(target) {
    for (const button of this.#list.querySelectorAll("button")) button.tabIndex = button === target ? 0 : -1;
  }

  /** Arrows go to all others. */
  #key(event) {
    const row = event.target.closest(".label");
    if (!row || event.altKey || event.ctrlKey || event.metaKey) return;
    const rows = [...this.#list.children];
    const inRow = [...row.querySelectorAll("button")];
    const column = inRow.indexOf(event.target);
    const at = rows.indexOf(row);
    const rightToLeft = getComputedStyle(this.#list).direction === "rtl";
    const places = {
      ArrowUp: [at - 1, column], ArrowDown: [at + 1, column], Home: [0, column], End: [rows.length - 1, column],
      ArrowLeft: [at, column + (rightToLeft ? 1 : -1)], ArrowRight: [at, column + (rightToLeft ? -1 : 1)],
    };
    const place = places[event.key];
    if (!place) return;
    event.preventDefault();
    rows[place[0]]?.querySelectorAll("button")[place[1]]?.focus();
  }
}
