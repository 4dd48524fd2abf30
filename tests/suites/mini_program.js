// Runs the suite of the SDK for mini-programs on a host for `wx`.
//
//     node --require tests/suites/redirect.js tests/suites/mini_program.js FILE
//
// Guarantees: a test fails if one of its assertions does, if it throws, or if it does not end in
// two minutes. The assertions are those of the suite. Not covered: what a page shows.
"use strict";

const fs = require("node:fs");
const os = require("node:os");
const path = require("node:path");

const { begin, record } = require("./recorder.js");
const wxShim = require("../clients/wx_shim.js");

const TEST_MS = 120_000;
// After the last test; the SDK's timers would keep the process.
const IDLE_MS = 10_000;
const MEGABYTE = 1024 * 1024;

const [suite] = process.argv.slice(2);
const folder = fs.mkdtempSync(path.join(os.tmpdir(), "mini-program-"));
process.on("exit", () => fs.rmSync(folder, { recursive: true }));
// A callback that throws must not end the tests after it.
process.on("uncaughtException", (error) => globalThis.failed?.(error));
wxShim.install();
Object.assign(globalThis.wx, {
  env: { USER_DATA_PATH: folder },
  // After the suite named its tests.
  chooseMedia: ({ success }) => setImmediate(success, { tempFiles: Object.entries({ "5m.zip": 5 * MEGABYTE, "1.txt": 1024 }).map(chosen) }),
});
run();

// A file as the user chooses it.
function chosen([name, size]) {
  const tempFilePath = path.join(folder, name);
  fs.writeFileSync(tempFilePath, Buffer.alloc(size));
  return { name, tempFilePath, size };
}

// The suite has a runner of its own, which starts the next test when one calls back: it is led
// through `runTest`, which records.
function run() {
  const call = "testItem[1](nextTest, assert);";
  const source = fs.readFileSync(suite, "utf8");
  if (source.split(call).length !== 2) {
    throw new Error(`${suite}: must contain once: ${call}`);
  }
  fs.writeFileSync(suite, source.replace(call, "runTest(groupItem[0], testItem, nextTest, assert);"));
  require(path.resolve(suite));
}

let idle;

globalThis.runTest = (group, [name, test], next, assert) => {
  clearTimeout(idle);
  const failures = [];
  let isOver = false;
  const end = () => {
    if (isOver) return;
    isOver = true;
    clearTimeout(timer);
    record(`${group} ${name}`, failures.length ? "failed" : "passed", failures.join("\n"));
    idle = setTimeout(() => process.exit(), IDLE_MS);
    next();
  };
  globalThis.failed = (error) => {
    failures.push(String(error?.stack ?? error));
    end();
  };
  const timer = setTimeout(() => globalThis.failed("it did not call back in time"), TEST_MS);
  const ok = (result, message = "an assertion") => {
    if (!result) failures.push(message);
    assert.ok(result, message);
  };
  begin();
  try {
    test(end, { ok, equal: (left, right, message) => ok(left === right, message ?? `${left} is not ${right}`) });
  } catch (error) {
    globalThis.failed(error);
  }
};
