// What the fragment of the address says. A fragment is never sent to a server, nor to another page as a referrer.

import { CLAUSES, Filter } from "./filter.js";

/** Reads the fragment; a token is taken out of the address and of the history at once. */
export function read() {
  const fields = new URLSearchParams(location.hash.slice(1));
  const token = fields.get("token");
  const filter = new Filter();
  for (const clause of CLAUSES) {
    for (const id of (fields.get(clause) ?? "").split(",").filter(Boolean)) filter.set(id, clause);
  }
  const said = { token, instance: fields.get("instance"), filter };
  if (token !== null) write(said.instance, filter);
  return said;
}

/** Writes an instance and a filter, so that a reload or a bookmark shows the same. */
export function write(instance, filter) {
  const fields = new URLSearchParams();
  if (instance) fields.set("instance", instance);
  for (const clause of CLAUSES) {
    const ids = filter.ids(clause);
    if (ids.length > 0) fields.set(clause, ids.join(","));
  }
  const fragment = fields.toString().replaceAll("%2C", ",");
  history.replaceState(null, "", `${location.pathname}${location.search}${fragment ? `#${fragment}` : ""}`);
}
