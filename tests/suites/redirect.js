// Loaded into Node.js before a suite (`node --require`): connections to the names of COS lead to
// the local one, and no other leaves this machine; its name is appended to the file FOREIGN.
//
// A proxy does not do here: some tests of the suite switch proxies off.
"use strict";

const { appendFileSync } = require("node:fs");
const net = require("node:net");

const { COS_HTTP_PORT, COS_HTTPS_PORT, FOREIGN } = process.env;
const COS = /(^|\.)cos(-internal|-website)?\.[a-z]+-[a-z0-9-]+\.(myqcloud\.com|tencentcos\.cn)$|^service\.cos\.myqcloud\.com$/;
const HERE = "127.0.0.1";
const { connect } = net.Socket.prototype;

net.Socket.prototype.connect = function (...given) {
  // Options, or a list that begins with them, or a port and a host.
  const first = Array.isArray(given[0]) ? given[0][0] : given[0];
  const options = typeof first === "object" ? first : { port: first, host: given[1] };
  const { host } = options;
  if (typeof host === "string" && COS.test(host)) {
    options.port = Number(Number(options.port) === 443 ? COS_HTTPS_PORT : COS_HTTP_PORT);
    options.host = HERE;
  } else if (typeof host === "string" && ![HERE, "localhost", "::1"].includes(host)) {
    appendFileSync(FOREIGN, `${host}\n`);
    // Nothing listens there.
    options.port = 1;
    options.host = HERE;
  }
  return typeof first === "object" ? connect.apply(this, given) : connect.call(this, options, ...given.slice(2));
};
