// A headless Chromium with one tab, over the DevTools protocol and Node's own WebSocket.
//
//     const tab = await open({ chromium, profile });
//     await tab.go(url); await tab.run("document.title"); await tab.end();
//
// Guarantees: it resolves no name but those under `localhost`; an exception of the page, and a
// violation of its policy, are kept in `tab.problems`. Not covered: several tabs.
'use strict';

const { spawn } = require('node:child_process');
const { readFile } = require('node:fs/promises');
const path = require('node:path');

const FLAGS = [
  '--headless', '--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage', '--disable-quic', '--no-first-run',
  '--disable-background-networking', '--disable-component-update', '--disable-sync', '--disable-extensions',
  '--no-proxy-server', '--remote-debugging-port=0', '--window-size=1280,900', '--lang=en-US',
  '--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE localhost, EXCLUDE *.localhost, EXCLUDE 127.0.0.1',
];

// What Chromium answers while one page makes way for another.
const LEAVING = ['Inspected target navigated or closed', 'Execution context was destroyed', 'Cannot find default execution context'];

async function open({ chromium, profile, isDark = false }) {
  const env = { LD_LIBRARY_PATH: path.join(path.dirname(chromium), 'lib'), HOME: profile };
  const child = spawn(chromium, [...FLAGS, `--user-data-dir=${profile}`, 'about:blank'], { env, stdio: 'ignore' });
  const port = await until(async () => {
    const text = await readFile(path.join(profile, 'DevToolsActivePort'), 'utf8').catch(() => '');
    return text.split('\n')[0] || null;
  });
  const targets = await (await fetch(`http://127.0.0.1:${port}/json/list`)).json();
  const tab = new Tab(child, targets.find(({ type }) => type === 'page').webSocketDebuggerUrl);
  await tab.connected;
  for (const domain of ['Page', 'Runtime', 'Log', 'DOM', 'Network']) await tab.send(`${domain}.enable`);
  if (isDark) await tab.send('Emulation.setEmulatedMedia', { features: [{ name: 'prefers-color-scheme', value: 'dark' }] });
  return tab;
}

class Tab {
  constructor(child, url) {
    this.child = child;
    this.problems = [];
    this.requests = [];
    this.waiting = new Map();
    this.last = 0;
    this.socket = new WebSocket(url);
    this.connected = new Promise((resolve, reject) => {
      this.socket.onopen = resolve;
      this.socket.onerror = reject;
    });
    this.socket.onmessage = ({ data }) => this.received(JSON.parse(data));
  }

  received({ id, method, params, result, error }) {
    if (id) {
      const { resolve, reject } = this.waiting.get(id);
      this.waiting.delete(id);
      return error ? reject(new Error(error.message)) : resolve(result);
    }
    if (method === 'Runtime.exceptionThrown') this.problems.push(params.exceptionDetails.exception?.description ?? params.exceptionDetails.text);
    if (method === 'Log.entryAdded' && params.entry.source === 'security') this.problems.push(params.entry.text);
    if (method === 'Network.requestWillBeSent') this.requests.push(params.request.url);
    if (method === 'Page.javascriptDialogOpening') this.problems.push(`a dialog: ${params.message}`);
  }

  send(method, params = {}) {
    this.last += 1;
    const id = this.last;
    this.socket.send(JSON.stringify({ id, method, params }));
    return new Promise((resolve, reject) => this.waiting.set(id, { resolve, reject }));
  }

  async go(url) {
    await this.send('Page.navigate', { url });
    await until(() => this.run('document.readyState === "complete"').catch(() => false));
  }

  async reload() {
    await this.run('window.isOld = true');
    await this.send('Page.reload');
    await until(() => this.run('!window.isOld && document.readyState === "complete"').catch(() => false));
  }

  /** The value of an expression in the page; promises are awaited. */
  async run(expression) {
    const { result, exceptionDetails } = await this.send('Runtime.evaluate', { expression, returnByValue: true, awaitPromise: true });
    if (exceptionDetails) throw new Error(exceptionDetails.exception?.description ?? exceptionDetails.text);
    return result.value;
  }

  /** Waits until an expression is true, in this page or the one that comes in its place. */
  async when(expression, seconds = 60) {
    const attempt = () => this.run(expression).catch((error) => {
      if (LEAVING.some((text) => error.message.includes(text))) return false;
      throw error;
    });
    return until(attempt, seconds, expression);
  }

  /** Clicks the first visible button with this text, inside what `within` selects. */
  async click(text, within = 'body') {
    const found = await this.when(`(() => {
      const buttons = [...document.querySelectorAll(${JSON.stringify(`${within} button, ${within} a`)})];
      const button = buttons.find((each) => each.textContent === ${JSON.stringify(text)} && !each.hidden);
      button?.click();
      return Boolean(button);
    })()`, 20);
    return found;
  }

  /** Chooses an option of the select or writes the input that is labelled so. */
  async set(label, value) {
    await this.when(`(() => {
      const labels = [...document.querySelectorAll('main label')];
      const field = labels.find((each) => each.textContent.startsWith(${JSON.stringify(label)}))?.querySelector('select, input, textarea');
      if (!field) return false;
      field.value = ${JSON.stringify(value)};
      field.dispatchEvent(new Event(field.tagName === 'SELECT' ? 'change' : 'input', { bubbles: true }));
      return true;
    })()`, 20);
  }

  /** Gives files of this machine to the nth input for files. */
  async choose(files, nth = 0) {
    const { root } = await this.send('DOM.getDocument');
    const { nodeIds } = await this.send('DOM.querySelectorAll', { nodeId: root.nodeId, selector: 'input[type=file]' });
    await this.send('DOM.setFileInputFiles', { nodeId: nodeIds[nth], files });
  }

  async picture() {
    const { data } = await this.send('Page.captureScreenshot', { format: 'png' });
    return Buffer.from(data, 'base64');
  }

  end() {
    this.socket.close();
    this.child.kill('SIGKILL');
  }
}

async function until(attempt, seconds = 60, name = 'it') {
  for (let left = seconds * 20; left > 0; left -= 1) {
    const value = await attempt();
    if (value) return value;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`${name} did not happen within ${seconds} s`);
}

module.exports = { open, until };
