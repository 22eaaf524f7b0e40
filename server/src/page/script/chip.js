// Labels as they are drawn: a dot or a chip in the label's colour, with its name.

import { make, say, set } from "./dom.js";

/** Colours of the style sheet; networks use 0 to 19, and further numbers begin again. */
const COLORS = 20;

export const PALETTE = Array.from({ length: COLORS }, (_, color) => color);

/** Gives an element the colour of a label. */
export function paint(element, color) {
  const known = Number.isInteger(color) ? ((color % COLORS) + COLORS) % COLORS : null;
  set(element, "data-color", known);
}

/** The name of a label; it has none while the network has not told it. */
export function nameOf(label) {
  return label.name ?? `Unnamed label ${label.id}`;
}

/** The ids of labels that share their name, apart from upper and lower case, with others. */
export function twins(labels) {
  const byName = Map.groupBy(labels, (label) => nameOf(label).toLocaleLowerCase());
  return new Set([...byName.values()].filter(({ length }) => length > 1).flat().map(({ id }) => id));
}

/** The labels whose name contains a text. */
export function search(labels, text) {
  const wanted = text.trim().toLocaleLowerCase();
  return labels.filter((label) => nameOf(label).toLocaleLowerCase().includes(wanted));
}

/** An element for a name, which may run from right to left or have any character in it. */
export function nameElement(label) {
  return make("bdi", { class: label.name === null ? "name unnamed" : "name", title: nameOf(label) }, nameOf(label));
}

/** Shows another name in such an element. */
export function rename(element, label) {
  say(element, nameOf(label));
  set(element, "title", nameOf(label));
  set(element, "class", label.name === null ? "name unnamed" : "name");
}
