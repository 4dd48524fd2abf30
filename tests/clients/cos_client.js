// Drives the COS SDKs for Node (`cos-nodejs-sdk-v5`) and for mini-programs (`cos-wx-sdk-v5`)
// against a COS server.
//
//     cos_client.js PACKAGE story|pictures|calls
//
// The credential comes from ISSUER_URL, requested as the SDK's README shows, for BUCKET, REGION and
// PREFIX. CREDENTIALS (JSON, by name) contains further credentials that the test changed. COS
// listens on COS_ADDRESS. CLIENTS below and docs/local-cloud-clients.md show the settings that
// point each SDK there; nothing else differs from production. CALLS is the list of calls;
// cos_story.js makes them.
//
// Guarantees: one line on standard output. Not covered: whether the outcome is right; the tests
// check that.
'use strict';

const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');

const outcome = require('./outcome.js');
const plain = require('./cos_plain.js');
const wxShim = require('./wx_shim.js');
const { read } = require('./issuer_answer.js');
const { calls, story } = require('./cos_story.js');
const { pictures } = require('./cos_pictures.js');

const PATIENCE_MS = 50_000;

async function main(sdk, what) {
  setTimeout(() => outcome.failed('the SDK did not call back in time'), PATIENCE_MS).unref();
  const client = CLIENTS[sdk] ?? outcome.failed(`there is no driver for ${sdk}`);
  client.prepare?.();
  const COS = outcome.load(sdk);
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'cos-client-'));
  process.on('exit', () => fs.rmSync(folder, { recursive: true }));
  const create = (getAuthorization) => new COS({ getAuthorization, ...client.options(outcome.required('COS_ADDRESS'), folder) });
  const host = { ...where(), ...client, file: (bytes) => ({ FilePath: fileOf(folder, bytes) }), folder };
  try {
    const own = create(fromIssuer);
    if (what === 'pictures') return outcome.ok({ checks: await pictures(own, host) });
    if (what === 'story') return outcome.ok({ checks: await story(own, host) });
    return outcome.ok({ calls: await calls({ own, ...given(create) }, host, JSON.parse(outcome.required('CALLS'))) });
  } catch (refused) {
    const { method, statusCode, code } = refused;
    return outcome.error(`${method} ${statusCode} ${code ?? refused.error?.Code}`, String(refused.error?.Message ?? refused.message));
  }
}

const CLIENTS = {
  'cos-nodejs-sdk-v5': {
    options: (address, folder) => ({ Protocol: 'http:', Ip: address, ConfCwd: folder, UploadCheckContentMd5: true }),
    body: (bytes) => ({ Body: Buffer.from(bytes) }),
    bytes: (body) => body,
    reading: {},
    special: plain.calls,
    more: downloadFile,
  },
  'cos-wx-sdk-v5': {
    prepare: wxShim.install,
    // It does not look at `Protocol`.
    options: (address) => ({ Domain: `http://{Bucket}.cos.localhost:${address.split(':')[1]}` }),
    body: (bytes) => ({ Body: Uint8Array.from(bytes).buffer }),
    bytes: (body) => new Uint8Array(body),
    reading: { DataType: 'arraybuffer' },
    special: plain.calls,
    more: postObject,
  },
};

// Only this SDK has it: HEAD, then ranges into a file.
async function downloadFile({ cos, at, call, checks, large, same }) {
  const file = path.join(this.folder, 'downloaded');
  await call(cos, 'downloadFile', { ...at('large.bin'), FilePath: file, ChunkSize: 1024 * 1024 });
  checks['the large object is downloaded in ranges'] = same(fs.readFileSync(file), large);
}

// Its own choice for small files.
async function postObject({ cos, at, call, checks, large, same }) {
  const form = at('form.bin');
  await call(cos, 'postObject', { ...form, ...this.file(large.subarray(0, 1000)) });
  const read = await call(cos, 'getObject', { ...form, ...this.reading });
  checks['a form is read back'] = same(this.bytes(read.Body), large.subarray(0, 1000));
  await call(cos, 'deleteObject', form);
}

function where() {
  return { bucket: outcome.required('BUCKET'), region: outcome.required('REGION'), prefix: outcome.required('PREFIX') };
}

async function fromIssuer(_options, callback) {
  try {
    const response = await fetch(outcome.required('ISSUER_URL'), { signal: AbortSignal.timeout(PATIENCE_MS) });
    callback(read(await response.json()).authorization);
  } catch (fault) {
    outcome.failed(`the issuer was not reached or did not answer JSON: ${fault.name}`);
  }
}

function given(create) {
  const credentials = Object.entries(JSON.parse(process.env.CREDENTIALS ?? '{}'));
  return Object.fromEntries(credentials.map(([name, given]) => [name, create((_options, callback) => callback(given))]));
}

function fileOf(folder, bytes) {
  const file = path.join(folder, `file-${bytes.length}`);
  fs.writeFileSync(file, bytes);
  return file;
}

main(...process.argv.slice(2));
