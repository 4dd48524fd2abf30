// The COS client of the app, with credentials of cos-issuer.
import { settings } from './settings.js';

const { issuer, bucket, region, prefix, ...where } = settings;

async function fetchCredential() {
  // With AUTH=jwt: headers: { Authorization: `Bearer ${token}` }. Cookies are never sent.
  const response = await fetch(issuer, { signal: AbortSignal.timeout(10_000) });
  const answer = await response.json();
  if (!response.ok) throw new Error(`${answer.codeDesc}: ${answer.message}`);
  const { credentials, startTime, expiredTime } = answer;
  return {
    TmpSecretId: credentials.tmpSecretId,
    TmpSecretKey: credentials.tmpSecretKey,
    SecurityToken: credentials.sessionToken,
    StartTime: startTime, // The server's clock: the device's may be wrong.
    ExpiredTime: expiredTime,
  };
}

let running; // Parallel uploads share one request for a credential.
let refusal; // The SDK has no place for the reason.

const cos = new COS({
  ...where,
  // The SDK keeps the credential, and calls this again when less than a minute of it is left.
  async getAuthorization(_options, callback) {
    running ??= fetchCredential().finally(() => (running = undefined));
    try {
      callback(await running);
    } catch (error) {
      refusal = error;
      callback({}); // Without an answer, the SDK waits for ever.
    }
  },
});

/** Uploads a file. `onProgress` gets a number from 0 to 1, `onTaskReady` the id for `pause` and the others. */
export async function upload(file, { onProgress, onTaskReady }) {
  refusal = undefined;
  try {
    await cos.uploadFile({
      Bucket: bucket,
      Region: region,
      Key: prefix + file.name,
      Body: file,
      SliceSize: 5 * 1024 * 1024, // Larger files are uploaded in parts.
      onProgress: ({ percent }) => onProgress(percent),
      onTaskReady,
    });
  } catch (error) {
    throw refusal ?? error;
  }
}

export const pause = (task) => cos.pauseTask(task);
export const resume = (task) => cos.restartTask(task);
