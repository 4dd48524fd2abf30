// Plays the visitor of a page in examples/: chooses one file and reports what the page then shows.
//
// `/settings` of the page's own server returns the file's name and size; `/outcome` takes the line.
'use strict';

const PATIENCE_MS = 50_000;

async function main() {
  const { name, bytes } = await (await fetch('/settings')).json();
  // The page's modules have run by then.
  await until(() => document.readyState === 'complete');
  const input = await until(() => document.getElementById('file'));
  const chosen = new DataTransfer();
  chosen.items.add(new File([pattern(bytes)], name, { type: 'text/plain' }));
  input.files = chosen.files;
  input.dispatchEvent(new Event('change'));
  const status = () => document.querySelector('[role=status]')?.textContent ?? '';
  return until(() => /^(Uploaded|Not uploaded)/.test(status()) && status());
}

// The bytes of `pattern` in cos_story.js.
function pattern(length) {
  return Uint8Array.from({ length }, (_, at) => (at * 31 + (at >> 8) * 7) & 255);
}

async function until(found) {
  for (const end = Date.now() + PATIENCE_MS; Date.now() < end; ) {
    const result = found();
    if (result) return result;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  throw new Error(`the page does not show what was expected: ${document.body.textContent}`);
}

main()
  .then((shown) => ({ outcome: 'ok', shown }))
  .catch((fault) => ({ outcome: 'error', message: String(fault.message ?? fault) }))
  .then((line) => fetch('/outcome', { method: 'POST', body: JSON.stringify(line) }));
