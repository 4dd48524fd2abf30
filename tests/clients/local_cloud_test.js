// Tests of a project that uses the package cos-issuer, for `node --test`.
//
//     COS_ISSUER=PROGRAM FUNCTION=BINARY node --test tests/clients/local_cloud_test.js
//
// They use the local cloud as a project does, with the vendor's SDK.
"use strict";

const assert = require("node:assert");
const { spawn } = require("node:child_process");
const { once } = require("node:events");
const { mkdtemp, rm, writeFile } = require("node:fs/promises");
const os = require("node:os");
const path = require("node:path");
const { after, before, beforeEach, test } = require("node:test");
const { setTimeout: pause } = require("node:timers/promises");

const { startLocalCloud } = require("../../clients/node");
const COS = require("cos-nodejs-sdk-v5");

const KEY = "users/1/a.txt";
const options = { arguments: ["--function", process.env.FUNCTION, "--env", "ALLOW=upload,download"] };
let cloud;
let folder;

before(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), "local-cloud-"));
  cloud = await startLocalCloud(options);
});
beforeEach(() => cloud.reset());
after(async () => {
  await cloud.stop();
  await rm(folder, { recursive: true });
});

function client(of) {
  return new COS({
    Protocol: "http:",
    Ip: of.addresses.cosUrl.slice("http://".length),
    ConfCwd: folder,
    getAuthorization: async (_, use) => {
      const answer = await (await fetch(`${of.addresses.gatewayUrl}/sts`)).json();
      const { credentials, startTime, expiredTime } = answer;
      use({
        TmpSecretId: credentials.tmpSecretId,
        TmpSecretKey: credentials.tmpSecretKey,
        SecurityToken: credentials.sessionToken,
        StartTime: startTime,
        ExpiredTime: expiredTime,
      });
    },
  });
}

const target = (of) => ({ Bucket: of.addresses.bucket, Region: of.addresses.region, Key: KEY });
const put = (of) => client(of).putObject({ ...target(of), Body: "text" });
const isMissing = (of) => assert.rejects(client(of).headObject(target(of)), { statusCode: 404 });

test("an upload is there until the reset", async () => {
  await put(cloud);
  await client(cloud).headObject(target(cloud));
  await cloud.reset();
  await isMissing(cloud);
});

test("a state is saved and loaded", async () => {
  await put(cloud);
  const file = path.join(folder, "state");
  await cloud.saveState(file);
  await cloud.reset();
  await cloud.loadState(file);
  await client(cloud).headObject(target(cloud));
  await writeFile(file, "{}");
  await assert.rejects(cloud.loadState(file), /BadState/);
});

test("the clock moves until the reset", async () => {
  await cloud.advanceClock("31m");
  assert.ok((await cloud.admin("GET", "/clock")).offsetSeconds >= 1859);
  await cloud.reset();
  assert.ok(Math.abs((await cloud.admin("GET", "/clock")).offsetSeconds) < 60);
});

test("clouds share nothing", async () => {
  await put(cloud);
  const other = await startLocalCloud(options);
  await isMissing(other);
  await other.stop();
  await assert.rejects(fetch(other.addresses.gatewayUrl));
});

test("a start that fails has a reason", async () => {
  await assert.rejects(startLocalCloud({ arguments: ["--function", "/no/such/function"] }), /no.such.function/);
});

test("the cloud ends with a process that is killed", async () => {
  const start = `require("./clients/node").startLocalCloud(${JSON.stringify(options)})
    .then((cloud) => console.log(cloud.addresses.gatewayUrl))`;
  const parent = spawn(process.execPath, ["-e", start], { cwd: path.join(__dirname, "../.."), stdio: ["pipe", "pipe", "inherit"] });
  const [printed] = await once(parent.stdout, "data");
  const health = `${String(printed).trim()}/healthz`;
  await fetch(health);
  parent.kill("SIGKILL");
  const until = Date.now() + 60_000;
  const isRefused = () =>
    fetch(health, { signal: AbortSignal.timeout(10_000) }).then(() => false, (error) => error.cause?.code === "ECONNREFUSED");
  while (!(await isRefused())) {
    assert.ok(Date.now() < until, "the cloud still listens");
    await pause(50);
  }
});
