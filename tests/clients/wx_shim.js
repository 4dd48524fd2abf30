// What a mini-program's host gives a page, as far as `cos-wx-sdk-v5` uses it: `wx.request`,
// `wx.uploadFile`, files, storage.
// <https://developers.weixin.qq.com/miniprogram/dev/api/network/request/wx.request.html>
//
// Guarantees: requests leave over real sockets, with the documented defaults (a body is JSON, `GET`
// puts it into the query, a response of any status is a success). Anything else that the SDK uses
// fails by name, not silently. Not covered: sessions, downloads, the list of allowed domains,
// everything visible.
'use strict';

const fs = require('node:fs');
const http = require('node:http');
const https = require('node:https');
const path = require('node:path');

function install() {
  // The package is built for a host whose global object is called so.
  globalThis.window = globalThis;
  globalThis.wx = {
    // A host that reads files in parts; older ones make the SDK upload each file whole.
    canIUse: (name) => name === 'getAppBaseInfo',
    getAppBaseInfo: () => ({ SDKVersion: '2.10.0' }),
    getFileSystemManager: () => files,
    ...storage(),
    request,
    uploadFile,
  };
}

function request({ url, method = 'GET', data, header = {}, dataType = 'json', responseType = 'text', timeout, success, fail }) {
  const target = new URL(url);
  const headers = { 'content-type': 'application/json', ...lowerCase(header) };
  let body;
  if (method === 'GET' && data && typeof data === 'object' && !(data instanceof ArrayBuffer)) {
    for (const [name, value] of Object.entries(data)) target.searchParams.append(name, value);
  } else if (data !== undefined) {
    body = data instanceof ArrayBuffer ? Buffer.from(data) : Buffer.from(typeof data === 'string' ? data : JSON.stringify(data));
  }
  return send(target, { method, headers, timeout }, body, fail, (response, bytes) => {
    success?.({ ...response, data: responseType === 'arraybuffer' ? Uint8Array.from(bytes).buffer : parsed(bytes.toString(), dataType) });
  });
}

function uploadFile({ url, filePath, name, header = {}, formData = {}, timeout, success, fail }) {
  const boundary = `----wx${process.pid}${Date.now()}`;
  const part = (head, value) => [`--${boundary}\r\ncontent-disposition: form-data; ${head}\r\n\r\n`, value, '\r\n'];
  const parts = Object.entries(formData).flatMap(([field, value]) => part(`name="${field}"`, String(value)));
  parts.push(...part(`name="${name}"; filename="${path.basename(filePath)}"`, fs.readFileSync(filePath)));
  const body = Buffer.concat([...parts, `--${boundary}--\r\n`].map((piece) => Buffer.from(piece)));
  const headers = { ...lowerCase(header), 'content-type': `multipart/form-data; boundary=${boundary}` };
  return send(new URL(url), { method: 'POST', headers, timeout }, body, fail, (response, bytes) => {
    success?.({ ...response, data: bytes.toString() });
  });
}

// A header without a value is not sent.
function send(url, { method, headers, timeout }, body, fail, received) {
  const kept = Object.fromEntries(Object.entries(headers).filter(([, value]) => value !== undefined && value !== ''));
  const { request: begin } = url.protocol === 'https:' ? https : http;
  const outgoing = begin(url, { method, headers: kept, timeout: timeout || PATIENCE_MS, lookup }, (response) => {
    const chunks = [];
    response.on('data', (chunk) => chunks.push(chunk));
    response.on('end', () => received({ statusCode: response.statusCode, header: response.headers }, Buffer.concat(chunks)));
  });
  outgoing.on('timeout', () => outgoing.destroy(new Error('timeout')));
  outgoing.on('error', (fault) => fail?.({ errMsg: `request:fail ${fault.message}` }));
  outgoing.end(body);
  return { abort: () => outgoing.destroy(), onProgressUpdate: () => {} };
}

// Names under `localhost` are this machine, as RFC 6761 has it and as Node leaves it to the system;
// no other name is looked up.
function lookup(name, options, found) {
  if (!/(^|\.)localhost$/.test(name)) return found(new Error(`${name} is not this machine`));
  return options.all ? found(null, [{ address: '127.0.0.1', family: 4 }]) : found(null, '127.0.0.1', 4);
}

// What is not JSON is passed on as text.
function parsed(text, dataType) {
  if (dataType !== 'json') return text;
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

const files = {
  readFile({ filePath, position = 0, length, success, fail }) {
    try {
      const whole = fs.readFileSync(filePath);
      const bytes = Uint8Array.from(whole.subarray(position, length === undefined ? undefined : position + length));
      success?.({ data: bytes.buffer });
    } catch (fault) {
      fail?.({ errMsg: `readFile:fail ${fault.code}` });
    }
  },
  stat({ path: filePath, success, fail }) {
    try {
      const { size, mode, mtimeMs, atimeMs } = fs.statSync(filePath);
      const times = { lastModifiedTime: Math.round(mtimeMs / 1000), lastAccessedTime: Math.round(atimeMs / 1000) };
      success?.({ stats: { size, mode, ...times, isDirectory: () => false, isFile: () => true } });
    } catch (fault) {
      fail?.({ errMsg: `stat:fail ${fault.code}` });
    }
  },
};

function storage() {
  const kept = new Map();
  return {
    getStorageSync: (key) => kept.get(key) ?? '',
    removeStorageSync: (key) => kept.delete(key),
    setStorageSync: (key, value) => kept.set(key, value),
  };
}

function lowerCase(headers) {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));
}

const PATIENCE_MS = 20_000;

module.exports = { install };
