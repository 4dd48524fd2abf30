// The frame of the console: its views, the language, and whether the local cloud answers.
// @ts-check

import { call, followRecords, takeToken } from "./api.js";
import { cloudView } from "./cloud.js";
import { credentialView } from "./credential.js";
import { filesView } from "./files.js";
import { requestsView } from "./requests.js";
import { element, say, switchLanguage } from "./words.js";

const VIEWS = { requests: requestsView, credential: credentialView, files: filesView, cloud: cloudView };
/** @typedef {keyof typeof VIEWS} ViewName */

/** @type {{ cloud: any, records: any[], isPaused: boolean, listeners: Set<() => void>, credential: any }} */
const state = { cloud: null, records: [], isPaused: false, listeners: new Set(), credential: null };
const MAX_RECORDS = 1000;

/** Of a deployment elsewhere, only what the page itself asks for is known. */
function shownViews() {
  return state.cloud && !state.cloud.isLocal ? ["files", "credential"] : Object.keys(VIEWS);
}

function shownView() {
  const [first] = shownViews();
  const name = location.hash.slice(1);
  return /** @type {ViewName} */ (shownViews().includes(name) ? name : first);
}

function show() {
  const name = shownView();
  const links = shownViews().map((view) => {
    const current = view === name ? "page" : undefined;
    return element("li", {}, element("a", { href: `#${view}`, "aria-current": current }, say(/** @type {ViewName} */ (view))));
  });
  by("views").replaceChildren(...links);
  by("language").textContent = say("switchLanguage");
  document.title = `${say(name)} – cos-issuer`;
  state.listeners.clear();
  by("view").replaceChildren(VIEWS[name](state));
}

/** @param {string} id */
function by(id) {
  return /** @type {HTMLElement} */ (document.getElementById(id));
}

/** @param {string} text */
function notice(text) {
  by("notice").textContent = text;
  by("notice").hidden = text === "";
}

/** @param {any} record */
function received(record) {
  state.records.push(record);
  if (state.records.length > MAX_RECORDS) state.records.shift();
  for (const listener of state.listeners) listener();
}

async function start() {
  by("language").addEventListener("click", () => {
    switchLanguage();
    show();
  });
  if (!takeToken()) {
    show();
    return notice(say("noToken"));
  }
  addEventListener("hashchange", () => {
    show();
    by("view").focus();
  });
  let wasLost = false;
  followRecords(received, async (isConnected) => {
    notice(isConnected ? "" : say("lost"));
    if (!isConnected) {
      wasLost = true;
      return;
    }
    // Another cloud may be at other ports, which the policy of this page does not know.
    if (wasLost) return location.reload();
    state.cloud = await call("cloud");
    show();
  });
}

start();
