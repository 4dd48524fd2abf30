// The COS client of the mini-program, with credentials of cos-issuer.
const COS = require('cos-wx-sdk-v5');
const { issuer, bucket, region, prefix, ...where } = require('./settings');

function fetchCredential() {
  return new Promise((resolve, reject) => {
    wx.request({
      url: issuer,
      timeout: 10000,
      // With AUTH=jwt: header: { Authorization: `Bearer ${token}` }.
      success({ statusCode, data }) {
        // A response of any status is a success of `wx.request`.
        if (statusCode !== 200) return reject(new Error(`${data.codeDesc}: ${data.message}`));
        resolve({
          TmpSecretId: data.credentials.tmpSecretId,
          TmpSecretKey: data.credentials.tmpSecretKey,
          SecurityToken: data.credentials.sessionToken,
          StartTime: data.startTime, // The server's clock: the phone's may be wrong.
          ExpiredTime: data.expiredTime,
        });
      },
      fail: ({ errMsg }) => reject(new Error(errMsg)),
    });
  });
}

let running; // Parallel uploads share one request for a credential.
let refusal; // The SDK has no place for the reason.

const cos = new COS({
  ...where,
  SimpleUploadMethod: 'putObject',
  // The SDK keeps the credential, and calls this again when less than a minute of it is left.
  getAuthorization(_options, callback) {
    running = running || fetchCredential();
    running
      .then(callback, (error) => {
        refusal = error;
        callback({}); // Without an answer, the SDK waits for ever.
      })
      .then(() => (running = undefined));
  },
});

/** Uploads the file at `path` under `name`. `onProgress` gets a number from 0 to 1. */
module.exports.upload = async (path, name, onProgress) => {
  refusal = undefined;
  try {
    await cos.uploadFile({
      Bucket: bucket,
      Region: region,
      Key: prefix + name,
      FilePath: path,
      SliceSize: 5 * 1024 * 1024, // Larger files are uploaded in parts.
      onProgress: ({ percent }) => onProgress(percent),
    });
  } catch (error) {
    throw refusal || new Error(error.error && error.error.Message);
  }
};
