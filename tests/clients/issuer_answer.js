// The issuer's answer on its way into a `getAuthorization` callback, as the SDKs' READMEs and
// samples pass it on.
//
// Guarantees: members are read by the names that the samples use, in both shapes of an answer:
// `nested` (the default) and SHAPE=`flat`, which the browser SDK's own server sends. OMIT (for
// example `credentials.sessionToken`) removes one member on the way, to show that an SDK checks it;
// REPLACE and WITH put a JSON value in its place. Not covered: whether what was read is right.
'use strict';

const outcome = require('./outcome.js');

function read(answer) {
  changed(answer);
  const flat = process.env.SHAPE === 'flat';
  const credentials = flat ? answer : answer.credentials;
  if (!credentials) return outcome.failed('the issuer answered without credentials');
  const [id, key, token, start, expiry, object] = flat ? FLAT : NESTED;
  return {
    authorization: {
      TmpSecretId: credentials[id],
      TmpSecretKey: credentials[key],
      SecurityToken: credentials[token],
      StartTime: answer[start],
      ExpiredTime: answer[expiry],
    },
    key: answer[object],
  };
}

function changed(answer) {
  const { OMIT, REPLACE, WITH } = process.env;
  const name = OMIT || REPLACE;
  if (!name) return;
  const members = name.split('.');
  const last = members.pop();
  const parent = members.reduce((value, member) => value?.[member], answer);
  if (parent?.[last] === undefined) outcome.failed(`the issuer's answer has no member ${name} to change`);
  if (OMIT) delete parent[last];
  else parent[last] = JSON.parse(WITH);
}

const NESTED = ['tmpSecretId', 'tmpSecretKey', 'sessionToken', 'startTime', 'expiredTime', 'key'];
const FLAT = ['TmpSecretId', 'TmpSecretKey', 'SessionToken', 'StartTime', 'ExpiredTime', 'Key'];

module.exports = { read };
