// The demonstration's own output, each line with the time at which it came.

const kinds = [
  ['say', /^# (.*)$/],
  ['command', /^\$ (.*)$/],
  ['seen', /^seen: (.*)$/],
  ['command', /^(\w+\$ .*)$/],
  ['typed', /^(\w+< .*)$/],
  ['printed', /^(\w+> .*)$/],
];

// Returns the events, and of the first line the id and the facts that the demonstration checks.
export function story(text) {
  const [head, ...lines] = text.trimEnd().split('\n');
  const [, id, checks] = /^# (\w+) [\w-]+: (.*)$/.exec(head);
  const events = [];
  for (const [, time, line] of lines.map((line) => /^(\d+\.\d+) (.*)$/.exec(line))) {
    if (line !== '') add(events, event(Number(time), line));
  }
  return { id, checks, events };
}

function event(t, line) {
  for (const [kind, pattern] of kinds) {
    const match = pattern.exec(line);
    if (match) return { t, kind, text: match[1] };
  }
  return { t, kind: 'output', text: line };
}

// Appends the event; lines of one remark, of one output, and of one command are one event.
function add(events, event) {
  const last = events.at(-1);
  if (last?.kind === 'command' && event.text.startsWith('  ')) {
    last.text += `\n${event.text}`;
  } else if (last?.kind === event.kind && ['say', 'output'].includes(event.kind)) {
    last.text += (event.kind === 'say' ? ' ' : '\n') + event.text;
  } else {
    events.push(event);
  }
}
