// The system calls of a process, from its trace (strace -ttt -T -yy).

// What a descriptor refers to, as strace -yy writes it: 3<TCP:[127.0.0.1:40000->127.0.0.1:9877]>.
const decoration = /(\d)<((?:->|<[^<>]*>|[^<>])*)>/g;
const line = /^(\d+\.\d+) (.*)$/;
const call = /^(\w+)\((.*?)\) += (\?|-?\w+.*?)(?: <(\d+\.\d+)>)?$/s;
// A call that takes this long, in seconds, has slept: it is two events, the call and its return.
const blocked = 0.002;
const unfinished = /^(\w+)\((.*?),? *<unfinished ...>/;

// Returns the events of a trace. Its file is called ROOT.ID, after the process that was started and
// the one that is traced.
export function calls(file, text, names) {
  const [root, id] = file.split('.');
  const program = /execve\("(?:[^"]*\/)?([\w.-]+)"/.exec(text)?.[1] ?? '';
  const name = names.get(root) ?? program;
  const of = root === id ? { process: name } : { process: `${name}'s child` };
  of.side = /^(tcpechod|server)$/.test(program) || /^(daemon|server)/.test(name) ? 'daemon' : 'client';
  return text.split('\n').flatMap((entry) => {
    const [, time, rest] = line.exec(entry) ?? [];
    return time ? event(Number(time), rest, of) : [];
  });
}

function event(t, text, of) {
  if (text.startsWith('+++')) return { t, kind: 'end', ...of, text: text.slice(4, -4) };
  if (text.startsWith('---')) return { t, kind: 'signal', ...of, text: signal(text) };
  const [, name, given, result, took] = unfinished.exec(text) ?? call.exec(text) ?? [];
  if (!name || noise(name, given)) return [];
  if (/^write/.test(name) && /^2</.test(given) && of.side === 'daemon') return logged(t, given, of);
  const about = { kind: 'call', ...of, connection: connectionOf(given + result) };
  const whole = { text: `${name}(${shown(given)})`, result: result && shown(result) };
  if ((result && took < blocked) || name === 'exit_group') return { t, ...about, ...whole };
  const enters = { t, ...about, text: `${name}(${/^\w+/.exec(given)?.[0].concat(', ') ?? ''}...)`, sleeps: true };
  return result ? [enters, { t: t + Number(took), ...about, ...whole, slept: Number(took) }] : enters;
}

// A connection as its two addresses, in the order of the process: local, peer.
function connectionOf(text) {
  return /TCP(?:v6)?:\[([^\]]*->.*?)\]>/.exec(text)?.[1];
}

// What a program does at its start, and with files.
function noise(name, given) {
  if (name === 'execve') return false;
  const [, file] = /^\d+<(\/[^>]*)/.exec(given) ?? [];
  const isStream = /^[012]</.test(given) && file !== '/dev/null';
  return (file && !isStream) || /^\[\{fd=0.*events=0\}\], 3, 0$/.test(given) || /^2<.*POLLOUT/.test(given)
    || /^\[\{fd=2</.test(given) || /^AF_(UNIX|NETLINK)/.test(given);
}

function shown(text) {
  return text
    .replace(decoration, '$1')
    .replace(/^"[^"]*\//, '"') // the program, without its place
    .replace(/0x[0-9a-f]{6,}( \/\* \d+ vars \*\/)?/g, '...')
    .replace(/"((?:[^"\\]|\\.)*)"(\.\.\.)?/g, (whole, string, more) => {
      const letters = string.match(/\\[0-7]{1,3}|\\.|./g) ?? [];
      return letters.length > 40 ? `"${letters.slice(0, 40).join('')}"...` : `"${string}"${more ?? ''}`;
    });
}

function signal(text) {
  const [, name, code] = /^--- (\w+) (?:\{.*si_code=(\w+))?/.exec(text) ?? [];
  return code ? `${name} (${code})` : name;
}

// A line of the daemon's log.
function logged(t, given, of) {
  const [, line] = /"((?:[^"\\]|\\.)*)"/.exec(given) ?? [];
  const [, level, message] = /^\[\S+ (\w+) *\] (.*?)(?:\\n)?$/.exec(line ?? '') ?? [];
  if (!message) return [];
  const [, peer, before, after] = /^phase peer=(\S+) (.*) -> (.*)$/.exec(message) ?? [];
  if (peer) return { t, kind: 'phase', ...of, peer, before, after };
  return { t, kind: 'log', ...of, level, text: message };
}
