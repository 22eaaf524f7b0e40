// What a chat is called here: the index knows ids, not names of people.

const KINDS = {
  "c.us": ["person", "Person"],
  lid: ["person", "Person with a hidden number"],
  "g.us": ["group", "Group"],
  newsletter: ["channel", "Channel"],
  broadcast: ["channel", "Broadcast list"],
  bot: ["person", "Bot"],
};

/** The title, the kind in words, and the icon of a chat. */
export function chatName(id) {
  const at = id.lastIndexOf("@");
  const [icon, kind] = KINDS[id.slice(at + 1)] ?? ["key", "Custom id"];
  if (at < 0 || icon === "key") return { title: id, kind, icon };
  const user = id.slice(0, at);
  const isPhone = id.endsWith("@c.us") && /^\d+$/.test(user);
  return { title: isPhone ? `+${user}` : user, kind, icon };
}

/** A number from 0 to 19 that stays the same for a chat. */
export function chatColor(id) {
  let sum = 0;
  for (const character of id) sum = (sum * 31 + character.codePointAt(0)) >>> 0;
  return sum % 20;
}
