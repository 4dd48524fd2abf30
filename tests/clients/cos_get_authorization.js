// Drives the COS SDKs for Node (`cos-nodejs-sdk-v5`) and for browsers (`cos-js-sdk-v5`) with the issuer's answer.
//
//     cos_get_authorization.js PACKAGE
//
// An SDK gets a `getAuthorization` callback that asks ISSUER_URL and hands the answer on as the SDK's README does (its
// format 1), then uploads two objects to a loopback server that stands where COS would be. Promises: the SDK checks, caches
// and signs by itself; the line on standard output says what it sent. OMIT (for example `credentials.sessionToken`) drops
// one member of the issuer's answer on the way, to show that the SDK does look. Leaves out: what COS would allow with it.
'use strict';

const http = require('node:http');

const outcome = require('./outcome.js');
const { startRecorder } = require('./cos_recorder.js');

// An upload that never calls back must end as a failure, not as a hang.
const PATIENCE_MS = 20_000;

async function main(sdk) {
  setTimeout(() => outcome.failed('the SDK did not call back in time'), PATIENCE_MS).unref();
  const COS = outcome.load(sdk);
  const recorder = await startRecorder();
  const issuer = { calls: 0, answer: undefined };
  const cos = new COS({
    Protocol: 'http:',
    Domain: recorder.host,
    getAuthorization: (_options, callback) => authorize(issuer, callback),
    // The browser SDK has no transport of its own outside a browser; this option is its documented replacement.
    ...(sdk === 'cos-js-sdk-v5' && { Request: sendAsABrowserWould }),
  });
  try {
    await upload(cos, 'first.txt');
    await upload(cos, 'second.txt');
  } catch (refused) {
    return outcome.error(refused.name, refused.message);
  }
  report(issuer, recorder.requests);
}

// README, format 1, with the members in its order.
async function authorize(issuer, callback) {
  issuer.calls += 1;
  try {
    const response = await fetch(outcome.required('ISSUER_URL'), { signal: AbortSignal.timeout(PATIENCE_MS) });
    const answer = await response.json();
    if (!answer.credentials) return outcome.failed(`the issuer answered ${response.status} without credentials`);
    const data = without(process.env.OMIT, answer);
    issuer.answer = data;
    callback({
      TmpSecretId: data.credentials.tmpSecretId,
      TmpSecretKey: data.credentials.tmpSecretKey,
      SecurityToken: data.credentials.sessionToken,
      StartTime: data.startTime,
      ExpiredTime: data.expiredTime,
    });
  } catch (fault) {
    outcome.failed(`the issuer was not reached or did not answer JSON: ${fault.name}`);
  }
}

function without(member, answer) {
  if (!member) return answer;
  const path = member.split('.');
  const last = path.pop();
  const parent = path.reduce((value, name) => value?.[name], answer);
  if (parent?.[last] === undefined) outcome.failed(`the issuer's answer has no member ${member} to leave out`);
  delete parent[last];
  return answer;
}

function upload(cos, name) {
  const object = {
    Bucket: outcome.required('BUCKET'),
    Region: outcome.required('REGION'),
    Key: outcome.required('PREFIX') + name,
    Body: 'a few bytes',
  };
  return new Promise((resolve, reject) => {
    cos.putObject(object, (refused, data) => (refused ? reject(refused) : resolve(data)));
  });
}

function report({ calls, answer }, requests) {
  const { credentials, startTime, expiredTime } = answer;
  outcome.ok({
    tmpSecretId_prefix: credentials.tmpSecretId.slice(0, 7),
    startTime,
    expiredTime,
    issuer_calls: calls,
    uploads: requests.length,
    secret_id_is_q_ak: requests.every((request) => request.sign['q-ak'] === credentials.tmpSecretId),
    token_is_session_token: requests.every((request) => request.token === credentials.sessionToken),
    sign_time_is_validity: requests.every(({ sign }) => sign['q-sign-time'] === `${startTime};${expiredTime}`),
    signed_with_secret_key: requests.every((request) => request.signedWith(credentials.tmpSecretKey)),
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
