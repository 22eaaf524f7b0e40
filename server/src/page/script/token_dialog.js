// Entering a token, and signing out.

import { byId, counted, make, say } from "./dom.js";

export class TokenDialog {
  #dialog = byId("tokens");
  #field = byId("token");
  #accounts;

  /** Checks and takes a token, or fails. */
  onenter = async () => {};
  onforget = () => {};

  constructor(accounts) {
    this.#accounts = accounts;
    byId("token-form").addEventListener("submit", (event) => this.#submit(event));
    byId("tokens-close").addEventListener("click", () => this.#dialog.close());
    this.#dialog.addEventListener("cancel", (event) => {
      // Without an account there is nothing behind the dialog.
      if (!this.#accounts.hasInstances) event.preventDefault();
    });
    this.#dialog.addEventListener("close", () => {
      // Browsers close a dialog all the same when Escape is pressed twice.
      if (!this.#accounts.hasInstances) this.open();
    });
  }

  /** Opens, with what made it necessary. */
  open(problem = "") {
    this.#field.value = "";
    this.#draw();
    say(byId("token-problem"), problem);
    if (!this.#dialog.open) this.#dialog.showModal();
    this.#field.focus();
  }

  close() {
    this.#dialog.close();
  }

  #draw() {
    const known = this.#accounts.tokens();
    say(byId("tokens-title"), known.length > 0 ? "Tokens" : "Sign in");
    byId("tokens-close").hidden = !this.#accounts.hasInstances;
    byId("token-list").replaceChildren(...known.map(({ token, instances, isRemembered }) => {
      const what = instances.length === 1 ? instances[0] : counted(instances.length, "account");
      return make("li", {}, make("span", {}, make("bdi", {}, what),
        make("span", { class: "chat-kind" }, `ends with ${token.slice(-4)}${isRemembered ? ", kept on this device" : ""}`)),
      make("button", { class: "text-button", type: "button", "aria-label": `Forget the token for ${what}`,
        onclick: () => (this.onforget(token), this.#draw()) }, "Forget"));
    }));
  }

  async #submit(event) {
    event.preventDefault();
    const button = byId("token-enter");
    button.disabled = true;
    try {
      await this.onenter(this.#field.value.trim(), byId("remember").checked);
      this.#dialog.close();
    } catch (problem) {
      const isWrong = problem.status === 401;
      say(byId("token-problem"), isWrong ? "This token is not known to the server." : problem.message);
      if (isWrong) this.#field.value = "";
      this.#field.focus();
    }
    button.disabled = false;
  }
}
