// The view of credentials: ask for one as a user, see what it may do, and try an operation without
// doing it.
// @ts-check

import { call } from "./api.js";
import { announce, clockTime, element, policyInWords, say } from "./words.js";

const ROUTES = ["/sts", "/sign", "/getKeyAndCredentials?filename=a.jpg"];
const OPERATIONS = ["PutObject", "GetObject", "HeadObject", "GetBucket", "DeleteObject", "InitiateMultipartUpload", "UploadPart", "CompleteMultipartUpload", "AbortMultipartUpload", "ListParts", "GetService", "PutBucket"];
const form = { user: "", method: "jwt", route: "/sts", token: "", scope: "" };

/** @param {any} state */
export function credentialView(state) {
  if (state.cloud && !form.user) form.user = state.cloud.users[0] ?? "";
  const answer = element("section", { class: "panel", "aria-label": say("answer"), tabindex: "-1", hidden: true });
  if (!state.cloud) return element("div");
  if (state.credential) showCredential(answer, state.credential);

  /** @param {Event} event */
  async function ask(event) {
    event.preventDefault();
    answer.hidden = false;
    try {
      const [credential, grants] = await Promise.all([credentialOf(form, state.cloud), grantsOf(form, state.cloud)]);
      state.credential = { ...credential, grants };
      showCredential(answer, state.credential);
    } catch (problem) {
      answer.replaceChildren(element("p", { class: "bad" }, String(/** @type {any} */ (problem).message)));
    }
    announce(answer.querySelector("h2, p")?.textContent ?? "");
    answer.focus();
  }

  return element("div", {},
    element("h2", { class: "visually-hidden" }, say("credential")),
    element("form", { onsubmit: ask },
      ...(state.cloud.isLocal ? [choice("user", [...state.cloud.users, ""], (value) => value || say("anonymous")), choice("method", state.cloud.methods, String)] : []),
      choice("route", ROUTES, String),
      element("label", { class: "grow" }, say(state.cloud.isLocal ? "token" : "callersToken"), element("input", { class: "grow", value: form.token, autocomplete: "off", spellcheck: "false", oninput: (/** @type {any} */ event) => (form.token = event.target.value.trim()) })),
      element("label", { class: "grow" }, say("scope"), element("textarea", { rows: "2", spellcheck: "false", value: form.scope, oninput: (/** @type {any} */ event) => (form.scope = event.target.value.trim()) })),
      element("button", { class: "primary" }, say("ask"))),
    answer);
}

/**
 * @param {"user" | "method" | "route"} name
 * @param {string[]} values
 * @param {(value: string) => string} label
 */
function choice(name, values, label) {
  const select = element("select", { onchange: (/** @type {any} */ event) => (form[name] = event.target.value) },
    ...values.map((value) => element("option", { value }, label(value))));
  select.value = form[name];
  return element("label", {}, say(name), select);
}

/** @param {Asked} asked */
function orderOf(asked) {
  const [path, query = ""] = asked.route.split("?");
  return { as: asked.user, with: asked.method, method: asked.scope ? "POST" : "GET", path, query: [...new URLSearchParams(query)], body: asked.scope };
}

/** @typedef {{user: string, method: string, route: string, token: string, scope: string}} Asked */

/**
 * Which grants apply to this request, and why others do not.
 *
 * @param {Asked} asked
 * @param {any} cloud
 */
async function grantsOf(asked, cloud) {
  if (!cloud.isLocal || asked.token || !asked.user) return [];
  // A request that cannot be read has its reason in the answer.
  return (await call("explain", orderOf(asked)).catch(() => ({ grants: [] }))).grants;
}

/**
 * Sends the request of a user, or with a token, to the issuer.
 *
 * @param {Asked} asked
 * @param {any} cloud
 */
export async function credentialOf(asked, cloud) {
  const method = asked.scope ? "POST" : "GET";
  /** @type {Record<string, string>} */
  const headers = asked.scope ? { "content-type": "application/json" } : {};
  const url = cloud.callersUrl;
  if (asked.token) {
    headers.authorization = `Bearer ${asked.token}`;
  } else if (asked.user) {
    headers.authorization = (await call("authorization", orderOf(asked))).authorization;
  }
  const sent = fetch(url + asked.route, { method, headers, body: asked.scope || undefined });
  const response = await sent.catch(() => {
    throw new Error(say("originBlocked", { url, origin: location.origin }));
  });
  const body = await response.json();
  const data = body.data ?? body;
  const found = data.credentials ?? {};
  const secretId = found.tmpSecretId ?? found.TmpSecretId;
  // Elsewhere the policy is not known here.
  const issued = secretId && cloud.isLocal ? await call(`credentials/${secretId}`) : null;
  return {
    status: response.status, body, secretId, issued,
    secretKey: found.tmpSecretKey ?? found.TmpSecretKey, sessionToken: found.sessionToken ?? found.Token,
    startTime: data.startTime, expiredTime: data.expiredTime ?? data.ExpiredTime,
  };
}

/**
 * @param {any} panel
 * @param {any} credential
 */
function showCredential(panel, credential) {
  const isIssued = Boolean(credential.secretId);
  const head = element("h2", { class: isIssued ? "good" : "bad" }, `${say("answer")}: HTTP ${credential.status}`);
  const parts = [head];
  if (credential.issued) {
    const until = credential.expiredTime ? say("until", { time: clockTime(credential.expiredTime) }) : "";
    parts.push(element("h3", {}, `${say("policy")} ${until}`), policyInWords(credential.issued.clauses));
    parts.push(element("details", {}, element("summary", {}, say("policyRaw")), element("pre", { tabindex: "0" }, JSON.stringify(JSON.parse(credential.issued.policy), null, 2))));
    parts.push(simulation(credential.secretId, credential.issued.clauses));
  } else if (credential.body.message) {
    parts.push(element("p", { class: "bad" }, credential.body.message));
  }
  if (credential.grants?.length) {
    parts.push(element("h3", {}, say("grants")), element("ul", {}, ...credential.grants.map(grantInWords)));
  }
  parts.push(element("details", { open: !isIssued }, element("summary", {}, say("answer")), element("pre", { tabindex: "0" }, JSON.stringify(hidden(credential.body), null, 2))));
  panel.replaceChildren(...parts);
  panel.hidden = false;
}

/** @param {{name: string, applies: boolean, reasons: string[]}} grant */
function grantInWords({ name, applies, reasons }) {
  return element("li", {}, element("code", {}, name), ": ", element("span", { class: applies ? "good" : "quiet" }, say(applies ? "applies" : "appliesNot")), reasons.length ? `, ${reasons.join("; ")}` : "");
}

/**
 * Without the secret parts, which a screen share would show.
 * @param {any} body
 */
function hidden(body) {
  const isSecret = (/** @type {string} */ name) => /key$|token$/i.test(name);
  return JSON.parse(JSON.stringify(body, (name, value) => (isSecret(name) && typeof value === "string" ? "…" : value)));
}

/**
 * @param {string} secretId
 * @param {any[]} clauses
 */
function simulation(secretId, clauses) {
  const folder = clauses.find((clause) => clause.key.endsWith("/*"))?.key.slice(0, -1) ?? "";
  const operation = element("select", { name: "operation" }, ...OPERATIONS.map((name) => element("option", { value: name }, name)));
  const key = element("input", { class: "grow", value: `${folder}a.txt`, spellcheck: "false" });
  const bytes = element("input", { type: "number", min: "0", value: "5" });
  const type = element("input", { value: "text/plain", spellcheck: "false" });
  const result = element("p", { role: "status" });

  /** @param {Event} event */
  async function simulate(event) {
    event.preventDefault();
    const order = { secretId, operation: operation.value, key: key.value, bytes: Number(bytes.value), contentType: type.value };
    try {
      const access = await call("simulate", order);
      result.className = access.allowed ? "good" : "bad";
      result.textContent = `${say(access.allowed ? "allowed" : "refused")}: ${access.reason}. ${say("simulated")}`;
    } catch (problem) {
      result.className = "bad";
      result.textContent = String(/** @type {any} */ (problem).message);
    }
  }

  return element("section", {},
    element("h3", {}, say("simulate")),
    element("form", { onsubmit: simulate },
      element("label", {}, say("operation"), operation),
      element("label", { class: "grow" }, say("key"), key),
      element("label", {}, say("bytes"), bytes),
      element("label", {}, say("type"), type),
      element("button", {}, say("simulateDo"))),
    result);
}
