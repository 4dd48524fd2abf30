// What an app does with COS, for the three JavaScript SDKs, in Node and in a page: they share one
// interface.
//
//     story(cos, host)         a small upload; one in parts with pause and resume; one that is
//                              cancelled; then reads, copies, deletions
//     calls(clients, host, …)  single calls, each with its outcome
//
// A `host` defines where the objects go (Bucket, Region, prefix) and makes what differs: a file, a
// body, the bytes of an answer.
//
// Guarantees: every check is a name with true or false; a call that fails ends the story and is
// named; the outcome contains nothing of a credential. Not covered: whether the outcome is right;
// the tests check that.
'use strict';

(function define(exports) {
  async function story(cos, host) {
    const checks = {};
    const place = { Bucket: host.bucket, Region: host.region };
    const at = (name) => ({ ...place, Key: host.prefix + name });
    const read = async (params) => host.bytes((await call(cos, 'getObject', { ...params, ...host.reading })).Body);
    const text = new TextEncoder().encode('a few bytes: é, 中文');
    const large = pattern(LARGE_BYTES);

    const small = at('a b/é(1)+中.txt');
    const stored = await call(cos, 'putObject', { ...small, ...host.body(text), ContentType: 'text/plain' });
    checks['a small upload has a quoted ETag'] = /^"[0-9a-f]{32}"$/.test(stored.ETag);
    const head = await call(cos, 'headObject', small);
    checks['head tells the type'] = head.headers['content-type'] === 'text/plain';
    checks['head tells the ETag'] = head.ETag === stored.ETag;
    checks['the small object is read back'] = same(await read(small), text);

    const big = at('large.bin');
    checks['the large upload was paused and resumed'] = await pausedAndResumed(cos, { ...big, ...host.file(large) });
    checks['the large object is read back'] = same(await read(big), large);
    const range = await call(cos, 'getObject', { ...big, ...host.reading, Range: 'bytes=1048570-1048589' });
    checks['a range is partial content'] = range.statusCode === 206;
    checks['a range is the bytes asked for'] = same(host.bytes(range.Body), large.subarray(1048570, 1048590));

    const again = at('taken-up.bin');
    await cancelled(cos, { ...again, ...host.file(large) });
    await call(cos, 'sliceUploadFile', { ...again, ...host.file(large) });
    checks['what was left of an upload was taken up again'] = same(await read(again), large);

    const given = at('given-up.bin');
    checks['a large upload was cancelled'] = await cancelled(cos, { ...given, ...host.file(pattern(LARGE_BYTES)) });
    await call(cos, 'abortUploadTask', { ...given, Level: 'file' });
    const uploads = await call(cos, 'multipartList', { ...place, Prefix: host.prefix });
    checks['no parts are left'] = uploads.Upload.length === 0;

    const copy = at('copy.txt');
    const source = `${place.Bucket}.cos.${place.Region}.myqcloud.com/${small.Key.split('/').map(encodeURIComponent).join('/')}`;
    await call(cos, 'putObjectCopy', { ...copy, CopySource: source });
    checks['the copy is read back'] = same(await read(copy), text);

    const listed = await call(cos, 'getBucket', { ...place, Prefix: host.prefix, Delimiter: '/' });
    const names = listed.Contents.map((object) => object.Key.slice(host.prefix.length));
    checks['the list has the objects'] = JSON.stringify(names) === JSON.stringify(['copy.txt', 'large.bin', 'taken-up.bin']);
    const folders = listed.CommonPrefixes.map((folder) => folder.Prefix.slice(host.prefix.length));
    checks['the list has the folder'] = JSON.stringify(folders) === JSON.stringify(['a b/']);

    await call(cos, 'deleteObject', copy);
    const gone = await call(cos, 'headObject', copy).catch((refused) => refused);
    checks['what was deleted is gone'] = gone.statusCode === 404;
    const three = [small.Key, again.Key, at('never-there.txt').Key].map((Key) => ({ Key }));
    const deleted = await call(cos, 'deleteMultipleObject', { ...place, Objects: three });
    checks['several were deleted at once'] = deleted.Deleted.length === 3 && !deleted.Error?.length;
    await host.more?.({ cos, at, call, checks, large, same });
    return checks;
  }

  // Pauses while parts are on their way, and goes on.
  async function pausedAndResumed(cos, params) {
    let paused = false;
    const parts = partsOf(cos, params, 3, (task) => {
      cos.pauseTask(task);
      paused = stateOf(cos, task) === 'paused';
      setTimeout(() => cos.restartTask(task), 50);
    });
    await call(cos, 'sliceUploadFile', parts.params);
    parts.end();
    return paused;
  }

  // Gives up while parts are on their way. A task that was cancelled calls nobody back.
  async function cancelled(cos, params) {
    return new Promise((resolve, reject) => {
      const parts = partsOf(cos, params, 3, (task) => {
        cos.cancelTask(task);
        parts.end();
        const state = stateOf(cos, task);
        // What is on its way may still arrive.
        setTimeout(() => resolve(state === undefined || state === 'canceled'), 300);
      });
      cos.sliceUploadFile(parts.params, (refused) => reject(refused ?? new Error('an upload that was cancelled was completed')));
    });
  }

  // Calls `then` when the nth part is about to be sent.
  function partsOf(cos, params, nth, then) {
    let task;
    let sent = 0;
    const count = ({ method, url, qs }) => {
      if (method !== 'PUT' || !(/partNumber=/.test(url) || qs?.partNumber)) return;
      sent += 1;
      if (sent === nth) setTimeout(() => then(task));
    };
    cos.on('before-send', count);
    return { params: { ...params, onTaskReady: (id) => (task = id) }, end: () => cos.off('before-send', count) };
  }

  function stateOf(cos, task) {
    return cos.getTaskList().find(({ id }) => id === task)?.state;
  }

  // Each call is {name, as, method, params, bytes}: `as` chooses the client, `bytes` is the size of
  // what is uploaded.
  async function calls(clients, host, list) {
    const outcomes = [];
    for (const { name, as = 'own', method, params, bytes } of list) {
      const given = { Bucket: host.bucket, Region: host.region, ...params };
      if (bytes !== undefined) {
        const isFile = ['sliceUploadFile', 'uploadFile', 'postObject'].includes(method);
        Object.assign(given, isFile ? host.file(pattern(bytes)) : host.body(pattern(bytes)));
      }
      const special = host.special?.[method];
      const outcome = special ? special(clients[as], given) : call(clients[as], method, given);
      outcomes.push({ name, ...(await outcome.then(accepted, refused)) });
    }
    return outcomes;
  }

  function accepted(data) {
    const errors = data?.Error?.map?.(({ Key, Code }) => ({ key: Key, code: Code }));
    return { status: data?.statusCode ?? 0, request_id: data?.headers?.['x-cos-request-id'] ?? '', errors: errors ?? [] };
  }

  function refused(fault) {
    const headers = fault?.headers ?? {};
    return {
      status: fault?.statusCode ?? 0,
      code: String(fault?.code ?? fault?.error?.Code ?? ''),
      request_id: headers['x-cos-request-id'] ?? fault?.RequestId ?? '',
      reason: decodeURIComponent(headers['x-cos-emulator-reason'] ?? ''),
      // A client's own words only where COS was not asked.
      ...(!fault?.statusCode && { message: String(fault?.message ?? fault?.error ?? fault) }),
    };
  }

  function call(cos, method, params) {
    return new Promise((resolve, reject) => {
      cos[method](params, (fault, data) => (fault ? reject(Object.assign(fault, { method })) : resolve(data)));
    });
  }

  // The same bytes everywhere, without a period that fits the parts.
  function pattern(length) {
    const bytes = new Uint8Array(length);
    for (let i = 0; i < length; i += 1) bytes[i] = (i * 31 + (i >> 8) * 7) & 255;
    return bytes;
  }

  function same(left, right) {
    return left.length === right.length && left.every((byte, i) => byte === right[i]);
  }

  // Five whole parts and a bit of a sixth, in the SDKs' own size of 1 MiB.
  const LARGE_BYTES = 5 * 1024 * 1024 + 12345;

  Object.assign(exports, { calls, pattern, refused, story });
})(typeof module === 'object' ? module.exports : (globalThis.cosStory = {}));
