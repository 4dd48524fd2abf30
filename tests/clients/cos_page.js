// Drives the COS SDK for browsers (`cos-js-sdk-v5`) in a browser, from a page of another origin
// than COS and the issuer.
//
// `/settings` of the page's own server returns what the other drivers read from the environment;
// `/outcome` takes the one line that they print. Only `Domain` and `Protocol` point the SDK at the
// local COS (docs/local-cloud-clients.md).
//
// Guarantees: a fault of the page is an outcome too. Not covered: whether the outcome is right.
'use strict';

async function main() {
  const settings = await (await fetch('/settings')).json();
  const create = (getAuthorization) => new COS({
    getAuthorization,
    Protocol: 'http:',
    Domain: `{Bucket}.cos.localhost:${settings.cos_port}`,
    ServiceDomain: `service.cos.localhost:${settings.cos_port}`,
    UploadCheckContentMd5: true,
  });
  const own = create((_options, callback) => fromIssuer(settings.issuer_url, callback));
  if (settings.what === 'story') return { checks: await cosStory.story(own, { ...host, ...settings }) };
  const given = Object.entries(settings.credentials).map(([name, key]) => [name, create((_options, callback) => callback(key))]);
  return { calls: await cosStory.calls({ own, ...Object.fromEntries(given) }, { ...host, ...settings }, settings.calls) };
}

const host = {
  body: (bytes) => ({ Body: new Blob([bytes]) }),
  file: (bytes) => ({ Body: new File([bytes], 'chosen') }),
  bytes: (body) => new Uint8Array(body),
  reading: { DataType: 'arraybuffer' },
};

// As the SDK's README does it; what the callback is not given, the SDK complains of.
async function fromIssuer(url, callback) {
  const data = await fetch(url).then((response) => response.json()).catch((fault) => ({ fault: fault.name }));
  const { credentials = {}, startTime, expiredTime } = data;
  callback({
    TmpSecretId: credentials.tmpSecretId,
    TmpSecretKey: credentials.tmpSecretKey,
    SecurityToken: credentials.sessionToken,
    StartTime: startTime,
    ExpiredTime: expiredTime,
  });
}

main()
  .then((members) => ({ outcome: 'ok', ...members }))
  .catch((fault) => ({ outcome: 'error', ...cosStory.refused(fault), method: fault.method, message: String(fault.message ?? fault) }))
  .then((line) => fetch('/outcome', { method: 'POST', body: JSON.stringify(line) }));
