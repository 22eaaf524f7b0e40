// The instances that the tokens of this browser are for, and the switch between them.

import { Api } from "./api.js";
import { byId, make, set } from "./dom.js";
import { Tokens } from "./tokens.js";

export class Accounts {
  #tokens = new Tokens();
  /** The instances of each token. */
  #instances = new Map();
  #select = byId("account");
  /** Whether the server can refresh. */
  canRefresh = false;

  /** Told of the instance that is chosen. */
  onchoose = () => {};

  constructor() {
    this.#select.addEventListener("change", () => this.onchoose(this.#select.value));
  }

  get isEmpty() {
    return this.#tokens.all.length === 0;
  }

  /** Whether there is an instance to show. */
  get hasInstances() {
    return this.names.length > 0;
  }

  /** The names of all instances, in order. */
  get names() {
    return [...new Set([...this.#instances.values()].flat())].sort();
  }

  /** What is known of each token. */
  tokens() {
    return this.#tokens.all.map((token) => ({
      token, instances: this.#instances.get(token) ?? [], isRemembered: this.#tokens.isRemembered(token),
    }));
  }

  /** Keeps a token of the address, which nobody has checked yet. */
  keep(token) {
    this.#tokens.add(token);
  }

  /** Takes a token that the server knows, and gives its instances; without any it is of no use. */
  async add(token, remember) {
    const instances = await this.#ask(token);
    if (instances.length === 0) throw new Error("This token is for no account yet.");
    this.#tokens.add(token, remember);
    this.#instances.set(token, instances);
    return instances;
  }

  /** Asks what each token is for. One that is not known any more is forgotten; gives how many those were. */
  async read() {
    let refused = 0;
    for (const token of this.#tokens.all) {
      try {
        this.#instances.set(token, await this.#ask(token));
      } catch (problem) {
        if (problem.status !== 401) throw problem;
        this.forget(token);
        refused += 1;
      }
    }
    return refused;
  }

  /** Asks what a token is for. */
  async #ask(token) {
    const { instances, upstream } = await new Api(token).instances();
    this.canRefresh = upstream;
    return instances;
  }

  forget(token) {
    this.#tokens.forget(token);
    this.#instances.delete(token);
  }

  /** Forgets the tokens for an instance that are not accepted for it any more. */
  refuse(instance) {
    for (const [token, instances] of this.#instances) {
      if (instances.includes(instance)) this.forget(token);
    }
  }

  /** Requests for an instance, with a token that is for it. */
  api(instance) {
    const token = [...this.#instances].find(([, instances]) => instances.includes(instance))?.[0];
    return token === undefined ? null : new Api(token, instance);
  }

  /** Shows all instances, and which is chosen. */
  show(chosen) {
    this.#select.replaceChildren(...this.names.map((name) => make("option", { value: name, dir: "auto" }, name)));
    this.#select.value = chosen ?? "";
    set(this.#select, "disabled", this.names.length < 2);
    this.#select.parentElement.hidden = this.names.length === 0;
  }
}
