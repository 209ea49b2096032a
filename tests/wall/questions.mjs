// The questions of a demonstration's page, as tests/demos/step.sh reads them.

const question = /^\*\*(\d)\.\*\* `([^`]*)`: ([^]*?)\n\n((?:- [a-d]: [^]*?\n)+)(?=\n)/gm;

// Returns the questions with their choices, the answer, and its reason, without marks.
export function questions(page) {
  return [...page.matchAll(question)].map(([, number, place, text, choices]) => {
    const reason = new RegExp(`^\\*\\*${number}: ([a-d])\\.\\*\\* ([^]*?)\\n\\n`, 'm').exec(page);
    return {
      number: Number(number),
      place,
      text: plain(text),
      choices: choices
        .split(/^- /m)
        .slice(1)
        .map((choice) => ({ letter: choice[0], text: plain(choice.slice(3)) })),
      answer: reason[1],
      reason: plain(reason[2]),
    };
  });
}

function plain(text) {
  return text.replaceAll(/\*\*|`/g, '').replaceAll(/\s+/g, ' ').trim();
}
