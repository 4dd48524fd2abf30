// Each view of the console in both languages and colour schemes, checked by axe-core.
//
// Guarantees: it returns each finding as `view language scheme: rule: element`. Not covered: what
// axe-core cannot check, such as the order in which a keyboard moves.
'use strict';

const { readFileSync } = require('node:fs');

const VIEWS = ['requests', 'credential', 'files', 'cloud'];
const AXE = readFileSync(require.resolve('axe-core/axe.min.js'), 'utf8');
const RULES = `(async () => {
  for (const details of document.querySelectorAll("details")) details.open = true;
  await new Promise((resolve) => setTimeout(resolve, 100));
  const { passes, violations } = await axe.run(document, { runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"] });
  // A page that does not show would have no findings.
  if (passes.length < 20) return ["only " + passes.length + " rules apply"];
  return violations.flatMap(({ id, nodes }) => nodes.map((node) => id + ": " + node.html.slice(0, 160)));
})()`;

async function accessibilityFindings(tab) {
  await tab.run(AXE);
  const findings = [];
  for (const scheme of ['light', 'dark']) {
    await tab.send('Emulation.setEmulatedMedia', { features: [{ name: 'prefers-color-scheme', value: scheme }] });
    for (let turn = 0; turn < 2; turn += 1) {
      await tab.run('document.getElementById("language").click()');
      const language = await tab.run('document.documentElement.lang');
      for (const view of VIEWS) {
        await tab.run(`location.hash = ${JSON.stringify(view)}`);
        await tab.when(`document.querySelector("nav a[aria-current]").hash === "#${view}" && document.querySelector("main h2") !== null`);
        for (const finding of await tab.run(RULES)) findings.push(`${view} ${language} ${scheme}: ${finding}`);
      }
    }
  }
  await tab.send('Emulation.setEmulatedMedia', { features: [] });
  return findings;
}

module.exports = { accessibilityFindings };
