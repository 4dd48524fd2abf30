// An Express service of the samples' shape: `GET /sign` makes one STS call with `qcloud-cos-sts`
// and answers in JSON. `CACHE=on` keeps an answer for half of its life, as the samples do.
'use strict';

const express = require('express');
const sts = require('qcloud-cos-sts');
const policy = require('./policy.json');

const durationSeconds = 1800;
const options = {
  host: process.env.STS_HOST,
  secretId: process.env.SECRET_ID,
  secretKey: process.env.SECRET_KEY,
  region: 'ap-guangzhou',
  durationSeconds,
  policy,
};
let kept;

const app = express();
app.get('/sign', async (request, response) => {
  const isFresh = kept && kept.expiredTime - Date.now() / 1000 > durationSeconds / 2;
  const data = process.env.CACHE === 'on' && isFresh ? kept : await sts.getCredential(options);
  kept = data;
  response.json({ code: 0, message: '', codeDesc: 'Success', data });
});
app.listen(Number(process.env.PORT), '127.0.0.1');
