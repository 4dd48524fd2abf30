// Plays the user of examples/mini-program: chooses one file and reports what the page then shows.
//
//     example_mini_program.js FILE
//
// SETTINGS (JSON) takes the place of the example's settings.js.
'use strict';

const Module = require('node:module');
const path = require('node:path');

const outcome = require('./outcome.js');
const wxShim = require('./wx_shim.js');

const PATIENCE_MS = 50_000;
const EXAMPLE = path.join(__dirname, '../../examples/mini-program');

async function main(file) {
  setTimeout(() => outcome.failed('the page did not end in time'), PATIENCE_MS).unref();
  wxShim.install();
  wx.chooseMedia = ({ success }) => success({ tempFiles: [{ tempFilePath: file }] });
  replace('./settings', JSON.parse(outcome.required('SETTINGS')));
  replace('cos-wx-sdk-v5', outcome.load('cos-wx-sdk-v5'));
  const page = await opened();
  const ended = new Promise((resolve) => {
    page.setData = (data) => {
      Object.assign(page.data, data);
      if (/上传(完成|失败)/.test(page.data.outcome)) resolve();
    };
  });
  page.choose();
  await ended;
  outcome.ok({ shown: page.data.outcome, percent: page.data.percent });
}

// The host calls `Page` with what the page's script defines.
function opened() {
  return new Promise((resolve) => {
    globalThis.Page = resolve;
    require(path.join(EXAMPLE, 'pages/upload/upload.js'));
  });
}

// What the example requires under this name.
function replace(name, value) {
  const load = Module._load;
  Module._load = (request, ...more) => (request === name ? value : load(request, ...more));
}

main(...process.argv.slice(2));
