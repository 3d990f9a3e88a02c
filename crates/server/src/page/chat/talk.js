// The conversation: turns of a question and one or two answers.
let turns = [];
let asking = null;

const place = () => `tidemill-chat-${model.name}`;

function save() {
  const plain = turns.map(({ question, answers: said, chosen, fault }) => ({ question, answers: said, chosen, fault }));
  kept('sessionStorage', place(), JSON.stringify(plain));
}

function restore() {
  try {
    turns = JSON.parse(kept('sessionStorage', place()) || '[]');
  } catch {
    turns = [];
  }
  // What was streaming when the page was left has ended without its end.
  for (const turn of turns) for (const answer of turn.answers) Object.assign(answer, { finish: answer.finish || 'stopped', editing: false });
}

/** The answer that the conversation goes on from: the chosen one, as it was corrected. */
const goesOn = (turn) => turn.answers[turn.chosen ?? 0];

/** All that was said, as the server takes it, with a question at the end. */
function messages(question) {
  const system = $('system').value.trim();
  const said = turns.filter((turn) => goesOn(turn)?.text).flatMap((turn) => [
    { role: 'user', content: turn.question },
    { role: 'assistant', content: goesOn(turn).corrected ?? goesOn(turn).text }]);
  return [...(system ? [{ role: 'system', content: system }] : []), ...said, { role: 'user', content: question }];
}

/** A number of a field, or none with the field marked. */
function number(id, fits, words) {
  const value = Number($(id).value.trim() || NaN);
  const sound = fits(value);
  $(id).setAttribute('aria-invalid', String(!sound));
  notice(sound ? '' : t(words));
  if (!sound) {
    $(id).closest('details').open = true;
    $(id).focus();
  }
  return sound ? value : null;
}

/** The request for a question; none where a setting is no number. */
function body(question, n) {
  const temperature = number('temperature', (x) => x >= 0 && x <= 2, 'Write a number from 0 to 2.');
  if (temperature === null) return null;
  const most = number('most', (x) => Number.isInteger(x) && x >= 1, 'Write a whole number from 1 on.');
  if (most === null) return null;
  return { model: model.name, messages: messages(question), temperature, max_tokens: most, n };
}

async function send(event) {
  event.preventDefault();
  const question = $('ask').value.trim();
  if (asking || !question) return $('ask').focus();
  const sent = body(question, $('two').checked ? 2 : 1);
  if (!sent) return null;
  const turn = { question, answers: [] };
  turns.push(turn);
  $('ask').value = '';
  asking = new AbortController();
  showState();
  showTalk();
  $('composer').scrollIntoView({ block: 'nearest' });
  try {
    await answers(sent, asking.signal, (i, piece) => hear(turn, i, piece));
  } catch (error) {
    broke(turn, error);
  }
  asking = null;
  save();
  showState();
  showTurn(turn);
  return $('ask').focus();
}

/** Whether the reader looks at the end; whoever scrolled up to read stays there. */
const atEnd = () => window.innerHeight + window.scrollY > document.documentElement.scrollHeight - 120;

/** A piece of an answer: only its text grows, so that a selection elsewhere stays. */
function hear(turn, i, { id, text, finish }) {
  const answer = (turn.answers[i] ||= { text: '' });
  const follows = atEnd();
  answer.text += text;
  const known = answer.id === id && !finish;
  Object.assign(answer, { id, finish: finish || answer.finish });
  const shown = turn.place.querySelectorAll('.text')[i];
  if (known && shown) shown.textContent = answer.text;
  else showTurn(turn);
  if (follows) $('composer').scrollIntoView({ block: 'nearest' });
}

function broke(turn, error) {
  const stopped = error.name === 'AbortError';
  for (const answer of turn.answers) answer.finish ||= stopped ? 'stopped' : 'broken';
  if (stopped) return;
  if (!(error instanceof Refusal)) console.error(error);
  turn.fault = error.message;
  if (error.status === 401 || error.status === 403) lock(error);
  // What was not answered can be asked again.
  if (!turn.answers.length) $('ask').value = turn.question;
}

const stop = () => asking?.abort();

function fresh() {
  stop();
  turns = [];
  save();
  showTalk();
  $('ask').focus();
}

/** What is to be said of how an answer ended. */
const ENDS = { length: 'Cut off at the most tokens.', stopped: 'Stopped.', broken: 'The answer broke off.' };

function shownAnswer(turn, i) {
  const answer = turn.answers[i];
  const two = turn.answers.length === 2;
  const kind = two && turn.chosen !== undefined ? (turn.chosen === i ? ' better' : ' worse') : '';
  const title = two ? ['First answer', 'Second answer'][i] : 'Answer';
  return element('article', { class: `said-by${kind}${answer.finish ? '' : ' asking'}`, 'aria-label': t(title) },
    two ? element('h3', {}, t(title)) : '',
    element('div', { class: 'text', lang: '' }, answer.corrected ?? answer.text),
    answer.corrected === undefined ? '' : fold(t('Corrected. Before:'), element('p', { class: 'struck' }, answer.text)),
    ENDS[answer.finish] ? element('p', { class: 'by' }, t(ENDS[answer.finish])) : '',
    answer.finish && answer.id ? verdicts(turn, i) : '',
    answer.editing ? editor(turn, answer, i) : '',
    element('p', { class: `thanks${answer.reply?.bad ? ' bad' : ''}` }, answer.reply ? t(answer.reply.text) : ''));
}

function ofPair(turn) {
  if (turn.answers.length !== 2 || turn.answers.some((answer) => !answer.finish) || turn.chosen !== undefined) return '';
  if (canChoose(turn)) return t('The conversation goes on with the first answer until you choose.');
  return t('The two answers are the same, so there is nothing to choose. Raise the temperature for answers that differ.');
}

/** The keyboard keeps its place on a button that is drawn anew. */
const focusOn = (turn, key) => turn.place.querySelector(`[data-key="${key}"]`)?.focus();

function showTurn(turn) {
  if (!turn.place?.isConnected) return;
  const key = turn.place.contains(document.activeElement) ? document.activeElement.dataset.key : null;
  const note = ofPair(turn);
  turn.place.replaceChildren(
    element('div', { class: turn.answers.length === 2 ? 'answers pair-of' : 'answers' }, turn.answers.map((_, i) => shownAnswer(turn, i))),
    note ? element('p', { class: 'by' }, note) : '',
    turn.fault ? element('p', { class: 'fault', role: 'alert' }, turn.fault) : '');
  if (key) focusOn(turn, key);
}

function showTalk() {
  $('hint').hidden = turns.length > 0;
  $('talk').replaceChildren(...turns.flatMap((turn) => {
    turn.place = element('li', {});
    return [element('li', { class: 'asked' }, turn.question), turn.place];
  }));
  turns.forEach(showTurn);
}

