// Plays a recording: the position is the last event that is shown.

const demonstrations = JSON.parse(document.getElementById('demonstrations').textContent);
const at = (id) => document.getElementById(id);
const slowest = 2000; // milliseconds that one step takes at most
let recording;
let rows = [];
let position = 0;
let timer = null;

function load(name, wanted = 0) {
  pause();
  at('choice').value = name;
  recording = readRecording(name);
  rows = recording.events.map((event, index, all) => row(event, all[index - 1]));
  at('events').replaceChildren(...rows);
  rows.forEach((one) => one.classList.add('later'));
  const { id, checks, kernel, date } = recording.about;
  const link = element('a', '', 'its page, with the reasons');
  link.href = demonstrations[name].page;
  at('about').replaceChildren(
    element('h2', '', `${id} ${name}`),
    element('p', '', `${checks}.`),
    element('p', '', link, `; recorded on ${date}, ${kernel}, ${count(rows.length, 'event')}.`),
  );
  at('position').max = rows.length - 1;
  position = -1;
  show(wanted);
}

// Shows everything up to an event, and says in words which it is.
function show(wanted, spoken = false) {
  const target = Math.max(0, Math.min(wanted, rows.length - 1));
  const [low, high] = [Math.min(position, target), Math.max(position, target)];
  rows.slice(Math.max(low, 0), high + 1).forEach((one, index) => {
    one.classList.toggle('later', Math.max(low, 0) + index > target);
  });
  rows[position]?.classList.remove('current');
  rows[position]?.removeAttribute('aria-current');
  position = target;
  rows[position].classList.add('current');
  rows[position].setAttribute('aria-current', 'step');
  rows[position].scrollIntoView({ block: 'center' });
  at('position').value = position;
  at('position').setAttribute('aria-valuetext', words(rows[position]));
  at('time').textContent = `${(recording.events[position].t * 1000).toFixed(3)} ms`;
  at('end').hidden = position < rows.length - 1;
  showSockets();
  showScore();
  if (!isPlaying()) showAddress();
  if (spoken) say(words(rows[position]));
}

// The address leads to this moment. Browsers limit how often it may change.
function showAddress() {
  history.replaceState(null, '', `#${at('choice').value}/${position}`);
}

function words(row) {
  return row.innerText.replace(/\s+/g, ' ').trim();
}

function say(text) {
  at('voice').textContent = text;
}

function showScore() {
  at('score').textContent = scoreOf(recording.events);
}

function showSockets() {
  const connections = [...connectionsAt(recording.events, position)].filter(([, one]) => isOpen(one));
  const chips = connections.slice(0, 8).map(([address, { client, daemon, phase }]) => {
    const ends = [client, daemon].map((end) => end?.state ?? '–');
    const text = `:${address.split(':').at(-1)}  client ${ends[0]} ⇄ daemon ${ends[1]}`;
    return element('span', 'socket', phase ? `${text} · ${phase}` : text);
  });
  const others = connections.length - chips.length;
  if (others > 0) chips.push(element('span', 'socket', `and ${others} more`));
  if (!chips.length) chips.push(element('span', 'socket', 'no connection'));
  at('sockets').replaceChildren(...chips);
}

function isOpen({ client, daemon }) {
  return [client, daemon].some((end) => end && end.state !== 'gone');
}

// A question holds the playback until it has an answer.
function isHeld() {
  const event = recording.events[position];
  return event.kind === 'question' && event.given === undefined;
}

function play() {
  if (position >= rows.length - 1) show(0);
  at('play').textContent = 'Pause';
  clearTimeout(timer);
  timer = setTimeout(step, 0);
}

function step() {
  if (isHeld()) return pause();
  if (position >= rows.length - 1) return pause();
  show(nextShown(position));
  if (isHeld() || position >= rows.length - 1) return pause();
  const pauseTime = recording.events[nextShown(position)].t - recording.events[position].t;
  timer = setTimeout(step, Math.min(pauseTime * 1000 * at('speed').value, slowest));
}

function nextShown(from) {
  let next = from + 1;
  while (next < rows.length - 1 && isHidden(rows[next])) next += 1;
  return next;
}

function isHidden(row) {
  return row.classList.contains('wait') && !document.body.classList.contains('all');
}

function pause() {
  clearTimeout(timer);
  timer = null;
  at('play').textContent = 'Play';
  if (position >= 0) showAddress();
}

function isPlaying() {
  return timer !== null;
}

// The next remark or command of the demonstration, or the one before.
function stepOf(direction) {
  const begins = ({ kind }) => ['say', 'question', 'command', 'typed'].includes(kind);
  let next = position + direction;
  while (next > 0 && next < rows.length - 1 && !begins(recording.events[next])) next += direction;
  return next;
}

function goTo(wanted) {
  pause();
  show(wanted, true);
}
