// Buttons, keys and the address: #NAME/POSITION.

const previousShown = () => {
  let before = position - 1;
  while (before > 0 && isHidden(rows[before])) before -= 1;
  return before;
};
const forwards = () => (isHeld() ? answerOf(null) : goTo(nextShown(position)));

const keys = {
  ' ': () => (isPlaying() ? pause() : play()),
  ArrowRight: forwards,
  ArrowLeft: () => goTo(previousShown()),
  ArrowDown: () => (isHeld() ? answerOf(null) : goTo(stepOf(1))),
  ArrowUp: () => goTo(stepOf(-1)),
  Home: () => goTo(0),
  End: () => goTo(rows.length - 1),
  '+': () => changeSpeed(-1),
  '-': () => changeSpeed(1),
};

function answerOf(letter) {
  const event = recording.events[position];
  if (event.kind === 'question' && event.given === undefined) answer(event, event.form, letter);
}

function changeSpeed(by) {
  const speed = at('speed');
  speed.selectedIndex = Math.max(0, Math.min(speed.selectedIndex + by, speed.options.length - 1));
  say(`speed: ${speed.selectedOptions[0].text}`);
}

function onKey(event) {
  if (event.ctrlKey || event.altKey || event.metaKey) return;
  const target = event.target;
  if (target.matches('select, button') && [' ', 'Enter', 'ArrowUp', 'ArrowDown'].includes(event.key)) return;
  if (target.matches('input[type=radio]') && event.key.startsWith('Arrow')) return;
  if (target.matches('input[type=checkbox]') && event.key === ' ') return;
  const action = /^[a-d]$/.test(event.key) ? () => answerOf(event.key) : keys[event.key];
  if (!action) return;
  event.preventDefault();
  action();
}

function fillChoice() {
  const groups = { S: 'The demonstrations', W: "The course's own programs, with their mistakes" };
  for (const [letter, label] of Object.entries(groups)) {
    const group = element('optgroup');
    group.label = label;
    for (const [name, { id }] of Object.entries(demonstrations)) {
      if (id.startsWith(letter)) group.append(new Option(`${id} ${name}`, name));
    }
    if (group.children.length) at('choice').append(group);
  }
}

function open() {
  const [name, wanted] = decodeURIComponent(location.hash.slice(1)).split('/');
  const known = Object.hasOwn(demonstrations, name) ? name : Object.keys(demonstrations)[0];
  load(known, Number(wanted) || 0);
}

fillChoice();
at('choice').addEventListener('change', () => load(at('choice').value));
at('first').addEventListener('click', keys.Home);
at('back').addEventListener('click', keys.ArrowLeft);
at('play').addEventListener('click', keys[' ']);
at('next').addEventListener('click', forwards);
at('last').addEventListener('click', keys.End);
at('position').addEventListener('input', () => goTo(Number(at('position').value)));
at('waits').addEventListener('change', () => document.body.classList.toggle('all', at('waits').checked));
document.addEventListener('keydown', onKey);
window.addEventListener('hashchange', open);
open();
