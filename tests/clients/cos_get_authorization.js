// Drives the COS SDKs for Node (`cos-nodejs-sdk-v5`), for browsers (`cos-js-sdk-v5`) and for
// mini-programs (`cos-wx-sdk-v5`) with the issuer's answer.
//
//     cos_get_authorization.js PACKAGE
//
// An SDK gets a `getAuthorization` callback that calls ISSUER_URL and returns the answer as the
// SDK's README shows (format 1; with SCOPE_LIMIT set, format 2, which posts the scopes). Then it
// uploads two objects to a loopback server in place of COS. With `/getKeyAndCredentials`, the
// driver asks once, before the upload, and the answer names the object. issuer_answer.js reads the
// answer and changes it on the way.
//
// Guarantees: the SDK checks, caches and signs by itself; the line on standard output contains what
// it sent. Not covered: what COS would allow with the credential.
'use strict';

const fs = require('node:fs');
const http = require('node:http');
const os = require('node:os');
const path = require('node:path');

const outcome = require('./outcome.js');
const wxShim = require('./wx_shim.js');
const { read } = require('./issuer_answer.js');
const { startRecorder } = require('./cos_recorder.js');

// An upload that never calls back must end as a failure, not as a hang.
const PATIENCE_MS = 20_000;

async function main(sdk) {
  setTimeout(() => outcome.failed('the SDK did not call back in time'), PATIENCE_MS).unref();
  const client = CLIENTS[sdk] ?? outcome.failed(`there is no driver for ${sdk}`);
  client.prepare?.();
  const COS = outcome.load(sdk);
  const recorder = await startRecorder();
  const issuer = { calls: 0, authorizations: new Map() };
  const ask = async (options) => {
    issuer.calls += 1;
    const answer = read(await client.ask(options));
    issuer.authorizations.set(answer.authorization.TmpSecretId, answer.authorization);
    return answer;
  };
  const named = outcome.required('ISSUER_URL').includes('/getKeyAndCredentials') ? await ask({}) : undefined;
  const getAuthorization = async (options, callback) => {
    const { authorization } = named ?? (await ask(options));
    callback({ ...authorization, ...(process.env.SCOPE_LIMIT && { ScopeLimit: true }) });
  };
  const cos = new COS({ getAuthorization, ...client.options(recorder.host) });
  try {
    const [first, second] = client.uploads;
    await first(cos, place('first.txt', named));
    await second(cos, place('second.txt', named));
  } catch (refused) {
    return outcome.error(refused.name ?? 'error', refused.message ?? String(refused.error));
  }
  report(issuer, named, recorder.requests);
}

const CLIENTS = {
  'cos-nodejs-sdk-v5': {
    options: (host) => ({ Protocol: 'http:', Domain: host }),
    ask: asAPageAsks,
    uploads: [putObject, putObject],
  },
  'cos-js-sdk-v5': {
    // It has no transport of its own outside a browser; `Request` is its documented replacement.
    options: (host) => ({ Protocol: 'http:', Domain: host, Request: sendAsABrowserWould }),
    ask: asAPageAsks,
    uploads: [putObject, putObject],
  },
  'cos-wx-sdk-v5': {
    prepare: wxShim.install,
    // It does not look at `Protocol`.
    options: (host) => ({ Domain: `http://${host}` }),
    ask: asAMiniProgramAsks,
    // A form first: it is the SDK's own choice for a small file (`SimpleUploadMethod`).
    uploads: [postObject, putObject],
  },
};

async function asAPageAsks(options) {
  const scopes = { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(options.Scope) };
  try {
    const response = await fetch(outcome.required('ISSUER_URL'), {
      signal: AbortSignal.timeout(PATIENCE_MS),
      ...(process.env.SCOPE_LIMIT && scopes),
    });
    return await response.json();
  } catch (fault) {
    return outcome.failed(`the issuer was not reached or did not answer JSON: ${fault.name}`);
  }
}

function asAMiniProgramAsks(options) {
  return new Promise((resolve) => {
    wx.request({
      url: outcome.required('ISSUER_URL'),
      dataType: 'json',
      ...(process.env.SCOPE_LIMIT && { method: 'POST', data: options.Scope }),
      success: (result) => resolve(result.data),
      fail: (fault) => outcome.failed(`the issuer was not reached: ${fault.errMsg}`),
    });
  });
}

function place(name, named) {
  return {
    Bucket: outcome.required('BUCKET'),
    Region: outcome.required('REGION'),
    Key: named ? named.key : outcome.required('PREFIX') + name,
  };
}

function putObject(cos, where) {
  return new Promise((resolve, reject) => {
    cos.putObject({ ...where, Body: 'a few bytes' }, (refused, data) => (refused ? reject(refused) : resolve(data)));
  });
}

function postObject(cos, where) {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'cos-wx-'));
  const file = path.join(folder, 'chosen');
  fs.writeFileSync(file, 'a few bytes');
  return new Promise((resolve, reject) => {
    cos.postObject({ ...where, FilePath: file }, (refused, data) => (refused ? reject(refused) : resolve(data)));
  }).finally(() => fs.rmSync(folder, { recursive: true }));
}

function report({ calls, authorizations }, named, requests) {
  const used = (request) => authorizations.get(request.sign['q-ak']) ?? {};
  const [{ TmpSecretId, StartTime, ExpiredTime }] = authorizations.values();
  const validity = (request) => `${used(request).StartTime};${used(request).ExpiredTime}`;
  outcome.ok({
    tmpSecretId_prefix: TmpSecretId.slice(0, 7),
    startTime: StartTime,
    expiredTime: ExpiredTime,
    key: named?.key,
    issuer_calls: calls,
    uploads: requests.length,
    methods: requests.map((request) => request.method),
    keys: requests.map((request) => request.key),
    secret_id_is_q_ak: requests.every((request) => authorizations.has(request.sign['q-ak'])),
    token_is_session_token: requests.every((request) => request.token === used(request).SecurityToken),
    sign_time_is_validity: requests.every((request) => request.sign['q-sign-time'] === validity(request)),
    signed_with_secret_key: requests.every((request) => request.signedWith(used(request).TmpSecretKey)),
  });
}

function sendAsABrowserWould(options, callback) {
  const headers = Object.fromEntries(Object.entries(options.headers).filter(([, value]) => value !== ''));
  const request = http.request(options.url, { method: options.method, headers }, (response) => {
    response.resume().on('end', () => {
      callback({ statusCode: response.statusCode, statusMessage: response.statusMessage, headers: response.headers, body: '' });
    });
  });
  request.on('error', (fault) => callback({ error: fault }));
  options.body.arrayBuffer().then((bytes) => request.end(Buffer.from(bytes)));
}

main(...process.argv.slice(2));
