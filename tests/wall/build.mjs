// Builds the wall, one page that needs no server: the recordings, the questions of the
// demonstrations' pages, and the player.
//
//   node tests/wall/build.mjs DOCUMENTS RECORDINGS > wall.html
//
// RECORDINGS is a directory, or a page that has them.

import { existsSync, readFileSync, readdirSync, statSync } from 'node:fs';
import { questions } from './questions.mjs';

const [documents, recordings] = process.argv.slice(2);
const part = (file) => readFileSync(new URL(`page/${file}`, import.meta.url), 'utf8').trimEnd();
const scripts = ['recording.js', 'rows.js', 'questions.js', 'player.js', 'controls.js'];

const all = texts(recordings)
  .map((text) => ({ text, ...JSON.parse(text.slice(0, text.indexOf('\n'))) }))
  .sort((one, other) => (one.id < other.id ? -1 : 1));

const parts = {
  '/*{{page.css}}*/': part('page.css'),
  '{{demonstrations}}': escaped(JSON.stringify(Object.fromEntries(all.map(described)))),
  '{{recordings}}': all.map(embedded).join('\n'),
  '{{scripts}}': scripts.map(part).join('\n\n'),
};
const page = Object.entries(parts).reduce(
  (text, [place, content]) => text.replace(place, () => content),
  part('page.html'),
);
process.stdout.write(`${page}\n`);

// The recordings of a directory, or of a page.
function texts(place) {
  if (statSync(place).isDirectory()) {
    const files = readdirSync(place).filter((file) => file.endsWith('.jsonl'));
    return files.map((file) => readFileSync(`${place}/${file}`, 'utf8'));
  }
  const elements = readFileSync(place, 'utf8').matchAll(/ id="recording-.*>\n([^]*?)\n<\/script>/g);
  return [...elements].map(([, text]) => text);
}

// A demonstration of the course's own program is on the page of the correct one.
function described({ demonstration: name, id }) {
  const own = `${documents}/demonstrations/${name}.md`;
  if (existsSync(own)) {
    return [name, { id, page: `demonstrations/${name}.md`, questions: questions(readFileSync(own, 'utf8')) }];
  }
  const page = readdirSync(`${documents}/demonstrations`).find((file) => name.startsWith(`${file.slice(0, -3)}-`));
  return [name, { id, page: `demonstrations/${page}` }];
}

function embedded({ demonstration: name, text }) {
  return `<script type="application/json" id="recording-${name}">\n${escaped(text.trimEnd())}\n</script>`;
}

// No text ends the element that contains it.
function escaped(json) {
  return json.replaceAll('<', '\\u003c');
}
