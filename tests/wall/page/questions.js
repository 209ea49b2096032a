// The questions of a demonstration's page. Playback waits for a prediction, and gives the reason
// with the output that follows.

function questionForm(question) {
  const form = element('form', 'question');
  const group = element('fieldset', '', element('legend', '', `Predict: ${question.text}`));
  for (const { letter, text } of question.choices) {
    const input = element('input');
    Object.assign(input, { type: 'radio', name: `choice-${question.number}`, value: letter });
    group.append(element('label', '', input, ` ${letter}: ${text}`));
  }
  const reason = element('p', 'reason', element('span', 'verdict'), ` ${question.answer}: ${question.reason}`);
  const skip = element('button', 'skip', 'Show the answer');
  skip.type = 'button';
  reason.hidden = true;
  form.append(group, skip, reason);
  form.addEventListener('change', () => answer(question, form, form.elements[group.querySelector('input').name].value));
  skip.addEventListener('click', () => answer(question, form, null));
  form.addEventListener('submit', (event) => event.preventDefault());
  question.form = form;
  return form;
}

// Takes a prediction, or null for none, and lets the playback go on.
function answer(question, form, letter) {
  if (question.given !== undefined) return;
  question.given = letter;
  const right = letter === question.answer;
  const verdict = form.querySelector('.verdict');
  verdict.textContent = letter === null ? 'The answer is' : right ? 'Right.' : `You said ${letter}. The answer is`;
  verdict.className = `verdict ${right ? 'right-answer' : letter === null ? '' : 'wrong-answer'}`;
  form.querySelectorAll('input').forEach((input) => {
    input.disabled = true;
    input.checked = input.value === letter;
  });
  form.querySelector('.skip').hidden = true;
  form.querySelector('.reason').hidden = false;
  say(form.querySelector('.reason').textContent);
  showScore();
  play();
}

function scoreOf(events) {
  const questions = events.filter(({ kind }) => kind === 'question');
  const right = questions.filter(({ given, answer }) => given === answer).length;
  return questions.length ? `${right} of ${questions.length} predictions were right.` : '';
}
