// The form to try the model.
function showForm(columns) {
  // A new version with the same columns leaves what was typed in.
  const same = JSON.stringify(columns);
  if (same === state.columns) return;
  state.columns = same;
  state.fields = columns.map(field);
  const place = (required) => state.fields.filter((made) => made.column.required === required).map((made) => made.block);
  $('fields').replaceChildren(...place(true));
  $('more-fields').replaceChildren(...place(false));
  $('more').hidden = !place(false).length;
  $('more').open = false;
}

/** A long name may be broken after an underscore. */
const parted = (name) => name.split(/(?<=_)/).flatMap((part, i) => (i ? [element('wbr'), part] : [part]));

/** A column's label and control; `read` gives the value to send, null where nothing is known. */
function field(column, i) {
  const id = `field-${i}`;
  const note = element('p', { class: 'wrong', id: `${id}-wrong`, hidden: true });
  const made = { column, note, ...(CONTROLS[column.kind] || CONTROLS.text)(column, id) };
  const role = ['feature', column.name].includes(column.role) ? '' : span('soft', ` ${column.role}`);
  const wide = column.kind === 'text' && column.required;
  made.block = element('div', { class: wide ? 'field wide' : 'field', input: () => complain(made, null) },
    element('label', { for: id }, parted(column.name), role), element('div', {}, made.control, made.beside, note));
  return made;
}

const CONTROLS = {
  number({ range }, id) {
    const hint = range ? `${figure(range[0], 6)} to ${figure(range[1], 6)}` : 'number';
    // Not type=number: that hides from the page what it cannot read, and a slip of the pen would count as empty.
    const control = element('input', { id, inputmode: range && range[0] >= 0 ? 'decimal' : null, placeholder: hint, autocomplete: 'off' });
    return { control, read: () => {
      const typed = control.value.trim();
      if (!typed) return null;
      if (Number.isFinite(Number(typed))) return Number(typed);
      throw new Error(`Write a number, such as ${range ? range[1] : 12.5}, without separators.`);
    } };
  },
  flag(_, id) {
    const control = choice(id, [['', 'not known'], ['yes', 'yes'], ['no', 'no']]);
    return { control, read: () => (control.value ? control.value === 'yes' : null) };
  },
  category({ name, categories }, id) {
    if (!categories) return CONTROLS.text({ kind: 'category' }, id);
    // The places stand for the names, so that no name can be taken for "other".
    const control = choice(id, [['', 'not known'], ...categories.map((word, i) => [i, word]), ['other', 'other…']]);
    const beside = element('input', { hidden: true, 'aria-label': `${name}: other value`, placeholder: 'other value', autocomplete: 'off' });
    const follow = () => { beside.hidden = control.value !== 'other'; };
    control.addEventListener('change', follow);
    const named = () => (control.value ? categories[control.value] : null);
    return { control, beside, follow, read: () => (control.value === 'other' ? beside.value.trim() || null : named()) };
  },
  image(_, id) {
    const control = element('input', { id, type: 'file', accept: 'image/png,image/jpeg,image/gif,image/bmp,image/webp' });
    let picture = null;
    control.addEventListener('change', () => {
      picture = null;
      const reader = new FileReader();
      reader.addEventListener('load', () => { picture = reader.result; });
      if (control.files[0]) reader.readAsDataURL(control.files[0]);
    });
    return { control, read: () => picture };
  },
  text({ kind, required }, id) {
    const control = kind === 'text' && required ? element('textarea', { id, rows: 2 })
      : element('input', { id, autocomplete: 'off', placeholder: kind === 'time' ? '2026-05-31T10:00:00Z' : null });
    return { control, read: () => control.value.trim() || null };
  },
};

function complain(made, words) {
  made.note.hidden = !words;
  made.note.textContent = words || '';
  if (!words) for (const name of ['aria-invalid', 'aria-describedby']) made.control.removeAttribute(name);
  else filled(made.control, { 'aria-invalid': 'true', 'aria-describedby': made.note.id }, []);
}

/** Marks a field and brings it into view, unfolded where it was folded. */
function pointAt(made, words) {
  complain(made, words);
  if (!made.column.required) $('more').open = true;
  made.control.focus();
}

/** The row to send, or null where a field holds what cannot be sent. */
function readForm() {
  const row = {};
  const wrong = [];
  for (const made of state.fields) {
    complain(made, null);
    try {
      const value = made.read();
      // The model asks for its features even where they are not known; the rest can stay away.
      if (value !== null || made.column.required) row[made.column.name] = value;
    } catch (error) {
      complain(made, error.message);
      wrong.push(made);
    }
  }
  if (wrong.length) pointAt(wrong[0], wrong[0].note.textContent);
  return wrong.length ? null : row;
}

async function predict(event) {
  event.preventDefault();
  const button = event.target.querySelector('[type=submit]');
  const row = button.getAttribute('aria-busy') ? null : readForm();
  if (!row) return;
  const turn = state.turn;
  // Not disabled while it waits: a disabled button loses the focus.
  button.setAttribute('aria-busy', 'true');
  try {
    const answer = await ask(address(state.name, '/predict'), row);
    if (turn === state.turn) showAnswer(answer);
  } catch (error) {
    if (turn !== state.turn) return;
    showFault(error);
    if (error.status === 401) lock(error);
  } finally {
    button.removeAttribute('aria-busy');
  }
}

function clearAnswer() {
  $('result').replaceChildren(element('h3', {}, 'Answer'), element('p', { class: 'soft' }, 'The prediction appears here.'));
  $('judge').replaceChildren();
}

function showFault(error) {
  $('result').replaceChildren(element('h3', {}, 'No answer'), element('p', { class: 'fault' }, said(error)));
  $('judge').replaceChildren();
  const made = state.fields.find(({ column }) => column.name === error.column);
  if (made) pointAt(made, error.message);
  else toView();
}

const toView = () => $('answer').scrollIntoView({ block: 'nearest' });

function showAnswer({ version, predictions: [answer], warnings = [] }) {
  const all = [...(answer.warnings || []), ...warnings];
  const { targets, target } = state.detail;
  const probabilities = answer.probabilities || {};
  $('result').replaceChildren(
    ...(targets ? targets.flatMap(({ target: name }) => saidOf(name, answer.prediction[name], probabilities[name]))
      : saidOf(target || 'Prediction', answer.prediction, answer.probabilities)),
    all.length ? element('ul', { class: 'warnings' }, all.map((warning) =>
      element('li', {}, warning.column ? element('strong', {}, `${warning.column}: `) : '', sentence(warning.message)))) : '',
    element('p', { class: 'by' }, 'By version ', element('code', {}, version)));
  $('judge').replaceChildren(judge(answer));
  toView();
}

/** What is said of a target. */
const saidOf = (name, prediction, probabilities) => [element('h3', { class: 'soft' }, name),
  element('p', { class: 'said number', title: String(prediction) }, shown(prediction)), ...bars(probabilities)];

/** The classes with their probabilities, the likeliest first; many are folded. */
function bars(probabilities) {
  if (!probabilities) return [];
  const sorted = Object.entries(probabilities).sort((a, b) => b[1] - a[1]);
  const list = (entries, lead) => element('ul', { class: 'bars' }, entries.map(([name, p], i) => {
    const fill = element('div', { class: 'fill' });
    fill.style.width = `${100 * p}%`;
    return element('li', { class: lead && !i && 'first' }, element('span', {}, name), span('number', percent(p)),
      element('div', { class: 'track' }, fill));
  }));
  if (sorted.length <= 7) return [list(sorted, true)];
  return [list(sorted.slice(0, 5), true), fold(`${sorted.length - 5} more classes`, list(sorted.slice(5)))];
}

