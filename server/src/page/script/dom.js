// Making elements. Texts become text nodes, never HTML: a label may be called `<img onerror=..>`.

const SVG = "http://www.w3.org/2000/svg";

/** The element of an id. */
export const byId = (id) => document.getElementById(id);

/** Makes an element with attributes, listeners (`onclick`) and children. */
export function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "function") element.addEventListener(name.slice(2), value);
    else set(element, name, value);
  }
  element.append(...children);
  return element;
}

/** Sets an attribute; `false`, `null` and `undefined` remove it. States of ARIA are the words `true` and `false`. */
export function set(element, name, value) {
  if (typeof value === "boolean" && name.startsWith("aria-")) element.setAttribute(name, String(value));
  else if (value === false || value === null || value === undefined) element.removeAttribute(name);
  else element.setAttribute(name, value === true ? "" : String(value));
}

/** Sets the text of an element, if it is another one: an unchanged node is not announced again. */
export function say(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/** A symbol of the document as an icon without a meaning of its own. */
export function icon(name) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("aria-hidden", "true");
  svg.classList.add("icon");
  const use = document.createElementNS(SVG, "use");
  use.setAttribute("href", `#icon-${name}`);
  svg.append(use);
  return svg;
}

/**
 * Makes the children of an element those of a list, in order, and keeps the elements of items that stay: focus and
 * scrolling are not lost when the list is read anew.
 */
export function reconcile(parent, items, keyOf, create, update) {
  const known = new Map([...parent.children].map((child) => [child.dataset.key, child]));
  let place = parent.firstElementChild;
  for (const item of items) {
    const key = keyOf(item);
    let child = known.get(key);
    known.delete(key);
    if (!child) {
      child = create(item);
      child.dataset.key = key;
    }
    update(child, item);
    if (child === place) place = place.nextElementSibling;
    else parent.insertBefore(child, place);
  }
  for (const child of known.values()) {
    const focused = child.contains(document.activeElement);
    const neighbour = child.nextElementSibling ?? child.previousElementSibling ?? parent.parentElement;
    child.remove();
    // A button that opens something is preferred to one that takes something away.
    if (focused) (neighbour.querySelector(".pick") ?? neighbour.querySelector("button"))?.focus();
  }
}

/** The items that are drawn of a long list: thousands would make every change slow. */
export const DRAWN = 200;

/** "1 chat", "2 chats", "1,234 chats". */
export function counted(number, noun) {
  return `${number.toLocaleString("en")} ${noun}${number === 1 ? "" : "s"}`;
}
