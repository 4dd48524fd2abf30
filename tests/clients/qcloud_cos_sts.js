// Drives `qcloud-cos-sts`, the COS team's STS helper for Node, against an STS.
//
//     qcloud_cos_sts.js ACTION [FORM]
//
// ACTION is GetFederationToken or AssumeRole (which reads ROLE_ARN). FORM is how the rights are
// given: `policy` (written by hand) or `scope` (its getPolicy, which writes the old
// `prefix//appid/...` resource and a principal).
//
// `host` (or `endpoint`), with its port, points it elsewhere: the helper connects to it, sends it
// as Host and signs it. The scheme is always https. It has no option for certificates: Node reads
// NODE_EXTRA_CA_CERTS, and only when it starts.
//
// Guarantees: the helper builds, signs, sends and reads everything itself; nothing is patched.
// Not covered: plain HTTP, which the helper does not support.
'use strict';

const outcome = require('./outcome.js');

function main(action, form = 'policy') {
  const sts = outcome.load('qcloud-cos-sts');
  const options = {
    host: new URL(outcome.required('STS_URL')).host,
    secretId: outcome.required('SECRET_ID'),
    secretKey: outcome.required('SECRET_KEY'),
    region: outcome.required('REGION'),
    durationSeconds: Number(outcome.required('DURATION_SECONDS')),
    policy: form === 'scope' ? sts.getPolicy([scope()]) : uploadPolicy(),
  };
  if (action === 'AssumeRole') {
    sts.getRoleCredential({ ...options, roleArn: outcome.required('ROLE_ARN') }, report);
  } else {
    sts.getCredential(options, report);
  }
}

function report(refused, answer) {
  if (refused) {
    // A refusal of the service has an upper-case Code; anything else is the HTTP library's.
    if (refused.Code) return outcome.error(refused.Code, refused.Message);
    return outcome.failed(`the helper reported ${refused.code ?? refused.name} and no error of the service`);
  }
  const { credentials } = answer;
  outcome.ok({
    tmpSecretId_prefix: credentials.tmpSecretId.slice(0, 7),
    tmpSecretKey_length: credentials.tmpSecretKey.length,
    token_length: credentials.sessionToken.length,
    startTime: answer.startTime,
    expiredTime: answer.expiredTime,
    expiration: answer.expiration,
    requestId_length: answer.requestId.length,
  });
}

// The policy an app would write by hand: one action, one prefix.
function uploadPolicy() {
  const { action, bucket, region, prefix } = scope();
  const appid = bucket.slice(bucket.lastIndexOf('-') + 1);
  const resource = `qcs::cos:${region}:uid/${appid}:${bucket}/${prefix}`;
  return { version: '2.0', statement: [{ effect: 'allow', action: [action], resource: [resource] }] };
}

function scope() {
  return {
    action: 'name/cos:PutObject',
    bucket: outcome.required('BUCKET'),
    region: outcome.required('REGION'),
    prefix: `${outcome.required('PREFIX')}*`,
  };
}

main(...process.argv.slice(2));
