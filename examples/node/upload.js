// Uploads a file to COS with a credential of cos-issuer.
//
//     npm install
//     COS_ADDRESS=127.0.0.1:5001 node upload.js photo.jpg users/1/photo.jpg
//
// Settings: ../README.md
'use strict';

const COS = require('cos-nodejs-sdk-v5');

const {
  ISSUER_URL = 'http://127.0.0.1:5000/sts',
  ISSUER_TOKEN,
  BUCKET = 'examplebucket-1250000000',
  REGION = 'ap-guangzhou',
  COS_ADDRESS,
} = process.env;

async function fetchCredential() {
  const headers = ISSUER_TOKEN ? { Authorization: `Bearer ${ISSUER_TOKEN}` } : {};
  const response = await fetch(ISSUER_URL, { headers, signal: AbortSignal.timeout(10_000) }).catch((error) => {
    throw new Error(`no answer from ${ISSUER_URL}: ${error.cause?.message ?? error.message}`);
  });
  const answer = await response.json();
  if (!response.ok) throw new Error(`${answer.codeDesc}: ${answer.message}`);
  const { credentials, startTime, expiredTime } = answer;
  return {
    TmpSecretId: credentials.tmpSecretId,
    TmpSecretKey: credentials.tmpSecretKey,
    SecurityToken: credentials.sessionToken,
    StartTime: startTime,
    ExpiredTime: expiredTime,
  };
}

let running; // Parallel uploads share one request for a credential.
let refusal; // The SDK has no place for the reason.

const cos = new COS({
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
  // The local cloud. Without these two lines, the real COS.
  ...(COS_ADDRESS && { Protocol: 'http:', Ip: COS_ADDRESS }),
});

async function main([file, key]) {
  if (!key) throw new Error('usage: node upload.js FILE KEY');
  const uploaded = await cos.uploadFile({
    Bucket: BUCKET,
    Region: REGION,
    Key: key,
    FilePath: file,
    SliceSize: 5 * 1024 * 1024, // Larger files are uploaded in parts.
  });
  console.log(`uploaded ${uploaded.Location}`);
}

main(process.argv.slice(2)).catch((error) => {
  console.error((refusal ?? error).message);
  process.exitCode = 1;
});
