// Two pictures of the console: a refused request with its reason, and an upload that is under way.
//
// The environment contains CHROMIUM, PROFILE (an empty folder), FILES (a folder for files to
// upload), PICTURES (where they go) and CONSOLE_URL (with the token).
'use strict';

const { writeFile } = require('node:fs/promises');
const path = require('node:path');

const { open } = require('./console_browser.js');

const { CHROMIUM, PROFILE, FILES, PICTURES, CONSOLE_URL } = process.env;
const SMALL = { 'notes.txt': 2_000, 'team.jpg': 340_000 };

async function main() {
  const tab = await open({ chromium: CHROMIUM, profile: PROFILE });
  try {
    await tab.send('Emulation.setDeviceMetricsOverride', { width: 1180, height: 660, deviceScaleFactor: 1, mobile: false });
    await tab.go(CONSOLE_URL);
    await requests(tab);
    await files(tab);
  } finally {
    tab.end();
  }
}

async function files(tab) {
  const places = await Promise.all(Object.entries(SMALL).map(([name, size]) => file(name, size)));
  const large = await file('holiday.mp4', 50_000_000);
  await tab.click('Files', 'nav');
  await tab.when('document.querySelector(".objects tbody")?.innerText.includes("empty")');
  await tab.choose(places);
  await tab.when('document.querySelectorAll(".objects tbody tr").length === 2');
  await tab.send('Network.emulateNetworkConditions', { offline: false, latency: 0, downloadThroughput: -1, uploadThroughput: 8_000_000 });
  await tab.choose([large]);
  await tab.when('[...document.querySelectorAll(".transfers progress")].at(-1).value > 0.3 && document.querySelectorAll(".transfers li").length === 3');
  await picture(tab, 'console-files');
}

async function requests(tab) {
  await tab.click('Requests', 'nav');
  await tab.when('document.querySelector("tbody").innerText.includes("secret/a.txt")');
  await tab.run('[...document.querySelectorAll("tbody button")].find((button) => button.textContent.includes("secret/a.txt")).click()');
  await tab.run('document.activeElement.blur()');
  await picture(tab, 'console-requests');
}

async function file(name, size) {
  const place = path.join(FILES, name);
  await writeFile(place, Buffer.alloc(size, name));
  return place;
}

/** A machine without Chinese fonts shows no name of the other language. */
async function picture(tab, name) {
  await tab.run('document.getElementById("language").style.visibility = "hidden"');
  await writeFile(path.join(PICTURES, `${name}.png`), await tab.picture());
}

main().catch((problem) => {
  console.error(problem.message);
  process.exit(1);
});
