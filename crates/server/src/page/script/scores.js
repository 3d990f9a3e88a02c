// Scores, ratings, feedback as it comes in, versions.
function showMonitor(found) {
  state.monitor = found;
  const { metric_title: name = 'Score', feedback = {}, recent = [], live, test } = found || {};
  const total = Object.values(feedback).reduce((a, b) => a + b, 0);
  $('score-metric').textContent = found ? `${name}, ${found.greater_is_better ? 'higher' : 'lower'} is better` : '';
  showScores(found);
  const mark = (kind, words) => span('key-mark', drawn('svg', { class: 'lines', width: 22, height: 8, 'aria-hidden': 'true' },
    drawn('line', { class: kind, x1: 1, x2: 21, y1: 4, y2: 4 })), words);
  const marks = [mark('run', 'live, with 95% interval'), ...(test ? [mark('test', 'test')] : [])];
  $('score-caption').replaceChildren(`${name} by day (UTC)`, ...marks);
  $('score-sentence').textContent = found ? sentence(found.sentence) : '';
  $('score-tables').replaceChildren(...[dayTable(found), metricTable(live)].filter(Boolean));
  $('recent-count').textContent = total ? `${figure(total)} in all` : '';
  $('recent').replaceChildren(recent.length ? element('ul', { class: 'rows' }, recent.map(saidLine))
    : quietly('No feedback yet. It comes in at /v1/feedback, or from the form above.'));
  showHistory(found || {});
  drawScore();
}

function showScores(found) {
  const { live, test, ratings, predictions = 0 } = found || {};
  // Before the first answer nothing is said about what there is.
  const absent = (words) => (found ? words : '');
  const whole = (x) => Math.round(100 * x);
  const votes = ratings && `95%: ${whole(ratings.low)}% to ${whole(ratings.high)}%, ${plural(ratings.n, 'vote')}`;
  $('score').replaceChildren(
    tile('Live', brief(live && live.value), '', live ? between(live.low, live.high) : absent('no labels yet')),
    tile('Test', brief(test && test.value), '', test ? between(test.low, test.high) : absent('not known')),
    tile('Labelled', live ? brief(live.rows) : absent('0') || '–', '', absent(`of ${plural(predictions, 'prediction')}`)),
    tile('Satisfied', ratings ? whole(ratings.satisfied) : '–', ratings && '%', votes || absent('no votes yet')));
}

const quietly = (words) => element('p', { class: 'quietly' }, words);

function table(summary, head, rows) {
  const line = ([first, ...rest]) => element('tr', {}, element('th', { scope: 'row' }, first), rest.map((cell) => element('td', {}, cell)));
  const top = element('tr', {}, head.map((cell) => element('th', { scope: 'col' }, cell)));
  const made = element('table', {}, element('thead', {}, top), element('tbody', {}, rows.map(line)));
  return fold(summary, element('div', { class: 'scroll', tabindex: 0, role: 'region', 'aria-label': summary }, made));
}

function dayTable(found) {
  if (!found || !found.days.length) return null;
  const days = [...found.days].reverse();
  const rows = days.map((day) => [day.day, ...[day.value, day.low, day.high, day.rows].map((x) => figure(x))]);
  return table('The days as a table', ['Day', found.metric_title, 'Low', 'High', 'Rows'], rows);
}

function metricTable(live) {
  const [lived, tested] = [(live && live.metrics) || {}, state.detail?.about?.test?.metrics || {}];
  const names = Object.keys({ ...lived, ...tested });
  const rows = names.map((name) => [title(name), figure(lived[name]), figure(tested[name])]);
  return names.length ? table('All metrics', ['Metric', 'Live', 'Test'], rows) : null;
}

function saidLine({ at, kind, value, prediction, prediction_id: id, user }) {
  const [word, tone] = { accept: ['right', 'good'], reject: ['wrong', 'bad'] }[kind] || [kind, ''];
  const stars = { true: 'satisfied', false: 'not satisfied' }[value] || `${shown(value)} of 5 stars`;
  const words = element(kind === 'comment' ? 'q' : 'strong', {}, kind === 'rating' ? stars : shown(value));
  const what = value === null || value === undefined ? ['Predicted ', element('strong', {}, shown(prediction))]
    : [words, span('soft', `, predicted ${shown(prediction)}`)];
  const by = user ? span('soft', ` · ${user}`) : '';
  return element('li', {}, span(`pill ${tone}`, word), element('span', { class: 'what', title: `Prediction ${id}` }, what, by), moment(at));
}

function showHistory({ versions = [], improvements = [] }) {
  const lines = [...versions.map((v) => [v.since, versionLine(v)]), ...improvements.map((d) => [d.at, decisionLine(d)])]
    .sort(([a], [b]) => Date.parse(b) - Date.parse(a)).map(([, line]) => line);
  const list = (items) => element('ol', { class: 'timeline' }, items);
  const shownLines = lines.length > 8 ? 7 : 8;
  const older = lines.slice(shownLines);
  $('history').replaceChildren(lines.length ? list(lines.slice(0, shownLines)) : quietly('Nothing yet.'),
    older.length ? fold(`${older.length} earlier`, list(older)) : '');
}

function versionLine({ hash, parent, since, current }) {
  const here = current ? span('pill here', 'in service') : '';
  return element('li', { class: current && 'now' },
    element('p', { class: 'head' }, element('span', {}, 'Version ', short(hash)), here, moment(since)),
    parent ? element('p', { class: 'soft' }, 'Improved from ', short(parent)) : '');
}

function decisionLine({ at, promoted, verdict }) {
  const pill = promoted ? span('pill good', 'promoted') : span('pill', 'kept the old one');
  return element('li', { class: promoted && 'promoted' }, element('p', { class: 'head' }, pill, moment(at)),
    // The pill says it already.
    element('p', { class: 'soft' }, sentence(verdict.replace(/^(not )?promoted:\s*/i, ''))));
}

