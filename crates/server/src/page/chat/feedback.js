// What people say about answers: right or wrong, another text, the better of two.
const FATES = { stored: 'Thank you, this is kept.', repeated: 'This was known already.',
  contradicts: 'Kept; it counts instead of what was said before.', superseded: 'Kept, but a later word counts already.' };

/** Feedback on an answer as `/v1/feedback` takes it. */
const word = (answer, kind, value) => ({ prediction_id: answer.id, kind, ...(value === undefined ? {} : { value }) });

/** Sends feedback; what came of it is shown below the answer, and `change` is made once it is kept. */
async function give(turn, answer, kind, value, change) {
  try {
    const { feedback: [{ fate }] } = await ask('/v1/feedback', word(answer, kind, value));
    change();
    answer.reply = { text: FATES[fate] || fate };
  } catch (error) {
    if (error.status === 401 || error.status === 403) lock(error);
    answer.reply = { text: error.message, bad: true };
  }
  $('said').textContent = t(answer.reply.text);
  save();
  showTurn(turn);
}

const button = (words, attributes) => element('button', { type: 'button', class: 'quiet', ...attributes }, t(words));

/** The buttons below an answer. */
function verdicts(turn, i) {
  const answer = turn.answers[i];
  const judged = (kind) => button(kind === 'accept' ? 'Right' : 'Wrong', {
    'data-key': `${kind}-${i}`, 'aria-pressed': String(answer.verdict === kind),
    click: () => give(turn, answer, kind, undefined, () => { answer.verdict = kind; }),
  });
  return element('div', { class: 'verdicts' }, judged('accept'), judged('reject'),
    button('Edit', { 'data-key': `edit-${i}`, 'aria-expanded': String(Boolean(answer.editing)), click: () => edit(turn, answer, i) }),
    canChoose(turn) ? button('This one is better', { 'data-key': `choose-${i}`, 'aria-pressed': String(turn.chosen === i),
      click: () => choose(turn, i) }) : '');
}

const canChoose = (turn) => turn.answers.length === 2 && turn.answers.every((answer) => answer.finish && answer.id)
  && turn.answers[0].text !== turn.answers[1].text;

function choose(turn, i) {
  const [better, other] = [turn.answers[i], turn.answers[1 - i]];
  // Each answer shows its own reply: that of an earlier choice would mislead.
  delete other.reply;
  give(turn, better, 'preference', other.id, () => { turn.chosen = i; });
}

function edit(turn, answer, i) {
  answer.editing = !answer.editing;
  showTurn(turn);
  if (answer.editing) turn.place.querySelector(`#edit-${turns.indexOf(turn)}-${i}`).focus();
}

/** The form to write what the answer should have been. */
function editor(turn, answer, i) {
  const id = `edit-${turns.indexOf(turn)}-${i}`;
  const text = element('textarea', { id, rows: Math.min(12, 2 + answer.text.split('\n').length) });
  text.value = answer.corrected ?? answer.text;
  const submit = (event) => {
    event.preventDefault();
    const value = text.value;
    if (!value.trim()) return text.focus();
    return give(turn, answer, 'correction', value, () => Object.assign(answer, { corrected: value, editing: false }));
  };
  return element('form', { class: 'edit', submit }, element('label', { for: id }, t('What the answer should have been')), text,
    element('div', { class: 'line' }, element('button', { type: 'submit' }, t('Save the correction')),
      button('Cancel', { click: () => { edit(turn, answer, i); focusOn(turn, `edit-${i}`); } })));
}

