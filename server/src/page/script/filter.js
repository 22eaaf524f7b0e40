// Which labels are asked for, and how.

/** The clauses of a filter, as the page calls them, and the parameter of each. */
const PARAMETERS = { any: "labelIds", all: "allOf", none: "noneOf" };

export const CLAUSES = Object.keys(PARAMETERS);

/** Labels by id, each in one clause. */
export class Filter {
  #clauses = new Map();

  /** The clause of a label; `null` if it is in none. */
  clause(id) {
    return this.#clauses.get(id) ?? null;
  }

  /** Puts a label into a clause, or takes it out of the filter with `null`. */
  set(id, clause) {
    if (clause === null) this.#clauses.delete(id);
    else this.#clauses.set(id, clause);
  }

  clear() {
    this.#clauses.clear();
  }

  get isEmpty() {
    return this.#clauses.size === 0;
  }

  /** The ids in a clause, in the order in which they were chosen. */
  ids(clause) {
    return [...this.#clauses].filter(([, known]) => known === clause).map(([id]) => id);
  }

  /** The parameters of a question. A clause without labels is not given: given and empty, it would let no chat pass. */
  parameters() {
    const given = CLAUSES.map((clause) => [PARAMETERS[clause], this.ids(clause).join(",")]);
    return Object.fromEntries(given.filter(([, ids]) => ids !== ""));
  }
}
