// The view of requests: a live table, and the reason of each.
// @ts-check

import { clockTime, copy, element, policyInWords, say } from "./words.js";

const MAX_ROWS = 300;
let filter = "";
let isRefusedOnly = false;
/** @type {any} */
let selected = null;
/** @type {any[]} What is shown; while it is paused, also after another view. */
let shown = [];

/** @param {any} state */
export function requestsView(state) {
  const rows = element("tbody");
  const details = element("section", { class: "panel", "aria-label": say("details"), tabindex: "-1", hidden: true });
  const pause = element("button", { type: "button", onclick: toggle }, say(state.isPaused ? "resume" : "pause"));

  function toggle() {
    state.isPaused = !state.isPaused;
    pause.textContent = say(state.isPaused ? "resume" : "pause");
    update();
  }

  function update() {
    if (!state.isPaused) shown = state.records.slice();
    const words = filter.toLowerCase().split(/\s+/).filter(Boolean);
    const matching = shown.filter((/** @type {any} */ record) => {
      const text = searched(record);
      return (!isRefusedOnly || !record.isAllowed) && words.every((word) => text.includes(word));
    });
    const latest = matching.slice(-MAX_ROWS).reverse();
    rows.replaceChildren(...latest.map((/** @type {any} */ record) => row(record, select)));
    empty.hidden = latest.length > 0;
  }

  /** @param {any} record */
  function select(record) {
    selected = record;
    update();
    showDetails(details, record, state.cloud, () => {
      selected = null;
      update();
    });
    details.focus();
  }

  const empty = element("p", { class: "quiet" }, say("noRequests"));
  const table = element("table", {},
    element("thead", {}, element("tr", {}, ...["time", "status", "service", "request", "who", "outcome"].map((name) =>
      element("th", { scope: "col" }, say(/** @type {any} */ (name)))))),
    rows);
  let isWaiting = false;
  // Many records may come at once.
  state.listeners.add(() => {
    if (isWaiting || state.isPaused) return;
    isWaiting = true;
    requestAnimationFrame(() => {
      isWaiting = false;
      update();
    });
  });
  update();
  if (selected) showDetails(details, selected, state.cloud, () => (selected = null));
  return element("div", {},
    element("h2", { class: "visually-hidden" }, say("requests")),
    element("div", { class: "bar" },
      element("label", { class: "grow" }, say("filter"), element("input", { type: "search", class: "grow", value: filter, oninput: (/** @type {any} */ event) => {
        filter = event.target.value;
        update();
      } })),
      element("label", { class: "check" }, element("input", { type: "checkbox", checked: isRefusedOnly, onchange: (/** @type {any} */ event) => {
        isRefusedOnly = event.target.checked;
        update();
      } }), say("refusedOnly")),
      pause,
      element("button", { type: "button", onclick: () => {
        state.records.length = 0;
        shown = [];
        update();
      } }, say("clear"))),
    empty,
    element("div", { class: "split" }, element("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": say("requests") }, table), details));
}

/** @param {any} record */
function searched(record) {
  const parts = [record.service, subject(record), record.who, record.summary, record.reason, record.status, record.isAllowed ? "allowed" : "refused"];
  return parts.join(" ").toLowerCase();
}

/** @param {any} record */
function subject(record) {
  if (record.service === "cos") return `${record.operation || record.method} ${record.target}`;
  return `${record.method} ${record.target}`;
}

/**
 * @param {any} record
 * @param {(record: any) => void} select
 */
function row(record, select) {
  const outcome = record.isAllowed ? say("allowed") : say("refused");
  return element("tr", { "aria-selected": String(selected?.number === record.number) },
    element("td", { class: "fixed" }, element("time", { title: new Date(record.time * 1000).toISOString() }, clockTime(record.time))),
    element("td", { class: `fixed ${record.isAllowed ? "good" : "bad"}` }, `${record.status ?? "–"} ${outcome}`),
    element("td", { class: "fixed" }, record.service),
    element("td", {}, element("button", { type: "button", class: "link", onclick: () => select(record) }, subject(record))),
    element("td", {}, record.who ?? ""),
    element("td", {}, record.reason || record.summary));
}

/**
 * @param {any} panel
 * @param {any} record
 * @param {any} cloud
 * @param {() => void} onClose
 */
function showDetails(panel, record, cloud, onClose) {
  const close = element("button", { type: "button", onclick: () => {
    panel.hidden = true;
    onClose();
  } }, say("close"));
  const curl = curlOf(record, cloud);
  const accesses = record.decision?.accesses ?? [];
  panel.replaceChildren(
    element("div", { class: "bar" }, element("h2", { class: "grow" }, subject(record)), curl && element("button", { type: "button", onclick: () => copy(curl) }, say("copyCurl")), close),
    element("dl", {}, ...pairs([
      ["time", new Date(record.time * 1000).toISOString()],
      ["status", record.status],
      ["who", record.who],
      ["why", record.reason],
      ["fault", record.fault],
      ["requestId", record.requestId],
    ])),
    ...accesses.map((/** @type {any} */ access) => element("div", {},
      element("h3", {}, `${say("decision")}: ${access.action}`),
      element("p", { class: access.allowed ? "good" : "bad" }, access.reason),
      element("dl", {}, ...pairs([
        ["statements", access.statements.join("; ")],
        ["seen", Object.entries(access.seen).map(([name, values]) => `${name} = ${/** @type {any} */ (values).join(", ")}`).join("; ")],
        ["missing", access.missing.join(", ")],
      ])))),
    ...(record.clauses.length ? [element("h3", {}, say("policy")), policyInWords(record.clauses)] : []),
    ...(record.policy ? [element("details", {}, element("summary", {}, say("policyRaw")), element("pre", { tabindex: "0" }, indented(record.policy)))] : []),
    ...(record.audit ? [element("details", {}, element("summary", {}, say("audit")), element("pre", { tabindex: "0" }, JSON.stringify(record.audit, null, 2)))] : []));
  panel.hidden = false;
}

/** @param {[import("./words.js").Word, any][]} list */
function pairs(list) {
  return list.filter(([, value]) => value !== null && value !== undefined && value !== "")
    .flatMap(([name, value]) => [element("dt", {}, say(name)), element("dd", {}, String(value))]);
}

/** @param {string} text */
function indented(text) {
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}

/**
 * The request to the issuer as a command. A request to COS or STS has a signature of its moment,
 * which the console does not keep.
 *
 * @param {any} record
 * @param {any} cloud
 */
function curlOf(record, cloud) {
  if (record.service !== "issuer" || !cloud) return null;
  const isOpen = cloud.issuerUrl?.endsWith(`:${record.port}`) && !record.who;
  const base = isOpen ? cloud.issuerUrl : cloud.callersUrl;
  const proof = isOpen ? "" : ` -H "Authorization: Bearer $(cos-issuer token --sub ${quoted(record.who ?? "user-1")})"`;
  const method = record.method === "GET" ? "" : ` -X ${quoted(record.method)}`;
  // The console keeps no bodies.
  const body = record.method === "POST" ? " -H 'Content-Type: application/json' -d @body.json" : "";
  return `curl${method}${proof}${body} ${quoted(base + record.target)}`;
}

/** @param {string} text */
function quoted(text) {
  return /^[\w./:@%+=-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}
