// The API of the console, with the token of this page.
//
// Guarantees: the token is read once from the fragment, taken out of the address and the history,
// and kept in the memory of this tab and in its session storage, so that a reload goes on.
// @ts-check

const KEPT = "cos-issuer-token";
let token = "";

/** Takes the token over; false without one. */
export function takeToken() {
  const given = location.hash.slice(1);
  if (/^[0-9a-f]{64}$/.test(given)) {
    sessionStorage.setItem(KEPT, given);
    history.replaceState(null, "", location.pathname);
  }
  token = sessionStorage.getItem(KEPT) ?? "";
  return token !== "";
}

/** A refusal of the console, with its message. */
export class Refused extends Error {}

/**
 * @param {string} route
 * @param {unknown} [body] sent as JSON by POST
 * @param {string} [method]
 * @returns {Promise<any>}
 */
export async function call(route, body, method = body === undefined ? "GET" : "POST") {
  const response = await send(route, body, method);
  const text = await response.text();
  const isJson = response.headers.get("content-type") === "application/json";
  const answer = isJson ? JSON.parse(text) : text;
  if (response.ok) return answer;
  throw new Refused(answer?.error?.message ?? `HTTP ${response.status}`);
}

/**
 * @param {string} route
 * @param {unknown} body
 * @param {string} method
 */
function send(route, body, method) {
  /** @type {Record<string, string>} */
  const headers = { authorization: `Bearer ${token}` };
  if (method === "POST") headers["content-type"] = "application/json";
  return fetch(`/api/${route}`, { method, headers, body: body === undefined ? undefined : JSON.stringify(body) });
}

/**
 * Reads records as they come, and again after the local cloud was restarted. `EventSource` could
 * not send the token.
 *
 * @param {(record: any) => void} onRecord
 * @param {(isConnected: boolean) => void} onChange
 */
export async function followRecords(onRecord, onChange) {
  let since = 0;
  for (;;) {
    try {
      const response = await send(`events?since=${since}`, undefined, "GET");
      if (!response.ok || !response.body) throw new Refused(`HTTP ${response.status}`);
      onChange(true);
      await events(response.body, (record) => {
        since = record.number;
        onRecord(record);
      });
    } catch {
      // The cloud is stopped or restarts.
    }
    onChange(false);
    // A new cloud counts anew.
    since = 0;
    await new Promise((resolve) => setTimeout(resolve, 1000));
  }
}

/**
 * @param {ReadableStream<BufferSource>} body
 * @param {(record: any) => void} onRecord
 */
async function events(body, onRecord) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    const parts = (rest + value).split("\n\n");
    rest = parts.pop() ?? "";
    for (const part of parts) {
      const data = part.split("\n").find((line) => line.startsWith("data: "));
      if (data) onRecord(JSON.parse(data.slice(6)));
    }
  }
}
