// What the Node drivers share: where things are, and the one JSON line that reports the outcome.
//
// Guarantees: exactly one line on standard output (what a package prints goes to standard error),
// and no secret in it: of a credential only the first seven characters of its SecretId, lengths and
// times. Not covered: whether the outcome is right; the tests check that.
'use strict';

const fs = require('node:fs');
const path = require('node:path');
const { createRequire } = require('node:module');

// The packages live under target/, where ./install puts them, not next to the drivers.
const load = createRequire(path.join(__dirname, '../../target/clients/'));

// Some packages greet their user. The drivers' standard output is for one line only.
console.log = console.error;

function required(name) {
  const value = process.env[name];
  if (!value) failed(`the environment variable ${name} is not set`);
  return value;
}

function ok(members) {
  finish(0, { outcome: 'ok', ...members });
}

// The service (or the package) refused, in its documented shape.
function error(code, message) {
  finish(0, { outcome: 'error', code, message });
}

// Anything else: the client never got an answer it understands.
function failed(message) {
  finish(1, { outcome: 'failed', message });
}

function finish(status, line) {
  // Written at once, so that nothing after this can add a second line.
  fs.writeSync(process.stdout.fd, `${JSON.stringify(line)}\n`);
  process.exit(status);
}

module.exports = { error, failed, load, ok, required };
