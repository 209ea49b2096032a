// A recording: its events, the questions at their places, and the state of each connection.

const server = /:9877$/;

// Returns the demonstration's events. A question follows the first line of its output that contains
// the question's place, counted from the question before.
function readRecording(name) {
  const lines = document.getElementById(`recording-${name}`).textContent.trim().split('\n');
  const [about, ...events] = lines.map((line) => JSON.parse(line));
  const questions = [...(demonstrations[name].questions ?? [])];
  const isStory = ({ kind }) => ['say', 'command', 'typed', 'printed', 'output', 'seen'].includes(kind);
  const withQuestions = events.flatMap((event) => {
    const asked = isStory(event) && questions.length && event.text.includes(questions[0].place);
    return asked ? [event, { t: event.t, kind: 'question', ...questions.shift() }] : [event];
  });
  return { about, events: withQuestions };
}

// Folds the events up to a position into the connections of that moment: the state at either end,
// and the daemon's phase. The key is the client's address.
function connectionsAt(events, position) {
  const connections = new Map();
  const of = (address) => {
    if (!connections.has(address)) connections.set(address, {});
    return connections.get(address);
  };
  for (const event of events.slice(0, position + 1)) {
    if (event.kind === 'state' && event.peer !== '0.0.0.0:*' && event.peer !== '[::]:*') {
      const ofDaemon = server.test(event.local);
      of(ofDaemon ? event.peer : event.local)[ofDaemon ? 'daemon' : 'client'] = event;
    } else if (event.kind === 'phase') {
      of(event.peer).phase = event.after;
    } else if (event.kind === 'log' && event.text.startsWith('closed ')) {
      const [, peer, cause] = /peer=(\S+) cause=(\S+)/.exec(event.text) ?? [];
      if (peer) of(peer).phase = `closed (${cause})`;
    }
  }
  return connections;
}

// A call that asks what is ready and returns at once; or what the daemon logs at its start.
function isWait(event) {
  if (event.kind === 'log') return /^(tcpechod|descriptors|runs as root|sandbox|status)/.test(event.text);
  const asks = event.kind === 'call' && /^(p?poll|p?select6?|epoll_wait)\(/.test(event.text);
  return asks && !event.sleeps && !event.slept;
}
