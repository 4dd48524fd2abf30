// What a client does without its SDK, with bare HTTP: a URL that it signed, a form, a request that
// nobody signed.
//
// Each function takes the SDK's client and parameters and returns what the SDK would return, so
// that cos_story.js treats both alike. `alter` and `fields` change a URL or a form after it was
// signed.
//
// Guarantees: whatever host a URL names, the request goes to COS_ADDRESS. Not covered: whether the
// outcome is right.
'use strict';

const crypto = require('node:crypto');
const http = require('node:http');

const outcome = require('./outcome.js');

// {Key, Method (signed), sent (method in place of it), alter: [from, to], expires, upload (bytes)}
async function presigned(cos, { alter, sent, expires = 600, upload, ...params }) {
  const url = await new Promise((resolve, reject) => {
    cos.getObjectUrl({ ...params, Sign: true, Expires: expires, Protocol: 'http:' }, (fault, data) => (fault ? reject(fault) : resolve(data.Url)));
  });
  if (alter && !url.includes(alter[0])) outcome.failed(`the URL has no ${alter[0]} to alter`);
  const target = new URL(alter ? url.replaceAll(alter[0], alter[1]) : url);
  return send(sent ?? params.Method, target.host, target.pathname + target.search, {}, bodyOf(upload));
}

// {method, path, host, headers, upload (bytes)}
function unsigned(_cos, { method, path, host, headers = {}, upload, Bucket, Region }) {
  return send(method, host ?? `${Bucket}.cos.${Region}.myqcloud.com`, path, headers, bodyOf(upload));
}

// {Key (in the policy), most (content-length-range), fields (added or replaced), upload (bytes)}
// https://www.tencentcloud.com/document/product/436/14690
async function form(cos, { Bucket, Region, Key, most = 1000, fields = {}, upload = 10 }) {
  const key = await new Promise((resolve) => cos.options.getAuthorization({}, resolve));
  const keyTime = `${key.StartTime};${key.ExpiredTime}`;
  const policy = JSON.stringify({
    expiration: new Date(key.ExpiredTime * 1000).toISOString(),
    conditions: [
      { 'q-sign-algorithm': 'sha1' },
      { 'q-ak': key.TmpSecretId },
      { 'q-sign-time': keyTime },
      { bucket: Bucket },
      { key: Key },
      ['content-length-range', 0, most],
    ],
  });
  const hmac = (secret, text) => crypto.createHmac('sha1', secret).update(text).digest('hex');
  const members = {
    key: Key,
    policy: Buffer.from(policy).toString('base64'),
    'q-sign-algorithm': 'sha1',
    'q-ak': key.TmpSecretId,
    'q-key-time': keyTime,
    'q-signature': hmac(hmac(key.TmpSecretKey, keyTime), crypto.createHash('sha1').update(policy).digest('hex')),
    'x-cos-security-token': key.SecurityToken,
    ...fields,
  };
  const body = new FormData();
  for (const [name, value] of Object.entries(members)) body.append(name, value);
  body.append('file', new Blob([Buffer.alloc(upload, 'x')]), 'file');
  const request = new Request('http://localhost/', { method: 'POST', body });
  const headers = { 'content-type': request.headers.get('content-type') };
  return send('POST', `${Bucket}.cos.${Region}.myqcloud.com`, '/', headers, Buffer.from(await request.arrayBuffer()));
}

function bodyOf(bytes) {
  return bytes === undefined ? undefined : Buffer.alloc(bytes, 'x');
}

function send(method, host, path, headers, body) {
  const [hostname, port] = outcome.required('COS_ADDRESS').split(':');
  return new Promise((resolve, reject) => {
    const request = http.request({ hostname, port, method, path, headers: { ...headers, host } }, (response) => {
      const chunks = [];
      response.on('data', (chunk) => chunks.push(chunk));
      response.on('end', () => {
        const { statusCode, headers: received } = response;
        const code = /<Code>(\w+)<\/Code>/.exec(Buffer.concat(chunks).toString())?.[1];
        const answer = { statusCode, headers: received, code };
        (statusCode < 300 ? resolve : reject)(answer);
      });
    });
    request.on('error', reject);
    request.end(body);
  });
}

module.exports = { calls: { form, presigned, unsigned } };
