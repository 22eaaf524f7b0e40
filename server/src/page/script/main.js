// Brings the parts of the page together.

import { Accounts } from "./accounts.js";
import * as address from "./address.js";
import { Backoff } from "./backoff.js";
import { Banner } from "./banner.js";
import { ChatList } from "./chat_list.js";
import { nameOf } from "./chip.js";
import { byId, counted, say } from "./dom.js";
import { Drawer } from "./drawer.js";
import { Filter } from "./filter.js";
import { FilterBar } from "./filter_bar.js";
import { FindChat } from "./find_chat.js";
import { Inbox } from "./inbox.js";
import { LabelList } from "./label_list.js";
import { NewLabel } from "./new_label.js";
import { Picker } from "./picker.js";
import { RefreshButton } from "./refresh_button.js";
import { Theme } from "./theme.js";
import { Toasts } from "./toasts.js";
import { TokenDialog } from "./token_dialog.js";

/** A tab that is hidden for so many milliseconds lets go of its connection. */
const HIDDEN = 3_000;

new Theme();
const drawer = new Drawer();
const banner = new Banner();
const toasts = new Toasts();
const accounts = new Accounts();
const tokenDialog = new TokenDialog(accounts);
const labelList = new LabelList();
const filterBar = new FilterBar();
const chatList = new ChatList();
const picker = new Picker();
const newLabel = new NewLabel();
const findChat = new FindChat();
const refreshButton = new RefreshButton();
const backoff = new Backoff();
let inbox = null;

const failed = (problem) => toasts.say(problem.message, { isProblem: true });

// Accounts.

/** Shows an instance. */
function open(instance, filter) {
  inbox?.stop();
  picker.close();
  chatList.clear();
  const api = accounts.api(instance);
  inbox = new Inbox(api, filter);
  inbox.onchange = draw;
  inbox.onanswer = answered;
  inbox.ontouched = (chats) => chatList.light(chats);
  inbox.onlinked = (id, chat, linked) => picker.linked(id, chat, linked);
  inbox.onstate = connection;
  accounts.show(instance);
  address.write(instance, filter);
  document.title = `${instance} · Inbox by label`;
  banner.connecting();
  draw();
  inbox.start();
}

/** Shows none, and nothing of the last one. */
function close() {
  inbox?.stop();
  inbox = null;
  picker.close();
  chatList.clear();
  labelList.show(null, new Filter());
  filterBar.show(new Filter(), null);
  refreshButton.show(null, false);
  accounts.show(null);
  banner.signedOut();
  address.write(null, new Filter());
  document.title = "Inbox by label";
}

/** Shows the instance that was asked for, or else the first one. */
function openAny(wanted, filter) {
  if (!accounts.hasInstances) {
    close();
    return tokenDialog.open(accounts.isEmpty ? "" : "This token is for no account yet.");
  }
  const { names } = accounts;
  const isKnown = names.includes(wanted);
  if (wanted && !isKnown) toasts.say(`No token for the account ${wanted}.`, { isProblem: true });
  open(isKnown ? wanted : names[0], isKnown || !wanted ? filter : new Filter());
}

/** The number of times that the page was begun; only the last one counts. */
let beginnings = 0;

/** Reads what the tokens are for, for as long as that takes. */
async function begin({ token, instance, filter }) {
  const beginning = ++beginnings;
  if (token) accounts.keep(token);
  if (accounts.isEmpty) return openAny(null, filter);
  banner.connecting();
  for (;;) {
    try {
      const refused = await accounts.read();
      if (beginning !== beginnings) return;
      openAny(instance, filter);
      if (refused > 0) tokenRefused("The token is not known to the server.", instance, filter);
      return;
    } catch (problem) {
      if (beginning !== beginnings) return;
      const wait = backoff.next();
      banner.lost(`${problem.message}.`, wait);
      await backoff.wait(wait);
    }
  }
}

function connection({ state, problem, wait, seconds }) {
  if (state === "live") live();
  else if (state === "waiting") banner.waiting(seconds);
  else if (state === "lost") banner.lost(problem.status > 0 ? `${problem.message}.` : "The server cannot be reached.", wait);
  else if (state === "refused") refused(problem);
  else failed(problem);
}

function live() {
  backoff.succeeded();
  banner.live();
}

/** The token does not count for the instance any more, or the instance has gone. */
async function refused(problem) {
  const { instance, filter } = inbox;
  inbox.stop();
  if (problem.status === 401) {
    accounts.refuse(instance);
    openAny(null, new Filter());
    return tokenRefused("The token is not accepted any more.", instance, filter);
  }
  failed(problem);
  // Whatever says so may say it again at once.
  const here = inbox;
  await backoff.wait(backoff.next());
  if (inbox === here) await begin({ token: null, instance: null, filter: new Filter() });
}

/** What to show once there is a token for it. */
let wanted = { instance: null, filter: new Filter() };

/** Asks for another token if there is none left. */
function tokenRefused(text, instance, filter) {
  if (accounts.hasInstances) return toasts.say(text, { isProblem: true });
  wanted = { instance, filter };
  tokenDialog.open(`${text} Enter another one.`);
}

accounts.onchoose = (instance) => open(instance, new Filter());
byId("open-tokens").addEventListener("click", () => tokenDialog.open());
tokenDialog.onenter = async (token, remember) => {
  const instances = await accounts.add(token, remember);
  const keep = instances.includes(wanted.instance);
  open(keep ? wanted.instance : instances[0], keep ? wanted.filter : new Filter());
};
tokenDialog.onforget = (token) => {
  accounts.forget(token);
  if (!inbox || !accounts.api(inbox.instance)) openAny(null, new Filter());
  else accounts.show(inbox.instance);
};

// What is shown.

function draw() {
  labelList.show(inbox.labels, inbox.filter);
  filterBar.show(inbox.filter, inbox.labels);
  chatList.show(inbox);
  refreshButton.show(inbox, accounts.canRefresh);
  picker.labelsChanged();
}

function answered() {
  chatList.scrollToTop();
  say(byId("announcement"), `${counted(inbox.answer.total_chats, "chat")}. ${byId("page").textContent}.`);
}

// Filter and pages.

function filterChanged() {
  address.write(inbox.instance, inbox.filter);
  inbox.filterChanged();
}

function clearFilter() {
  inbox.filter.clear();
  filterChanged();
}

labelList.onclause = (id, clause) => {
  inbox.filter.set(id, clause);
  filterChanged();
};
filterBar.onremove = (id) => {
  if (id === null) return clearFilter();
  inbox.filter.set(id, null);
  filterChanged();
};
chatList.onclear = clearFilter;
chatList.onnext = () => inbox.nextPage();
chatList.onprevious = () => inbox.previousPage();
banner.onretry = () => (inbox?.hurry(), backoff.hurry());

// Labels on chats.

chatList.onpick = (chat) => {
  const { labels } = inbox.answer.chats.find(({ chat_id: id }) => id === chat);
  picker.open(inbox, chat, labels.map(({ id }) => id));
};
chatList.onunlink = async (id, chat) => {
  const here = inbox;
  const label = here.labels.get(id) ?? { id, name: null };
  try {
    await here.unlink(id, chat);
    toasts.say(`${nameOf(label)} was taken away.`, { action: "Undo", onaction: () => here.link(id, chat).catch(failed) });
  } catch (problem) {
    failed(problem);
  }
};
refreshButton.ondone = (text) => toasts.say(text);
refreshButton.onproblem = failed;
picker.onproblem = failed;
picker.onnew = (name) => newLabel.open([...inbox.labels.values()], name, ({ id }) => picker.choose(id, true));
newLabel.oncreate = (name, color) => inbox.createLabel(name, color);
byId("add-label").addEventListener("click", () => newLabel.open([...(inbox.labels?.values() ?? [])]));
byId("open-find").addEventListener("click", () => findChat.open());
byId("empty-find").addEventListener("click", () => findChat.open());
findChat.onfind = async (number) => {
  const found = await inbox.labelsOf(number);
  picker.open(inbox, found.chat_id, found.labels.map(({ id }) => id));
};

// The window.

let hiding = null;
document.addEventListener("visibilitychange", () => {
  clearTimeout(hiding);
  if (!document.hidden) return inbox?.start();
  hiding = setTimeout(() => {
    inbox?.pause();
    if (inbox) banner.paused();
  }, HIDDEN);
});
addEventListener("hashchange", () => {
  const said = address.read();
  if (said.token || !inbox || said.instance !== inbox.instance) return begin(said);
  inbox.filter = said.filter;
  filterChanged();
});
byId("skip").addEventListener("click", () => (drawer.close(), byId("chats").focus()));

begin(address.read());
