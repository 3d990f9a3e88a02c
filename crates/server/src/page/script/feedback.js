// What can be said about an answer.
const STATUSES = { stored: 'Thank you, this is stored.', repeated: 'This was known already.',
  contradicts: 'Stored; it counts instead of what was said before.', superseded: 'Stored, but a later word counts already.',
  orphaned: 'Stored, but this prediction is not in the store.' };

/** What can be said about one prediction. */
function judge({ prediction_id: id, prediction }) {
  const reply = element('p', { class: 'thanks whole', role: 'status' });
  const give = async (kind, value, after = () => {}) => {
    try {
      const [{ status }] = (await ask('/v1/feedback', { prediction_id: id, kind, value })).feedback;
      Object.assign(reply, { className: 'thanks whole', textContent: STATUSES[status] || sentence(status) });
      after();
      // The list should have at once what was just said.
      await monitor();
    } catch (error) {
      Object.assign(reply, { className: 'thanks whole bad', textContent: said(error) });
    }
  };
  const correct = correction(prediction, give);
  const verdict = (kind, words) => element('button', { type: 'button', class: 'quiet', 'aria-pressed': 'false',
    click: (event) => give(kind, undefined, () => {
      for (const button of buttons) button.setAttribute('aria-pressed', String(button === event.target));
      correct.hidden = kind === 'accept';
    }) }, words);
  const buttons = [verdict('accept', 'Right'), verdict('reject', 'Wrong')];
  return element('div', { class: 'judge' }, group('Was this right?', ...buttons), rating(give), correct, reply);
}

/** What would have been right: another class, or a number. */
function correction(prediction, give) {
  const { task, classes } = state.detail;
  const numeric = task === 'regression';
  const control = numeric ? element('input', { id: 'correct', autocomplete: 'off' })
    : choice('correct', classes.filter((name) => name !== prediction).map((name) => [name, name]));
  const submit = (event) => {
    event.preventDefault();
    const value = numeric ? Number(control.value.trim() || NaN) : control.value;
    control.ariaInvalid = String(Number.isNaN(value));
    if (Number.isNaN(value)) control.focus();
    else give('correction', value);
  };
  return element('form', { class: 'whole', hidden: true, novalidate: true, submit },
    element('label', { for: 'correct' }, numeric ? 'What number would have been right?' : 'What would have been right?'),
    element('div', { class: 'line' }, control, element('button', { type: 'submit', class: 'quiet' }, 'Send')));
}

function rating(give) {
  // Buttons, not radio buttons: arrow keys through radio buttons would send every star on the way.
  const light = (n) => stars.forEach((star, i) => {
    star.classList.toggle('lit', i < n);
    star.setAttribute('aria-pressed', String(i + 1 === n));
  });
  const stars = [1, 2, 3, 4, 5].map((n) => element('button', { type: 'button', class: 'star', 'aria-pressed': 'false',
    'aria-label': `${n} of 5 stars`, click: () => give('rating', n, () => light(n)) }, '★'));
  return group('How useful was it?', ...stars);
}

