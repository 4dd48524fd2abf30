// A reporter for mocha and jest: each test as a line of JSON in RESULTS, with the parts of the
// files TRACE and FOREIGN that were written while it ran.
"use strict";

const { appendFileSync, statSync } = require("node:fs");

const { RESULTS, TRACE, FOREIGN } = process.env;
const sizes = () => [TRACE, FOREIGN].map((file) => statSync(file, { throwIfNoEntry: false })?.size ?? 0);
let before = sizes();

function begin() {
  before = sizes();
}

function record(name, outcome, message = "") {
  const after = sizes();
  const [trace, foreign] = before.map((size, place) => [size, after[place]]);
  appendFileSync(RESULTS, `${JSON.stringify({ name, outcome, message, trace, foreign })}\n`);
}

class Recorder {
  constructor(runner) {
    // Of mocha; jest gives its settings, and calls the methods below.
    runner.on?.("test", begin);
    runner.on?.("pass", (test) => record(test.fullTitle(), "passed"));
    runner.on?.("fail", (test, error) => record(test.fullTitle(), "failed", String(error?.message ?? error)));
  }

  onTestCaseStart() {
    begin();
  }

  onTestCaseResult(_file, { fullName, status, failureMessages }) {
    if (["passed", "failed"].includes(status)) {
      record(fullName, status, failureMessages.join("\n"));
    }
  }
}

module.exports = Recorder;
module.exports.begin = begin;
module.exports.record = record;
