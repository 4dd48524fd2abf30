// A reporter for mocha: each test as a line of JSON in RESULTS, with the parts of the files TRACE
// and FOREIGN that were written while it ran.
"use strict";

const { appendFileSync, statSync } = require("node:fs");

const { RESULTS, TRACE, FOREIGN } = process.env;
const sizes = () => [TRACE, FOREIGN].map((file) => statSync(file, { throwIfNoEntry: false })?.size ?? 0);

module.exports = function Recorder(runner) {
  let before = sizes();
  const record = (test, outcome, message = "") => {
    const after = sizes();
    const [trace, foreign] = before.map((size, place) => [size, after[place]]);
    appendFileSync(RESULTS, `${JSON.stringify({ name: test.fullTitle(), outcome, message, trace, foreign })}\n`);
  };
  runner.on("test", () => {
    before = sizes();
  });
  runner.on("pass", (test) => record(test, "passed"));
  runner.on("fail", (test, error) => record(test, "failed", String(error?.message ?? error)));
};
