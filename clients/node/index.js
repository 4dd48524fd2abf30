// Starts a local cloud for Tencent Cloud COS, gives its addresses, and stops it.
//
//     const { startLocalCloud } = require("cos-issuer");
//     const cloud = await startLocalCloud({ arguments: ["--preload", "fixtures"] });
//     console.log(cloud.addresses.gatewayUrl, cloud.addresses.cosUrl);
//     await cloud.stop();
//
// Guarantees: the cloud is ready once the promise resolves; it takes free ports, and ends with the
// process that started it, also when that is killed. Not covered: clients of COS
// (docs/local-cloud-clients.md).
"use strict";

const { spawn } = require("node:child_process");
const { readFile, writeFile } = require("node:fs/promises");
const path = require("node:path");
const readline = require("node:readline");

const STOP_MS = 10_000;

/** A running local cloud. */
class LocalCloud {
  #process;
  #ended;
  #end;

  /** @internal */
  constructor(child, addresses) {
    this.addresses = addresses;
    this.#process = child;
    this.#ended = new Promise((resolve) => child.once("exit", resolve));
    this.#end = () => child.kill("SIGTERM");
    process.once("exit", this.#end);
  }

  /** Stops it; with `--state`, that writes the file. */
  async stop() {
    process.removeListener("exit", this.#end);
    this.#end();
    const timer = setTimeout(() => this.#process.kill("SIGKILL"), STOP_MS);
    await this.#ended;
    clearTimeout(timer);
  }

  /** COS and the clock are again as they were after the start, and no faults are left. */
  async reset() {
    await this.admin("DELETE", "/state");
    await this.admin("DELETE", "/faults");
  }

  /** Moves the clock by seconds, or by a text such as `31m`. */
  async advanceClock(span) {
    await this.admin("POST", "/clock", { advance: span });
  }

  /** Writes what COS stores, and the clock, to a file. */
  async saveState(file) {
    const answer = await this.#request("GET", "/state");
    await writeFile(file, Buffer.from(await answer.arrayBuffer()));
  }

  /** Puts the state of a file in place of the present one. */
  async loadState(file) {
    await this.#request("PUT", "/state", await readFile(file));
  }

  /** The answer of the admin API, for example to `("POST", "/faults", {...})`. */
  async admin(method, route, body) {
    const answer = await this.#request(method, route, body && JSON.stringify(body), "application/json");
    return answer.json();
  }

  async #request(method, route, body, type = "application/octet-stream") {
    const headers = { authorization: `Bearer ${this.addresses.adminToken}`, "content-type": type };
    const answer = await fetch(this.addresses.adminUrl + route, { method, headers, body });
    if (!answer.ok) {
      throw new Error(await answer.text());
    }
    return answer;
  }
}

/**
 * Starts a local cloud, and waits until it is ready. `arguments` are those of `cos-issuer run`;
 * `program` is its path, by default that of the variable COS_ISSUER, else the one of this package.
 */
async function startLocalCloud(options = {}) {
  const program = options.program ?? process.env.COS_ISSUER ?? path.join(__dirname, "bin", "cos-issuer");
  const command = ["run", "--json", "--stop-with-stdin", "--port", "0", ...(options.arguments ?? [])];
  const child = spawn(program, command, { stdio: ["pipe", "pipe", "pipe"] });
  let errors = "";
  child.stderr.setEncoding("utf8");
  child.stderr.on("data", (text) => {
    errors = (errors + text).slice(-10_000);
  });
  const line = await new Promise((resolve, reject) => {
    readline.createInterface({ input: child.stdout }).once("line", resolve);
    child.once("error", reject);
    child.once("close", () => reject(new Error(errors.trim() || "cos-issuer ended without a word")));
  });
  return new LocalCloud(child, JSON.parse(line));
}

module.exports = { LocalCloud, startLocalCloud };
