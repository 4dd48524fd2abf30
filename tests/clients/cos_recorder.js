// A loopback server in place of COS: it accepts any upload and records how the upload was signed.
//
// Guarantees: `signedWith` computes COS's request signature (`q-sign-algorithm=sha1`) only from the
// received bytes, so it cannot repeat a fault of the SDK that signed. Not covered: everything else
// that COS does; the emulator covers it.
'use strict';

const crypto = require('node:crypto');
const http = require('node:http');

async function startRecorder() {
  const requests = [];
  const server = http.createServer((request, response) => {
    const chunks = [];
    request.on('data', (chunk) => chunks.push(chunk));
    request.on('end', () => {
      requests.push(recorded(request, Buffer.concat(chunks).toString('latin1')));
      response.writeHead(200, { ETag: '"recorded"' }).end();
    });
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { host: `127.0.0.1:${server.address().port}`, requests };
}

// Of a form, what COS reads: its fields. The page's key is in UTF-8.
function recorded(request, body) {
  const fields = request.method === 'POST' ? formFields(body) : undefined;
  const authorization = fields ? fields.Signature : request.headers.authorization;
  const sign = Object.fromEntries((authorization ?? '').split('&').map(nameAndRest));
  const { pathname } = new URL(request.url, 'http://cos');
  return {
    method: request.method,
    key: fields ? fields.key : decodeURIComponent(pathname.slice(1)),
    sign,
    token: fields ? fields['x-cos-security-token'] : request.headers['x-cos-security-token'],
    signedWith: (secretKey) => signature(request, sign, secretKey) === sign['q-signature'],
  };
}

function signature({ method, url, headers }, sign, secretKey) {
  const { pathname, searchParams } = new URL(url, 'http://cos');
  const signedHeaders = listed(sign['q-header-list'], (name) => headers[name]);
  const signedQuery = listed(sign['q-url-param-list'], (name) => searchParams.get(name));
  const request = `${method.toLowerCase()}\n${decodeURIComponent(pathname)}\n${signedQuery}\n${signedHeaders}\n`;
  const text = `sha1\n${sign['q-sign-time']}\n${crypto.createHash('sha1').update(request).digest('hex')}\n`;
  return hmac(hmac(secretKey, sign['q-key-time']), text);
}

function formFields(body) {
  const fields = body.matchAll(/form-data; name="([^"]+)"\r\n\r\n([^\r]*)\r\n/g);
  return Object.fromEntries([...fields].map(([, name, value]) => [name, Buffer.from(value, 'latin1').toString()]));
}

function listed(names, value) {
  return (names ?? '').split(';').filter(Boolean).map((name) => `${name}=${encoded(value(name) ?? '')}`).join('&');
}

// RFC 3986 reserves these characters too; encodeURIComponent does not encode them.
function encoded(text) {
  return encodeURIComponent(text).replace(/[!'()*]/g, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`);
}

function hmac(key, text) {
  return crypto.createHmac('sha1', key).update(text).digest('hex');
}

function nameAndRest(pair) {
  const split = pair.indexOf('=');
  return [pair.slice(0, split), pair.slice(split + 1)];
}

module.exports = { startRecorder };
