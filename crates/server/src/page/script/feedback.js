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

/** What would have been right: another class, or a number; of several targets, what is known of each. */
function correction(prediction, give) {
  const { targets, task, classes } = state.detail;
  const fields = targets ? targets.map((one) => field(one.target, prediction[one.target], one, true))
    : [field(null, prediction, { task, classes }, false)];
  const submit = (event) => {
    event.preventDefault();
    const values = fields.map(({ read }) => read());
    const wrong = fields.find(({ control }, i) => {
      control.ariaInvalid = String(Number.isNaN(values[i]));
      return Number.isNaN(values[i]);
    });
    const known = values.some((value) => value !== null);
    if (wrong || !known) (wrong || fields[0]).control.focus();
    else give('correction', targets ? Object.fromEntries(targets.map((one, i) => [one.target, values[i]])) : values[0]);
  };
  return element('form', { class: 'whole', hidden: true, novalidate: true, submit },
    ...fields.map(({ label, control }, i) => element('div', {}, label, element('div', { class: 'line' }, control,
      i === fields.length - 1 ? element('button', { type: 'submit', class: 'quiet' }, 'Send') : ''))));
}

/** One thing to correct. Where it may be left open, nothing said is null. */
function field(target, prediction, { task, classes }, open) {
  const numeric = task === 'regression';
  const id = target === null ? 'correct' : `correct-${state.detail.targets.findIndex((one) => one.target === target)}`;
  const others = classes.filter((name) => name !== prediction).map((name) => [name, name]);
  const control = numeric ? element('input', { id, autocomplete: 'off' }) : choice(id, open ? [['', 'as predicted, or not known'], ...others] : others);
  const read = () => {
    const text = numeric ? control.value.trim() : control.value;
    if (open && text === '') return null;
    return numeric ? Number(text || NaN) : text;
  };
  const words = numeric ? 'What number would have been right?' : 'What would have been right?';
  return { control, read, label: element('label', { for: id }, target === null ? words : `${target}: ${words}`) };
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

