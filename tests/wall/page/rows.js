// Draws the events as rows of the three lanes.

function element(tag, className, ...children) {
  const made = document.createElement(tag);
  if (className) made.className = className;
  made.append(...children);
  return made;
}

function unseen(text) {
  return element('span', 'unseen', text);
}

function row(event, before) {
  const item = element('li', 'event');
  if (isWait(event)) item.classList.add('wait');
  const pause = before ? event.t - before.t : 0;
  if (pause > 0.05) item.append(element('span', 'gap', `⋯ ${duration(pause)} ⋯`));
  item.append(element('time', '', `${(event.t * 1000).toFixed(3)} ms`));
  if (event.kind === 'question') {
    item.append(questionForm(event));
  } else if (storyKinds[event.kind]) {
    item.append(storyKinds[event.kind](event));
  } else {
    const cells = laneCells(event);
    for (const lane of ['client', 'kernel', 'daemon']) {
      item.append(element('div', `lane ${lane}-lane`, ...(cells[lane] ? [cells[lane]] : [])));
    }
  }
  return item;
}

const storyKinds = {
  say: ({ text }) => element('p', 'story say', text),
  command: ({ text }) => element('div', 'story command', element('pre', '', /^\w+\$ /.test(text) ? text : `$ ${text}`)),
  typed: ({ text }) => element('div', 'story typed', element('pre', '', text)),
  printed: ({ text }) => element('div', 'story printed', element('pre', '', text)),
  output: ({ text }) => element('div', 'story output', element('pre', '', text)),
  seen: ({ text }) => element('p', 'story seen', unseen('checked: '), `✓ ${text}`),
};

function laneCells(event) {
  const side = event.side ?? 'client';
  switch (event.kind) {
    case 'call': return { [side]: callCell(event) };
    case 'signal': return { [side]: badge(event, `signal ${event.text}`) };
    case 'end': return { [side]: badge(event, event.text) };
    case 'phase': return { [side]: badge(event, `${event.before} → ${event.after}`) };
    case 'log': return { [side]: element('div', `log ${side}`, unseen('the daemon logs '), '▤ ', element('code', '', event.text)) };
    case 'segment': return { kernel: segmentCell(event) };
    case 'state': return { kernel: stateCell(event) };
    case 'more': return { [event.of === 'segment' ? 'kernel' : side]: moreCell(event) };
    default: return {};
  }
}

function callCell(event) {
  const failed = /^-1 /.test(event.result ?? '');
  const call = element('code', '', event.text);
  if (event.result) call.append(element('span', failed ? 'result failed' : 'result', ` = ${event.result}`));
  const cell = element('div', `call ${event.side}`, unseen(`${event.process} calls `), named(event), call);
  if (event.sleeps) cell.append(element('span', 'slept', 'sleeps'));
  if (event.slept) cell.append(element('span', 'slept', `returns after ${duration(event.slept)}`));
  return cell;
}

// The process by its name, unless the lane has only one.
function named(event) {
  return event.process === event.side ? '' : element('small', '', `${event.process}: `);
}

function badge(event, text) {
  return element('span', event.side, named(event), element('span', 'badge', element('span', '', text)));
}

function segmentCell(event) {
  const toDaemon = server.test(event.to);
  const classes = ['segment', toDaemon ? 'right' : 'left'];
  if (/RST/.test(event.flags)) classes.push('reset');
  if (event.again) classes.push('again');
  const direction = toDaemon ? 'segment from client to daemon: ' : 'segment from daemon to client: ';
  const bytes = event.bytes ? `, ${count(event.bytes, 'byte')}` : '';
  const port = (toDaemon ? event.from : event.to).split(':').at(-1);
  const cell = element('span', classes.join(' '), unseen(direction), `${event.flags}${bytes}`);
  if (event.again) cell.append(' (again)');
  cell.append(unseen(`, client's port ${port}`));
  cell.title = `${event.from} → ${event.to}${event.seq ? `, seq ${event.seq}` : ''}${event.ack ? `, ack ${event.ack}` : ''}`;
  return cell;
}

function stateCell(event) {
  const ofDaemon = server.test(event.local);
  const port = (ofDaemon ? event.peer : event.local).split(':').at(-1);
  const queues = event.receive || event.send
    ? ` ${event.state === 'LISTEN' ? 'waiting' : 'Recv-Q'} ${event.receive}${event.state === 'LISTEN' ? '' : `, Send-Q ${event.send}`}` : '';
  return element('span', `state ${ofDaemon ? 'of-daemon' : 'of-client'}`,
    unseen(`${ofDaemon ? 'daemon' : 'client'}'s end: `), element('b', '', event.state), queues,
    port === '*' ? '' : ` :${port}`);
}

function moreCell(event) {
  const which = event.of === 'segment' ? 'segment' : `${event.name ?? ''} ${event.of}`.trim();
  return element('span', `slept ${event.side ?? ''}`, `… ${count(event.count, which)} more, left out`);
}

function count(number, noun) {
  return `${number.toLocaleString('en')} ${noun}${number === 1 ? '' : 's'}`;
}

function duration(seconds) {
  if (seconds >= 1) return `${seconds.toFixed(1)} s`;
  if (seconds >= 0.001) return `${(seconds * 1000).toFixed(seconds < 0.01 ? 1 : 0)} ms`;
  return `${Math.round(seconds * 1e6)} µs`;
}
