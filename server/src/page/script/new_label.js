// Making a label.

import { paint, PALETTE } from "./chip.js";
import { byId, make, say } from "./dom.js";

export class NewLabel {
  #dialog = byId("new-label");
  #name = byId("new-label-name");
  #made = () => {};

  /** Makes a label of a name and a colour. */
  oncreate = async () => {};

  constructor() {
    byId("swatches").replaceChildren(...PALETTE.map((color) => {
      const swatch = make("label", { class: "swatch" },
        make("input", { type: "radio", name: "color", value: color, "aria-label": `Colour ${color}` }), make("span", { class: "dot" }));
      paint(swatch, color);
      return swatch;
    }));
    byId("new-label-form").addEventListener("submit", (event) => this.#submit(event));
    byId("new-label-close").addEventListener("click", () => this.#dialog.close());
  }

  /** Opens with a colour that is used least, and gives the label to `made`. */
  open(labels, name = "", made = () => {}) {
    this.#made = made;
    this.#name.value = name;
    say(byId("new-label-problem"), "");
    const used = PALETTE.map((color) => labels.filter((label) => label.color === color).length);
    const least = used.indexOf(Math.min(...used));
    byId("swatches").children[least].querySelector("input").checked = true;
    this.#dialog.showModal();
    this.#name.focus();
  }

  async #submit(event) {
    event.preventDefault();
    const color = Number(new FormData(event.target).get("color"));
    try {
      const label = await this.oncreate(this.#name.value.trim(), color);
      this.#dialog.close();
      this.#made(label);
    } catch (problem) {
      say(byId("new-label-problem"), problem.message);
    }
  }
}
