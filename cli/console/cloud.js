// The view of the cloud itself: its clock, faults, issued keys, and the trace.
// @ts-check

import { call } from "./api.js";
import { confirmed } from "./files.js";
import { announce, element, say } from "./words.js";

/** Faults to begin with; every other kind is in docs/emulator.md. */
const EXAMPLES = [
  { service: "sts", kind: "outage", nth: 1 },
  { service: "sts", kind: "latency", delay_ms: 3000 },
  { service: "sts", kind: "throttle", per_second: 1 },
  { service: "cos", action: "UploadPart", kind: "close", every: 5 },
  { service: "cos", kind: "slow-body", bytes: 4096, pause_ms: 50 },
  { service: "cos", kind: "expired-now", nth: 1 },
  { service: "gateway", kind: "outage", times: 3 },
];

/** @param {any} state */
export function cloudView(state) {
  if (!state.cloud) return element("div");
  const problem = element("p", { class: "bad", role: "alert", hidden: true });
  const clock = element("p");
  const faults = element("ul");
  const keys = element("ul");
  const instances = element("ul");
  const rule = element("textarea", { rows: "3", spellcheck: "false", value: JSON.stringify(EXAMPLES[0]) });
  const span = element("input", { value: "31m", size: "8", spellcheck: "false" });
  const example = element("select", { onchange: () => (rule.value = example.value) },
    ...EXAMPLES.map((each) => element("option", { value: JSON.stringify(each) }, JSON.stringify(each))));

  /**
   * @param {string} route
   * @param {unknown} [body]
   * @param {string} [method]
   */
  async function order(route, body, method) {
    try {
      await call(route === "restart" ? route : `admin/${route}`, body, method);
      problem.hidden = true;
      if (route !== "restart") await refresh();
      announce(say("changeDone"));
    } catch (refused) {
      problem.hidden = false;
      problem.textContent = String(/** @type {any} */ (refused).message);
    }
  }

  async function refresh() {
    const [now, list, { functions }] = await Promise.all([call("admin/clock"), call("admin/faults"), call("admin/instances")]);
    const live = functions.flatMap((/** @type {any} */ each) => each.instances.map((/** @type {any} */ one) => element("li", {},
      element("code", {}, `${each.gateway} ${one.process}`), ` ${say(one.isBusy ? "busy" : one.isFrozen ? "frozen" : "idle")}`,
      one.peakMemoryBytes ? `, ${Math.round(one.peakMemoryBytes / 1024 / 1024)} MiB ` : " ",
      button("recycle", () => order(`instances/${one.process}`, undefined, "DELETE"), String(one.process)))));
    instances.replaceChildren(...(live.length ? live : [element("li", { class: "quiet" }, say("noInstances"))]));
    const offset = say("clockOffset", { seconds: now.offsetSeconds });
    clock.textContent = [now.now, offset, now.frozen && say("clockFrozen")].filter(Boolean).join(", ");
    const rules = list.faults.map((/** @type {any} */ each) => element("li", {},
      element("code", {}, JSON.stringify(each)), " ",
      button("remove", () => order(`faults/${each.id}`, undefined, "DELETE"), JSON.stringify(each))));
    faults.replaceChildren(...(rules.length ? rules : [element("li", { class: "quiet" }, say("noFaults"))]));
  }

  function showKeys() {
    const issued = new Map();
    for (const record of state.records) {
      if (record.secretId) issued.set(record.secretId, record.who ?? say("anonymous"));
    }
    const items = [...issued].slice(-20).reverse().map(([id, who]) => element("li", {},
      element("code", {}, id), ` ${who} `, button("revoke", () => order(`keys/${id}`, undefined, "DELETE"), id)));
    keys.replaceChildren(...(items.length ? items : [element("li", { class: "quiet" }, say("noKeys"))]));
  }

  async function saveTrace() {
    const url = URL.createObjectURL(new Blob([await call("admin/trace")], { type: "application/x-ndjson" }));
    element("a", { href: url, download: "trace.jsonl" }).click();
    URL.revokeObjectURL(url);
  }

  async function restart() {
    if (await confirmed(say("restartQuestion"))) order("restart", {});
  }

  /** @param {Event} event */
  function addFault(event) {
    event.preventDefault();
    try {
      order("faults", JSON.parse(rule.value));
    } catch (wrong) {
      problem.hidden = false;
      problem.textContent = String(/** @type {any} */ (wrong).message);
    }
  }

  refresh().catch((refused) => {
    problem.hidden = false;
    problem.textContent = refused.message;
  });
  showKeys();
  let count = state.records.length;
  state.listeners.add(() => {
    if (state.records.length === count && count < 1000) return;
    count = state.records.length;
    if (state.records.at(-1).secretId) showKeys();
  });
  return element("div", {},
    element("h2", { class: "visually-hidden" }, say("cloud")),
    problem,
    element("section", { class: "panel" },
      element("h3", {}, say("clock")), clock,
      element("form", { onsubmit: (/** @type {Event} */ event) => {
        event.preventDefault();
        order("clock", { advance: span.value });
      } },
        element("label", {}, say("span"), span), element("button", {}, say("advance")),
        button("freeze", () => order("clock", { frozen: true })),
        button("unfreeze", () => order("clock", { frozen: false })),
        button("resetClock", () => order("clock", { reset: true }))),
      element("p", { class: "quiet" }, say("clockNote"))),
    element("section", { class: "panel" },
      element("h3", {}, say("faults")), faults,
      element("form", { onsubmit: addFault },
        element("label", {}, say("example"), example),
        element("label", { class: "grow" }, say("rule"), rule),
        element("button", {}, say("addFault")),
        button("removeAll", () => order("faults", undefined, "DELETE")))),
    element("section", { class: "panel" }, element("h3", {}, say("keys")), keys),
    element("section", { class: "panel" },
      element("h3", {}, say("instances")), instances,
      button("showAgain", () => refresh()), " ",
      button("recycleAll", () => order("instances", undefined, "DELETE")),
      element("p", { class: "quiet" }, say("instancesNote"))),
    element("section", { class: "panel" },
      element("h3", {}, say("trace")),
      element("p", { class: "quiet" }, say("traceNote", { seed: state.cloud.seed })),
      button("saveTrace", saveTrace)),
    element("section", { class: "panel" },
      element("h3", {}, say("restart")),
      element("p", { class: "quiet" }, say("restartNote")),
      button("restartDo", restart)));
}

/**
 * @param {import("./words.js").Word} word
 * @param {() => void} action
 * @param {string} [what] for screen readers
 */
function button(word, action, what) {
  const label = what ? `${say(word)} ${what}` : undefined;
  return element("button", { type: "button", onclick: action, "aria-label": label }, say(word));
}
