// The network's part of a recording: segments from tcpdump, and the states of sockets from ss.

const packet =
  /^(\d+\.\d+) \S+ +\w+ +IP6? (\S+)\.(\d+) > (\S+)\.(\d+): Flags \[(.*?)\](?:, seq ([\d:]+))?(?:, ack (\d+))?.*length (\d+)/;
const letters = { S: 'SYN', F: 'FIN', R: 'RST', P: 'PSH', U: 'URG', '.': 'ACK' };

// Returns the segments. One that begins where an earlier one began, and has bytes or a flag that
// counts as one, is sent again.
export function segments(text) {
  const sent = new Set();
  return text.split('\n').flatMap((line) => {
    const [, time, source, sourcePort, target, targetPort, flags, seq, ack, bytes] =
      packet.exec(line) ?? [];
    if (!time) return [];
    const from = `${source}:${sourcePort}`;
    const to = `${target}:${targetPort}`;
    const one = { t: Number(time), kind: 'segment', from, to, flags: named(flags) };
    if (bytes !== '0') one.bytes = Number(bytes);
    if (ack) one.ack = Number(ack);
    if (seq) one.seq = seq;
    const key = `${from} ${to} ${flags.includes('S')} ${seq?.split(':')[0]} ${flags.includes('F')}`;
    if (bytes !== '0' || /[SF]/.test(flags)) {
      if (sent.has(key)) one.again = true;
      sent.add(key);
    }
    return one;
  });
}

function named(flags) {
  return [...flags].map((letter) => letters[letter] ?? letter).join(' ');
}

// Returns the changes of state, and of queues at most ten times a second.
export function states(text) {
  const sockets = new Map();
  return text.split(/^@ /m).flatMap((sample) => {
    const [time, ...rows] = sample.trim().split('\n');
    const t = Number(time);
    const present = new Map(rows.filter(Boolean).map((row) => socket(t, row)).map((one) => [keyOf(one), one]));
    const changed = [...present.values()].filter((one) => changes(sockets.get(keyOf(one)), one));
    changed.forEach((one) => sockets.set(keyOf(one), one));
    const gone = [...sockets.values()].filter((one) => !present.has(keyOf(one)));
    gone.forEach((one) => sockets.delete(keyOf(one)));
    return [...changed, ...gone.map(({ local, peer }) => ({ t, kind: 'state', local, peer, state: 'gone' }))];
  });
}

function socket(t, row) {
  const [state, receive, send, local, peer] = row.split(/ +/);
  return { t, kind: 'state', local, peer, state, receive: Number(receive), send: Number(send) };
}

function keyOf(socket) {
  return `${socket.local} ${socket.peer}`;
}

function changes(before, now) {
  if (!before || before.state !== now.state) return true;
  return (before.receive !== now.receive || before.send !== now.send) && now.t - before.t > 0.1;
}
