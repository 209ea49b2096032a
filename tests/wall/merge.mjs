// Makes one recording of the sources that `record` collected, and prints it as JSON lines, in order
// of time. The first line is about the recording; each other one is an event with `t`, in seconds
// since the beginning, and `kind`:
//
//   say, command, output, typed, printed, seen   a line of the demonstration's own output
//   call     a system call: process, text, result, connection; if it sleeps, it is there twice: when
//            it is called (sleeps), and when it returns (slept, in seconds)
//   signal, end     a signal that a process got; the end of a process
//   log, phase      a line of the daemon's log; a connection's change of phase
//   segment  of TCP: from, to, flags, seq, bytes, again (sent before)
//   state    of a socket, as ss shows it: local, peer, state, receive and send queue
//   more     so many events of one kind that are left out

import { readFileSync, readdirSync } from 'node:fs';
import { release } from 'node:os';
import { calls } from './calls.mjs';
import { segments, states } from './network.mjs';
import { story } from './story.mjs';

const [sources, name] = process.argv.slice(2);
const source = (file) => readFileSync(`${sources}/${file}`, 'utf8');

const told = story(source('story'));
const events = [
  ...told.events,
  ...traces().flatMap((file) => calls(file, source(`strace/${file}`), names())),
  ...segments(source('segments')),
  ...states(source('states')),
];
const began = told.events[0].t;
const shown = events
  .map((event) => ({ ...event, t: Number((event.t - began).toFixed(6)) }))
  .filter((event) => event.t >= 0)
  .sort((one, other) => one.t - other.t);

const { id, checks } = told;
print({ demonstration: name, id, checks, kernel: `Linux ${/^\d+\.\d+/.exec(release())}`, date: today() });
for (const event of shortened(shown)) print(event);

// The names that the demonstration has given to processes, by id.
function names() {
  const pairs = [...source('names').matchAll(/^(\d+) (\w+)$/gm)];
  return new Map(pairs.map(([, id, name]) => [id, name.toLowerCase()]));
}

function traces() {
  return readdirSync(`${sources}/strace`).filter((file) => /^\d+\.\d+$/.test(file));
}

function today() {
  return new Date(began * 1000).toISOString().slice(0, 10);
}

// Leaves out the middle of each long series: what one process does on one connection, segments in
// one direction of one connection; then what all clients of one name do.
function shortened(events) {
  const narrow = withoutMiddle(events, 16, 4, (event) => {
    const { kind, process, text, connection, from, to, local, peer, state } = event;
    if (kind === 'call') return `${process} ${text.split('(')[0]} ${connection}`;
    return { segment: `${from} ${to}`, state: `${local} ${peer} ${state}` }[kind];
  });
  return withoutMiddle(narrow, 40, 10, ({ kind, process, text, from, to, state }) => {
    const server = [from, to].findIndex((address) => address?.endsWith(':9877'));
    const call = `${process} ${text?.split('(')[0]}`;
    return { call, segment: `segment ${server}`, state, end: `end ${process}` }[kind];
  });
}

function withoutMiddle(events, first, last, streamOf) {
  const streams = new Map();
  for (const event of events) {
    const stream = streamOf(event);
    if (!stream) continue;
    if (!streams.has(stream)) streams.set(stream, []);
    streams.get(stream).push(event);
  }
  const changed = new Map();
  for (const stream of streams.values()) {
    const middle = stream.slice(first, -last);
    if (middle.length < 2) continue;
    middle.forEach((event) => changed.set(event, null));
    const { t, kind, process, side, text, from, to } = middle[0];
    const name = text?.split('(')[0];
    changed.set(middle[0], { t, kind: 'more', of: kind, process, side, name, from, to, count: middle.length });
  }
  return events.flatMap((event) => (changed.has(event) ? (changed.get(event) ?? []) : event));
}

function print(value) {
  process.stdout.write(`${JSON.stringify(value)}\n`);
}
