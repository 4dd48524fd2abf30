// A proxy that leads the names of COS to the local one, and lets no one out: what is not COS gets
// 502, and its name is appended to a file.
//
//     node tests/suites/proxy.js HTTP_PORT HTTPS_PORT FILE
//
// It prints its own port. Not covered: other proxies than those of HTTP/1.1.
"use strict";

const { appendFileSync } = require("node:fs");
const http = require("node:http");
const net = require("node:net");

const [plainPort, securePort, file] = process.argv.slice(2);
const COS = /(^|\.)cos(-internal|-website)?\.[a-z]+-[a-z0-9-]+\.(myqcloud\.com|tencentcos\.cn)$|^service\.cos\.myqcloud\.com$/;
const agent = new http.Agent({ keepAlive: true });

function isCos(name) {
  const known = COS.test(name);
  if (!known) {
    appendFileSync(file, `${name}\n`);
  }
  return known;
}

const server = http.createServer((request, response) => {
  const { hostname, origin } = new URL(request.url);
  if (!isCos(hostname)) {
    response.writeHead(502).end();
    return;
  }
  // What is signed must not change: path, query and headers go on as they are.
  const path = request.url.slice(origin.length) || "/";
  const { method, rawHeaders: headers } = request;
  const onward = http.request({ host: "127.0.0.1", port: plainPort, method, path, headers, agent }, (answer) => {
    response.writeHead(answer.statusCode, answer.rawHeaders);
    answer.pipe(response);
  });
  onward.on("error", () => response.destroy());
  request.pipe(onward);
});

server.on("connect", (request, socket, head) => {
  if (!isCos(request.url.split(":")[0])) {
    socket.end("HTTP/1.1 502 Bad Gateway\r\n\r\n");
    return;
  }
  const onward = net.connect(securePort, "127.0.0.1", () => {
    socket.write("HTTP/1.1 200 Connection Established\r\n\r\n");
    onward.write(head);
    onward.pipe(socket).pipe(onward);
  });
  for (const [each, other] of [[socket, onward], [onward, socket]]) {
    each.on("error", () => other.destroy());
  }
});

server.listen(0, "127.0.0.1", () => console.log(server.address().port));
