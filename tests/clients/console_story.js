// What a developer does on the console, in a real browser; prints one line of JSON with its checks.
//
// The environment contains CHROMIUM, PROFILE (an empty folder), CONSOLE_URL (with the token),
// ELSEWHERE_URL (a console of another cloud, as a deployment elsewhere), FILES (a folder for files
// to upload) and PICTURES (a folder for screenshots).
//
// Guarantees: each check is a name with true or false; nothing of a credential is printed.
// Not covered: whether the checks are the right ones; tests/e2e/tests/console.rs lists them.
'use strict';

const { mkdir, writeFile } = require('node:fs/promises');
const { createServer } = require('node:http');
const path = require('node:path');

const { accessibilityFindings } = require('./console_accessibility.js');
const { open, until } = require('./console_browser.js');

const LARGE_BYTES = 50 * 1024 * 1024;
const FOLDER = 'users/user-1/';
const EVIL_NAME = '<img src=x onerror=alert(1)>';
const FIRST_PAINT_BYTES = 100 * 1024;
const { CHROMIUM, PROFILE, CONSOLE_URL, ELSEWHERE_URL, FILES, PICTURES } = process.env;

// How many uploads in parts there are, by the SDK with another credential of the user.
const UPLOADS_LEFT = `(async () => {
  const headers = { authorization: "Bearer " + sessionStorage.getItem("cos-issuer-token"), "content-type": "application/json" };
  const order = JSON.stringify({ as: "user-1", method: "GET", path: "/sts" });
  const cloud = await (await fetch("/api/cloud", { headers })).json();
  const { authorization, url } = await (await fetch("/api/authorization", { method: "POST", headers, body: order })).json();
  const { credentials: key } = await (await fetch(url + "/sts", { headers: { authorization } })).json();
  const cos = new COS({ SecretId: key.tmpSecretId, SecretKey: key.tmpSecretKey, SecurityToken: key.sessionToken,
    Protocol: "http:", Domain: cloud.cosDomain });
  const listed = await cos.multipartList({ Bucket: cloud.bucket, Region: cloud.region, Prefix: "${FOLDER}" });
  return listed.Upload.length;
})()`;

const checks = {};

async function main() {
  await mkdir(PICTURES, { recursive: true });
  const tab = await open({ chromium: CHROMIUM, profile: PROFILE });
  try {
    await requests(tab);
    await credential(tab);
    await files(tab);
    await buckets(tab);
    await cloud(tab);
    await accessibility(tab);
    await hostile(tab);
    await elsewhere(tab);
    const allowed = await decisions();
    await restart(tab);
    return allowed;
  } catch (problem) {
    await picture(tab, 'failure').catch(() => {});
    throw new Error(`${problem.message}\n${await tab.run('document.body.innerText').catch(() => '')}`);
  } finally {
    tab.end();
  }
}

async function requests(tab) {
  await fetch(`${(await fromConsole('cloud')).issuerUrl}/sign`);
  await tab.go(CONSOLE_URL);
  await tab.when('document.querySelectorAll("tbody tr").length >= 2');
  checks['the token leaves the address and the history'] = await tab.run('!location.href.includes(sessionStorage.getItem("cos-issuer-token")) && history.length <= 2');
  const bytes = await tab.run('performance.getEntries().reduce((sum, entry) => sum + (entry.transferSize ?? 0), 0)');
  checks['the first paint takes less than 100 KB'] = bytes > 10_000 && bytes < FIRST_PAINT_BYTES;
  checks['no cookie is set'] = (await tab.run('document.cookie')) === '';
  await tab.click('GET /sign', 'tbody');
  const command = await tab.run(`(async () => {
    let copied;
    navigator.clipboard.writeText = async (text) => (copied = text);
    [...document.querySelectorAll(".panel button")].find((button) => button.textContent === "Copy as curl").click();
    while (!copied) await new Promise((resolve) => setTimeout(resolve, 20));
    return copied;
  })()`);
  checks['a request is copied as curl'] = command === `curl ${(await fromConsole('cloud')).issuerUrl}/sign`;
  checks['a request shows its policy in words'] = await tab.run('document.querySelector(".panel").innerText.includes("may upload below users/")');
  const received = await tab.run('document.querySelectorAll("tbody tr").length');
  await tab.click('Pause');
  await fetch(`${(await fromConsole('cloud')).issuerUrl}/sign`);
  await new Promise((resolve) => setTimeout(resolve, 500));
  checks['a paused table does not change'] = (await tab.run('document.querySelectorAll("tbody tr").length')) === received;
  await tab.click('Resume');
  checks['a table that goes on shows what came'] = await tab.when(`document.querySelectorAll("tbody tr").length > ${received}`);
  await tab.set('Filter', 'sts');
  checks['the filter leaves what matches'] = await tab.run('[...document.querySelectorAll("tbody tr")].every((row) => row.innerText.toLowerCase().includes("sts"))');
  await tab.set('Filter', '');
  await picture(tab, 'requests');
  await tab.run('document.getElementById("language").click()');
  checks['the page is there in Chinese'] = await tab.run('document.documentElement.lang === "zh-CN" && document.querySelector("nav").innerText.includes("请求")');
  await tab.run('document.getElementById("language").click()');
  checks['every field and button has a name'] = await tab.run(`[...document.querySelectorAll("button, input, select, textarea, a")].every((field) =>
    (field.getAttribute("aria-label") || field.textContent || [...(field.labels ?? [])].map((label) => label.textContent).join("")).trim() !== "")`);
}

async function credential(tab) {
  await tab.click('Credential', 'nav');
  await tab.set('User', 'user-2');
  await tab.click('Ask for a credential');
  await tab.when('document.querySelector(".panel h2")?.textContent.includes("200")');
  checks['a credential is in words'] = await tab.run('document.querySelector(".panel").innerText.includes("below users/user-2/")');
  checks['each grant is explained'] = await tab.run('/own-folder: applies/.test(document.querySelector(".panel").innerText) && /operator: does not apply, .*sub/.test(document.querySelector(".panel").innerText)');
  checks['no secret is shown'] = await tab.run('!/"(tmpSecretKey|sessionToken|securityToken)": "[^…]/.test(document.querySelector(".panel").textContent)');
  await tab.set('Object key', 'users/user-1/a.txt');
  await tab.click('Simulate');
  checks['an operation is tried without doing it'] = await tab.when('document.querySelector(".panel form + p").textContent.startsWith("refused: denied: statement 0 of the session policy")');
  await picture(tab, 'credential');
}

async function files(tab) {
  const large = path.join(FILES, 'large.bin');
  const given = path.join(FILES, 'given-up.bin');
  const evil = path.join(FILES, EVIL_NAME);
  const page = path.join(FILES, 'page.html');
  await writeFile(large, pattern(LARGE_BYTES));
  await writeFile(given, pattern(LARGE_BYTES));
  await writeFile(evil, 'a name');
  await writeFile(page, '<script>opener?.alert(1); fetch("/")</script>');
  await tab.click('Files', 'nav');
  await tab.when('document.querySelector(".objects tbody")?.innerText.includes("empty")');

  // Slow, so that there is time to pause.
  await speed(tab, 8 * 1024 * 1024);
  await tab.choose([large]);
  const transfer = `[...document.querySelectorAll(".transfers li")].at(-1)`;
  await tab.when(`${transfer}?.querySelector("progress").value >= 0.3`);
  await tab.click('Pause', '.transfers li:last-child');
  await tab.when(`${transfer}.innerText.includes("Paused")`);
  const before = await tab.run(`${transfer}.querySelector("progress").value`);
  await new Promise((resolve) => setTimeout(resolve, 700));
  checks['a paused upload does not go on'] = (await tab.run(`${transfer}.querySelector("progress").value`)) === before && before < 1;
  await picture(tab, 'files');
  await tab.click('Resume', '.transfers li:last-child');
  await tab.when(`${transfer}.querySelector("progress").value > ${before}`);
  await tab.click('Pause', '.transfers li:last-child');
  await tab.when(`${transfer}.innerText.includes("Paused")`);

  // The page forgets, the SDK does not.
  await tab.reload();
  await tab.when('document.querySelector("input[type=file]")');
  await speed(tab, -1);
  await tab.choose([large]);
  await tab.when(`${transfer}?.innerText.includes("Done")`);
  checks['the upload goes on after a reload'] = true;
  const size = await tab.when('[...document.querySelectorAll(".objects tbody tr")].find((row) => row.innerText.includes("large.bin"))?.cells[1].innerText');
  checks['the list shows its size'] = size === '50 MiB';

  await speed(tab, 8 * 1024 * 1024);
  await tab.choose([given]);
  await tab.when(`${transfer}.innerText.includes("given-up.bin") && ${transfer}.querySelector("progress").value > 0.1`);
  await tab.click('Cancel', '.transfers li:last-child');
  checks['an upload is cancelled'] = await tab.when(`${transfer}.innerText.includes("Cancelled")`);
  checks['no parts of it are left'] = await until(() => tab.run(UPLOADS_LEFT).then((left) => left === 0), 10, 'no parts are left');
  await speed(tab, -1);

  await tab.choose([evil, page]);
  await tab.when('document.querySelector(".objects tbody").innerText.includes("page.html") && document.querySelector(".objects tbody").innerText.includes("onerror")');
  checks['a name is text and not markup'] = await tab.run(`document.querySelectorAll("main img").length === 0 && [...document.querySelectorAll(".objects td")].some((cell) => cell.textContent === ${JSON.stringify(EVIL_NAME)})`);

  await mkdir(path.join(FILES, 'album'));
  await writeFile(path.join(FILES, 'album', 'one.jpg'), 'one');
  await tab.choose([path.join(FILES, 'album')], 1);
  checks['a folder is uploaded with its name'] = await tab.when('[...document.querySelectorAll(".objects td")].some((cell) => cell.textContent === "album/") && document.querySelector(".transfers li:last-child").dataset.key === "users/user-1/album/one.jpg"');

  const link = await tab.run(`(async () => {
    let copied;
    navigator.clipboard.writeText = async (text) => (copied = text);
    [...document.querySelectorAll(".objects td button")].find((button) => button.getAttribute("aria-label") === "Link page.html").click();
    while (!copied) await new Promise((resolve) => setTimeout(resolve, 20));
    return copied;
  })()`);
  checks['a link downloads and does not show'] = await tab.run(`fetch(${JSON.stringify(link)}).then((answer) => answer.ok)`) && /[?&]response-content-disposition=attachment/.test(link);

  checks['the bytes are those of the file'] = await tab.run(`(async () => {
    let copied;
    navigator.clipboard.writeText = async (text) => (copied = text);
    [...document.querySelectorAll(".objects td button")].find((button) => button.getAttribute("aria-label") === "Link large.bin").click();
    while (!copied) await new Promise((resolve) => setTimeout(resolve, 20));
    const bytes = new Uint8Array(await (await fetch(copied)).arrayBuffer());
    return bytes.length === ${LARGE_BYTES} && bytes.every((byte, index) => byte === (index * 7 + (index >> 12)) % 251);
  })()`);

  await tab.run(`[...document.querySelectorAll(".objects td button")].find((button) => button.getAttribute("aria-label") === "Delete page.html").click()`);
  await tab.click('No', 'dialog[open]');
  checks['a deletion that is not confirmed does nothing'] = await tab.run('document.querySelector(".objects tbody").innerText.includes("page.html")');
  await tab.run(`[...document.querySelectorAll(".objects td button")].find((button) => button.getAttribute("aria-label") === "Delete page.html").click()`);
  await tab.click('Yes', 'dialog[open]');
  checks['a confirmed one deletes'] = await tab.when('!document.querySelector(".objects tbody").innerText.includes("page.html")');

  await tab.set('User', 'user-2');
  await tab.when('document.querySelector("[aria-label=Folder] input").value === "users/user-2/"');
  await tab.when('document.querySelector(".objects tbody").innerText.includes("empty")');
  await tab.run(`(() => {
    const input = document.querySelector("[aria-label=Folder] input");
    input.value = ${JSON.stringify(FOLDER)};
    input.form.requestSubmit();
  })()`);
  checks["another user's folder is refused, with the reason"] = await tab.when('document.querySelector("main > div > p[role=alert]").innerText.includes("denied: statement 0 of the session policy allows the action, but not on")');
  await picture(tab, 'refusal');

  await tab.click('Requests', 'nav');
  await tab.set('Filter', 'user-2 GetBucket refused');
  checks['the refusal is among the requests'] = await tab.when('document.querySelector("tbody").innerText.includes("session policy does not cover this key")');
  await tab.set('Filter', 'CompleteMultipartUpload large.bin allowed');
  checks['each upload is among the requests'] = await tab.when('document.querySelectorAll("tbody tr").length === 1');
  checks['nothing broke the policy of the page'] = tab.problems.length === 0;
  if (tab.problems.length) checks[`problems: ${tab.problems.join('; ')}`] = false;
}

async function cloud(tab) {
  await tab.click('Cloud', 'nav');
  await tab.when('document.querySelectorAll("main section").length === 6');
  await tab.click('Add');
  await tab.when('document.querySelector("main ul").innerText.includes("outage")');
  await tab.click('Remove all');
  checks['a fault is set and removed'] = await tab.when('document.querySelector("main ul").innerText === "No faults."');
  await tab.set('By', '60');
  await tab.click('Advance');
  await tab.when('document.querySelector("main section p").innerText.includes("60 s from")');
  await tab.click('Reset the clock');
  checks['the clock is moved and reset'] = await tab.when('document.querySelector("main section p").innerText.includes(", 0 s from")');
  await tab.click('Revoke', 'section:nth-of-type(3)');
  checks['a key is revoked'] = await tab.when('document.getElementById("status").textContent === "Done."');
  const processes = () => tab.run('[...document.querySelectorAll("section:nth-of-type(4) code")].map((each) => each.textContent).join()');
  const before = await tab.when('[...document.querySelectorAll("section:nth-of-type(4) code")].map((each) => each.textContent).join()');
  await tab.click('Recycle', 'section:nth-of-type(4)');
  checks['an instance is recycled'] = await until(async () => (await processes()) !== before, 20, 'another list of instances');
  await picture(tab, 'cloud');
}

async function buckets(tab) {
  const rows = 'document.querySelector("main details tbody").innerText';
  const note = 'document.querySelector("main details p[role=status]").textContent';
  await tab.click('Files', 'nav');
  await tab.set('User', 'user-1');
  await tab.run('document.querySelector("main details").open = true');
  checks['a user may not list buckets, with the reason'] = await tab.when(`${note}.includes("denied: no statement of the session policy")`);

  await tab.set('User', 'operator');
  await tab.click('Create bucket');
  checks['an operator creates the bucket that the grant names'] = await tab.when(`${rows}.includes("scratch-1250000000") && ${rows}.includes("examplebucket-1250000000")`);
  await tab.set('Region', 'ap-beijing');
  checks['the list of buckets is by region'] = await tab.when(`${rows} === ""`);
  await tab.set('Region', '');
  await tab.when(`${rows}.includes("scratch-1250000000")`);
  await tab.set('New bucket', 'other');
  await tab.click('Create bucket');
  checks['another bucket is refused, with the reason'] = await tab.when(`${note}.includes("denied: statement")`);
  const press = (label) => tab.run(`document.querySelector('main details button[aria-label="${label}"]').click()`);
  await tab.set('Region', '');
  await tab.when(`${rows}.includes("scratch-1250000000")`);
  await press('Open scratch-1250000000');
  await tab.choose([path.join(FILES, 'page.html')]);
  await tab.when('document.querySelector(".objects tbody").innerText.includes("page.html")');
  await press('Delete scratch-1250000000');
  await tab.click('Yes', 'dialog[open]');
  checks['a bucket with objects is not deleted'] = await tab.when(`${note}.includes("BucketNotEmpty")`);
  await picture(tab, 'buckets');
  await tab.run(`[...document.querySelectorAll(".objects td button")].find((button) => button.getAttribute("aria-label") === "Delete page.html").click()`);
  await tab.click('Yes', 'dialog[open]');
  await tab.when('!document.querySelector(".objects tbody").innerText.includes("page.html")');
  await press('Delete scratch-1250000000');
  await tab.click('Yes', 'dialog[open]');
  checks['an empty one is deleted'] = await tab.when(`${rows}.includes("examplebucket-1250000000") && !${rows}.includes("scratch-1250000000")`);
}

async function accessibility(tab) {
  const findings = await accessibilityFindings(tab);
  checks['axe-core finds nothing'] = findings.length === 0;
  for (const finding of findings) checks[`axe-core: ${finding}`] = false;
}

/** A cloud on other origins, which this console reaches only as a browser may. */
async function elsewhere(tab) {
  await tab.go(ELSEWHERE_URL);
  await tab.when('document.querySelector(".objects tbody")?.innerText.includes("empty")');
  checks['elsewhere there are the files and credentials'] = await tab.run('document.querySelector("nav").innerText.replace(/\\s+/g, " ") === "Files Credential"');
  await tab.choose([path.join(FILES, 'page.html')]);
  checks['elsewhere a file is uploaded and listed'] = await tab.when('document.querySelector(".objects tbody").innerText.includes("page.html")');
  await tab.run(`[...document.querySelectorAll(".objects td button")].find((button) => button.getAttribute("aria-label") === "Delete page.html").click()`);
  await tab.click('Yes', 'dialog[open]');
  checks['elsewhere a refusal is explained'] = await tab.when('document.querySelector(".objects tbody [role=status]").textContent.includes("AccessDenied")');
  await tab.run('document.querySelector("main details").open = true');
  checks['elsewhere no page lists buckets'] = await tab.when('document.querySelector("main details p[role=status]").textContent.startsWith("The browser did not let")');
  await picture(tab, 'elsewhere');
  await tab.click('Credential', 'nav');
  await tab.click('Ask for a credential');
  await tab.when('document.querySelector(".panel h2")?.textContent.includes("200")');
  checks['elsewhere no secret is shown'] = await tab.run('!/"(tmpSecretKey|sessionToken|securityToken)": "[^…]/.test(document.querySelector(".panel").textContent)');
}

async function restart(tab) {
  await tab.go(CONSOLE_URL);
  await tab.click('Cloud', 'nav');
  await tab.when('document.querySelectorAll("main section").length === 6');
  await tab.run('window.isOld = true');
  await tab.click('Restart the local cloud');
  await tab.click('Yes', 'dialog[open]');
  await tab.when('!window.isOld && document.querySelectorAll("main section").length === 6', 90);
  checks['the local cloud starts anew'] = (await fromConsole('admin/decisions')).decisions.length === 0;
}

/** A page of another origin knows the port, and the token even, and still reaches nothing. */
async function hostile(tab) {
  const [origin, token] = CONSOLE_URL.split('/#');
  const server = createServer((_, answer) => answer.setHeader('content-type', 'text/html').end('<!doctype html><title>evil</title>'));
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  await tab.go(`http://localhost:${server.address().port}/`);
  const reached = await tab.run(`(async () => {
    const reached = [];
    const attempt = async (name, request) => {
      try {
        const answer = await request();
        if (answer.type !== "opaque") reached.push(name);
      } catch {}
    };
    const api = ${JSON.stringify(origin)} + "/api/";
    await attempt("read", () => fetch(api + "cloud"));
    await attempt("read with token", () => fetch(api + "cloud", { headers: { authorization: ${JSON.stringify(`Bearer ${token}`)} } }));
    await attempt("page", () => fetch(${JSON.stringify(origin)} + "/"));
    await attempt("token", () => fetch(api + "token", { method: "POST", body: "{}", headers: { "content-type": "application/json" } }));
    await fetch(api + "admin/faults", { method: "POST", mode: "no-cors", body: '{"service":"sts","kind":"outage"}' }).catch(() => {});
    const frame = document.createElement("iframe");
    frame.src = ${JSON.stringify(`${origin}/`)};
    document.body.append(frame);
    await new Promise((resolve) => (frame.onload = frame.onerror = resolve));
    try { if (frame.contentDocument?.getElementById("view")) reached.push("frame"); } catch {}
    return reached;
  })()`);
  server.close();
  checks['a page of another origin reaches nothing'] = reached.length === 0;
  if (reached.length) checks[`reached: ${reached}`] = false;
  checks['and changes nothing'] = (await fromConsole('admin/faults')).faults.length === 0;
}

/** What COS allowed: the operation and its target, of each decision. */
async function decisions() {
  const { decisions: all } = await fromConsole('admin/decisions');
  return all.filter(({ admitted }) => admitted).map(({ operation, target }) => `${operation} ${target}`);
}

async function fromConsole(route) {
  const [origin, token] = CONSOLE_URL.split('/#');
  const answer = await fetch(`${origin}/api/${route}`, { headers: { authorization: `Bearer ${token}` } });
  return answer.json();
}

function pattern(length) {
  const bytes = Buffer.alloc(length);
  for (let index = 0; index < length; index += 1) bytes[index] = (index * 7 + (index >> 12)) % 251;
  return bytes;
}

async function speed(tab, uploadThroughput) {
  await tab.send('Network.emulateNetworkConditions', { offline: false, latency: 0, downloadThroughput: -1, uploadThroughput });
}

async function picture(tab, name) {
  await writeFile(path.join(PICTURES, `${name}.png`), await tab.picture());
}

main()
  .then((allowed) => ({ outcome: 'ok', checks, allowed }))
  .catch((problem) => ({ outcome: 'error', message: problem.message, checks }))
  .then((line) => console.log(JSON.stringify(line)));
