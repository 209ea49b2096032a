// Writes a trace twice: whole, as a recording (the first file), and as the demonstration asked for
// it (the second): only its own calls, and without the times and addresses that it did not ask for.
//
//   node split.mjs RECORDING FILE CALLS [clock] [addresses]
//
// The trace comes from the FIFO RECORDING.fifo; RECORDING.ready tells that this process waits for
// it. The recording of process 12 is RECORDING.12.

import { appendFileSync, openSync, readSync, writeFileSync, writeSync } from 'node:fs';

const [recording, file, calls, ...wanted] = process.argv.slice(2);
const asked = new Set(calls.split(','));
const output = openSync(file, 'a');
writeFileSync(`${recording}.ready`, '');
const input = openSync(`${recording}.fifo`, 'r');
const buffer = Buffer.alloc(1 << 16);
let line = '';
let written = '';

for (;;) {
  const bytes = readSync(input, buffer);
  if (bytes === 0) break;
  const text = buffer.toString('latin1', 0, bytes);
  appendFileSync(`${recording}.${recording.split('/').at(-1)}`, text, 'latin1');
  for (const part of text.split(/(?<=\n)/)) {
    line += part;
    write(line);
    if (part.endsWith('\n')) line = written = '';
  }
}

// A call that has not returned is a part of a line, and a demonstration may wait for that.
function write(line) {
  const shown = reduced(line);
  if (shown === null || !shown.startsWith(written)) return;
  writeSync(output, shown.slice(written.length), null, 'latin1');
  written = shown;
}

function reduced(line) {
  const match = /^(\d+)\.(\d+) (.*)$/s.exec(line);
  if (!match) return null;
  const [, seconds, fraction, rest] = match;
  const call = /^(\w+)\(/.exec(rest);
  if (!(call ? asked.has(call[1]) : /^(---|\+\+\+)/.test(rest))) return null;
  let shown = rest.replace(/ <\d+\.\d+>\n$/, '\n');
  if (!wanted.includes('addresses')) shown = shown.replace(/(\d)<(?:->|<[^<>]*>|[^<>])*>/g, '$1');
  shown = shown.replace(/"((?:[^"\\]|\\.)*)"(\.\.\.)?/g, shorter);
  if (wanted.includes('clock')) shown = `${clock(seconds)}.${fraction} ${shown}`;
  return shown;
}

// A string as strace shows it by default: its first 32 bytes.
function shorter(whole, string) {
  const bytes = string.match(/\\[0-7]{1,3}|\\.|./g) ?? [];
  return bytes.length > 32 ? `"${bytes.slice(0, 32).join('')}"...` : whole;
}

function clock(seconds) {
  const time = new Date(Number(seconds) * 1000);
  return [time.getHours(), time.getMinutes(), time.getSeconds()]
    .map((part) => String(part).padStart(2, '0'))
    .join(':');
}
