// The filter in words, each part of which can be taken out.

import { nameElement, nameOf, paint } from "./chip.js";
import { byId, icon, make, reconcile } from "./dom.js";
import { CLAUSES } from "./filter.js";

const WORDS = { any: "Any of", all: "All of", none: "None of" };

export class FilterBar {
  #bar = byId("filter");

  /** Told of a label to take out, or of `null` for all. */
  onremove = () => {};

  constructor() {
    byId("clear-filter").addEventListener("click", () => this.onremove(null));
  }

  /** Shows a filter. A label that is gone stays in it: without it other chats would pass than were asked for. */
  show(filter, labels) {
    this.#bar.hidden = filter.isEmpty;
    const parts = CLAUSES.map((clause) => ({ clause, ids: filter.ids(clause) })).filter(({ ids }) => ids.length > 0);
    reconcile(byId("filter-parts"), parts, ({ clause }) => clause,
      ({ clause }) => make("li", { class: "part", "data-clause": clause },
        make("span", { class: "part-name" }, WORDS[clause]), make("ul", { class: "chips" })),
      (part, { clause, ids }) => this.#part(part.lastElementChild, clause, ids, labels));
  }

  #part(list, clause, ids, labels) {
    const labelled = ids.map((id) => {
      const label = labels?.get(id);
      const isGone = labels !== null && !label;
      return { id, isGone, label: label ?? { id, name: isGone ? `Deleted label ${id}` : `Label ${id}`, color: null } };
    });
    // What is drawn of a label is in the key, so that a chip is drawn anew when that changes.
    reconcile(list, labelled, ({ label, isGone }) => JSON.stringify([label.id, label.name, label.color, isGone]),
      ({ id, isGone, label }) => {
        const chip = make("li", { class: isGone ? "chip gone" : "chip" }, nameElement(label),
          make("button", {
            class: "chip-remove", type: "button", "aria-label": `Take ${nameOf(label)} out of the filter`,
            onclick: () => this.onremove(id),
          }, icon("cross")));
        paint(chip, label.color);
        return chip;
      }, () => {});
  }
}
