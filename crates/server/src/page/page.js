'use strict';
// The page at `/`: it asks the server's own API, and shows what comes back. All text from data goes in as text, never as
// markup, and styles are set through classes or the CSSOM, so the strict Content-Security-Policy holds.

const LIVE_MS = 2000; // between two looks at the counters
const MONITOR_MS = 10000; // between two looks at the scores
const WINDOW = 120; // seconds that the traffic chart shows
const RECENT = 60; // seconds that the tiles sum up

const NOTHING = { detail: null, monitor: null, samples: [], marks: [], last: null, monitored: 0, columns: null, fields: [] };
const state = { models: [], name: null, turn: 0, locked: false, ...NOTHING };
const $ = (id) => document.getElementById(id);

// ---------------------------------------------------------------------------------------------- elements and words
/** An element with attributes; a function is a listener, null and false are left out. */
function element(tag, attributes = {}, ...children) {
  return filled(document.createElement(tag), attributes, children);
}

function drawn(tag, attributes = {}, ...children) {
  return filled(document.createElementNS('http://www.w3.org/2000/svg', tag), attributes, children);
}

function filled(made, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (typeof value === 'function') made.addEventListener(name, value);
    else made.setAttribute(name, value === true ? '' : value);
  }
  made.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== ''));
  return made;
}

const span = (name, ...children) => element('span', { class: name }, ...children);
const plural = (n, word) => `${figure(n)} ${word}${n === 1 ? '' : 's'}`;
const known = (x) => typeof x === 'number' && Number.isFinite(x);
const short = (hash) => element('code', { title: hash }, String(hash).slice(0, 12));
const fold = (summary, ...content) => element('details', {}, element('summary', {}, summary), ...content);
const group = (words, ...content) =>
  element('div', { role: 'group', 'aria-label': words }, span('label', words), element('div', { class: 'line' }, ...content));
const choice = (id, choices) =>
  element('select', { id }, choices.map(([value, words]) => element('option', { value }, words)));

/** Four figures that count, whole numbers in full. */
function figure(x, digits = 4) {
  if (!known(x)) return '–';
  const size = Math.abs(x);
  if (size !== 0 && (size < 1e-4 || size >= 1e15)) return x.toExponential(2);
  const whole = size >= 10 ** digits || Number.isInteger(x);
  const rounding = whole ? { maximumFractionDigits: 0 } : { maximumSignificantDigits: digits };
  return new Intl.NumberFormat('en', rounding).format(x);
}

const COMPACT = new Intl.NumberFormat('en', { notation: 'compact', maximumSignificantDigits: 3 });
/** As a figure, and short enough for a tile. */
const brief = (x) => (known(x) && Math.abs(x) >= 1e5 ? COMPACT.format(x) : figure(x));

function rate(x) {
  if (x >= 1e4) return COMPACT.format(x);
  return x >= 100 || x === 0 ? figure(Math.round(x)) : x.toFixed(x < 10 ? 2 : 1);
}

const percent = (x) => (x > 0 && x < 0.001 ? '<0.1%' : x < 1 && x > 0.999 ? '>99.9%' : `${(100 * x).toFixed(1)}%`);
const between = (low, high) => (known(low) && known(high) ? `95%: ${figure(low, 3)} to ${figure(high, 3)}` : '');

/** Any value of the data, for people. */
function shown(value) {
  if (value === null || value === undefined) return 'no value';
  if (typeof value === 'number') return figure(value, 6);
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
}

/** The server's messages begin small and end without a point: made into a sentence here. */
function sentence(text) {
  const words = String(text || '').trim();
  return words && words[0].toUpperCase() + words.slice(1) + (/[.!?]$/.test(words) ? '' : '.');
}

const TITLES = { f1: 'F1', r2: 'R²', mae: 'MAE', mse: 'MSE', rmse: 'RMSE', rmsle: 'RMSLE', mape: 'MAPE', smape: 'SMAPE', mcc: 'MCC',
  roc: 'ROC', auc: 'AUC', pr: 'PR', ovr: 'OvR', ovo: 'OvO' };
function title(metric) {
  const words = metric.split('_').map((word) => TITLES[word] || word).join(' ');
  return words[0].toUpperCase() + words.slice(1);
}

const DAY_FORMAT = new Intl.DateTimeFormat('en-GB', { day: 'numeric', month: 'short', timeZone: 'UTC' });
const MOMENT_FORMAT = new Intl.DateTimeFormat('en-GB', { dateStyle: 'medium', timeStyle: 'short' });
const EXACT_FORMAT = new Intl.DateTimeFormat('en-GB', { dateStyle: 'full', timeStyle: 'long' });

function moment(written) {
  const at = new Date(written);
  if (Number.isNaN(at.getTime())) return span('', written);
  return element('time', { datetime: written, title: EXACT_FORMAT.format(at) }, ago(at));
}

function ago(at) {
  const seconds = (Date.now() - at) / 1000;
  if (seconds < -60 || seconds > 86400) return MOMENT_FORMAT.format(at);
  if (seconds < 60) return 'just now';
  return seconds < 3600 ? `${Math.floor(seconds / 60)} min ago` : `${Math.floor(seconds / 3600)} h ago`;
}

// ------------------------------------------------------------------------------------------------ theme and storage
const memory = {};

/** Reads or writes what outlives a reload. A browser may forbid storage: then it lasts as long as the page. */
function kept(storage, key, value) {
  if (value !== undefined) memory[key] = value;
  try {
    if (value === undefined) return memory[key] ?? window[storage].getItem(key);
    window[storage].setItem(key, value);
  } catch { /* the memory has it */ }
  return memory[key];
}

const dark = window.matchMedia('(prefers-color-scheme: dark)');

function paint() {
  const theme = kept('localStorage', 'tidemill-theme') || (dark.matches ? 'dark' : 'light');
  document.documentElement.dataset.theme = theme;
  const words = theme === 'dark' ? 'Use the light theme' : 'Use the dark theme';
  if ($('theme')) filled($('theme'), { 'aria-label': words, title: words }, []);
}

function toggleTheme() {
  const next = document.documentElement.dataset.theme === 'dark' ? 'light' : 'dark';
  // Empty: whoever comes back to what the system says follows the system again.
  kept('localStorage', 'tidemill-theme', (next === 'dark') === dark.matches ? '' : next);
  paint();
}

// --------------------------------------------------------------------------------------------------------- requests
/** What the server said instead of an answer; status 0: it said nothing. */
class Refusal extends Error {
  constructor(status, said = {}) {
    // The form sends one row: its number says nothing.
    super(sentence(said.message?.replace(/^row 1: /, '') || `The server answered with status ${status}`));
    Object.assign(this, { status, remedy: sentence(said.remedy), column: said.column });
  }
}

async function ask(path, body) {
  const key = kept('sessionStorage', 'tidemill-key');
  const headers = { Accept: 'application/json' };
  if (key) headers.Authorization = `Bearer ${key}`;
  if (body) headers['Content-Type'] = 'application/json';
  const sent = { method: body ? 'POST' : 'GET', headers, body: body && JSON.stringify(body), signal: AbortSignal.timeout(15000) };
  const response = await fetch(path, sent).catch(() => {
    throw new Refusal(0, { message: 'The server does not answer', remedy: 'Check that it runs and can be reached, then try again' });
  });
  const answer = await response.json().catch(() => ({}));
  if (!response.ok) throw new Refusal(response.status, answer.error);
  return answer;
}

const address = (name, rest = '') => `/v1/models/${encodeURIComponent(name)}${rest}`;

/** Changes words only where they differ: a screen reader says again what is written again. */
function reword(place, words) {
  if (place.textContent !== words) place.textContent = words;
}

function connection(kind, words) {
  $('state').className = `state ${kind}`;
  reword($('state').lastElementChild, words);
}

/** A request in the background went wrong: what that means for the page. */
function background(error) {
  if (!(error instanceof Refusal)) throw error;
  if (error.status === 401 || error.status === 403) return lock(error);
  if (error.status === 0) return connection('off', 'Not connected, trying again');
  // The server may have begun again with other models.
  if (error.status === 404) state.detail = null;
  connection('off', 'The server has trouble');
  return notice(said(error));
}

function notice(words) {
  $('notice').hidden = !words;
  reword($('notice'), words);
}

const said = (error) => [error.message, error.remedy].filter(Boolean).join(' ');

function lock(error) {
  const tried = kept('sessionStorage', 'tidemill-key');
  state.locked = true;
  connection('off', 'API key needed');
  for (const id of ['model', 'none', 'models', 'notice']) $(id).hidden = true;
  if (tried) {
    reword($('key-said'), error.status === 403 ? `${error.message} Give one that has it.` : 'That key is not valid here. Try another one.');
    $('key').setAttribute('aria-invalid', 'true');
  }
  $('key-form').hidden = false;
  $('key').value = '';
  $('key').focus();
}

function unlock(event) {
  event.preventDefault();
  const key = $('key').value.trim();
  if (!key) return;
  kept('sessionStorage', 'tidemill-key', key);
  state.locked = false;
  $('key-form').hidden = true;
  $('main').focus();
  begin();
}

// --------------------------------------------------------------------------------------------------- choosing models
async function begin() {
  try {
    state.models = (await ask('/v1/models')).models;
    notice('');
    connection('on', 'Live');
    $('none').hidden = state.models.length > 0;
    $('model').hidden = true;
    if (state.models.length) await choose();
  } catch (error) {
    background(error);
  }
}

/** The model in the address (`#/name`), so that a view can be bookmarked and the back button works; else the first. */
function wanted() {
  let name = null;
  try {
    name = decodeURIComponent(location.hash.replace(/^#\/?/, ''));
  } catch { /* no name of a model */ }
  return state.models.find((model) => model.name === name) || state.models[0];
}

async function choose() {
  const turn = ++state.turn;
  Object.assign(state, { name: wanted().name, ...NOTHING });
  showSwitch();
  try {
    const detail = await ask(address(state.name));
    if (turn !== state.turn) return;
    notice('');
    showDetail(detail);
    clearAnswer();
    showTraffic();
    showMonitor(null);
    $('model').hidden = false;
    drawAll();
    await pulse();
  } catch (error) {
    if (turn !== state.turn) return;
    $('model').hidden = true;
    background(error);
  }
}

function showSwitch() {
  const place = $('models');
  place.hidden = state.models.length < 2;
  const names = state.models.map(({ name }) => name);
  // The links stay where they can, so that the keyboard does not lose its place.
  if ([...place.children].map((link) => link.textContent).join('\n') !== names.join('\n')) {
    place.replaceChildren(...names.map((name) => element('a', { href: `#/${encodeURIComponent(name)}` }, name)));
  }
  for (const link of place.children) link.ariaCurrent = link.textContent === state.name ? 'page' : null;
}

function showDetail(detail) {
  state.detail = detail;
  document.title = `${detail.name} – Tidemill`;
  $('name').textContent = detail.name;
  $('purpose').replaceChildren(...purpose(detail));
  const facts = [['Version', short(detail.hash)], ['In service since', moment(detail.since)],
    detail.parent && ['Improved from', short(detail.parent)]];
  $('facts').replaceChildren(...facts.filter(Boolean).map(([name, value]) =>
    element('div', {}, element('dt', {}, name), element('dd', {}, value))));
  showForm(detail.columns || []);
  $('card-section').hidden = !detail.card;
  $('card').textContent = detail.card || '';
}

function purpose({ target, task, classes }) {
  const start = ['Predicts ', element('strong', {}, target || 'its target')];
  if (task === 'regression') return [...start, ', a number.'];
  if (classes.length <= 4) return [...start, `: ${classes.slice(0, -1).join(', ')} or ${classes.at(-1)}.`];
  return [...start, `, one of ${classes.length} classes: ${classes.slice(0, 3).join(', ')} and ${classes.length - 3} more.`];
}

// -------------------------------------------------------------------------------------------------------- live traffic
/** Every two seconds: the counters, and now and then the scores. */
async function pulse() {
  const turn = state.turn;
  try {
    const live = await ask(address(state.name, '/live'));
    if (turn !== state.turn) return;
    connection('on', 'Live');
    notice('');
    take(live, Date.now() / 1000);
    showTraffic(live);
    if (live.version !== state.detail.version) {
      const detail = await ask(address(state.name));
      if (turn !== state.turn) return;
      showDetail(detail);
      state.monitored = 0;
    }
    // Not waited for: over a large log the scores take longer than the counters.
    if (Date.now() - state.monitored >= MONITOR_MS) monitor();
  } catch (error) {
    if (turn === state.turn) background(error);
  }
}

async function monitor() {
  const turn = state.turn;
  state.monitored = Date.now();
  try {
    const found = await ask(address(state.name, '/monitor'));
    // The same figures again change nothing: what is unfolded or selected stays so.
    if (turn === state.turn && JSON.stringify(found) !== JSON.stringify(state.monitor)) showMonitor(found);
  } catch (error) {
    if (turn === state.turn) reword($('score-sentence'), `The scores cannot be shown now. ${said(error)}`);
  }
}

/** The totals in a row, so that two looks can be subtracted place by place. */
const totals = ({ answered, refused, failed, rows, latency }) =>
  [answered, refused, failed, rows, latency.count, ...latency.buckets.map(([, n]) => n)];

/** Turns totals since the start into what happened since the last look. */
function take(live, now) {
  const before = state.last;
  // Two looks at once, as after a key was given, would make a rate out of nothing.
  if (before && now - before.now < LIVE_MS / 4000) return;
  const counts = totals(live);
  state.last = { live, now, counts };
  state.samples = state.samples.filter((sample) => sample.at > now - WINDOW - 30);
  state.marks = state.marks.filter((at) => at > now - WINDOW);
  if (!before) return;
  if (before.live.version !== live.version) {
    // Each version counts for itself, and one that returns goes on from its old totals: the two cannot be subtracted.
    state.marks.push(now);
    return;
  }
  // A total that fell is a server that began again: all of it is new.
  const again = counts.some((n, i) => n < before.counts[i]);
  const more = counts.map((n, i) => (again ? n : n - before.counts[i]));
  const passed = now - before.now;
  state.samples.push({ at: now, passed, more, rate: (more[0] + more[1] + more[2]) / passed });
}

/** The sum of the last minute. */
function summed() {
  const recent = state.samples.filter((sample) => sample.at - sample.passed / 2 > state.last.now - RECENT);
  if (!recent.length) return null;
  const passed = recent.reduce((sum, sample) => sum + sample.passed, 0);
  const sums = recent.map((sample) => sample.more).reduce((a, b) => a.map((n, i) => n + b[i]));
  const [answered, refused, failed, rows, count, ...within] = sums;
  const buckets = state.last.live.latency.buckets.map(([bound], i) => [bound, within[i]]);
  return { passed, answered, refused, failed, rows, count, buckets };
}

/** The latency that a share `q` of the requests kept within, between the bounds of its bucket in proportion. */
function quantile(q, { count, buckets }) {
  if (!count) return null;
  const rank = q * count;
  let [from, below] = [0, 0];
  for (const [bound, n] of buckets) {
    if (n >= rank) return { seconds: from + ((bound - from) * (rank - below)) / (n - below), over: false };
    [from, below] = [bound, n];
  }
  return { seconds: from, over: true };
}

function duration(found) {
  if (!found) return ['–', ''];
  const { seconds, over } = found;
  const [value, unit] = seconds < 0.001 ? [seconds * 1e6, 'µs'] : seconds < 1 ? [seconds * 1e3, 'ms'] : [seconds, 's'];
  return [(over ? '>' : '') + (value < 10 ? value.toFixed(1) : figure(Math.round(value))), unit];
}

function tile(name, value, unit, aside, bad) {
  return element('div', {}, element('dt', {}, name),
    element('dd', { class: bad ? 'figure bad' : 'figure' }, value, unit ? span('unit', unit) : ''),
    element('dd', { class: 'aside' }, aside || ''));
}

function showTraffic(live) {
  const sum = summed();
  const per = (read) => (sum ? rate(read(sum) / sum.passed) : '–');
  const kinds = ['refused', 'failed'].filter((kind) => sum && sum[kind]).map((kind) => `${figure(sum[kind])} ${kind}`);
  $('traffic').replaceChildren(
    tile('Requests', per((s) => s.answered + s.refused + s.failed), '/s'),
    tile('Rows', per((s) => s.rows), '/s'),
    tile('Errors', sum ? figure(sum.refused + sum.failed) : '–', '', kinds.join(', ') || (sum && 'none'), sum && sum.failed > 0),
    tile('Latency p50', ...duration(sum && quantile(0.5, sum)), 'half within'),
    tile('Latency p99', ...duration(sum && quantile(0.99, sum)), '99% within'));
  const since = ['answered', 'refused', 'failed'].map((kind) => `${figure(live && live[kind])} ${kind}`).join(', ');
  $('totals').textContent = live ? `Since the start: ${since}. Now: ${figure(live.in_flight)} in flight, ${plural(live.connections, 'connection')}.`
    : 'Waiting for the first figures.';
  drawTraffic();
}

// --------------------------------------------------------------------------------------------------------------- charts
/** Round steps that cover a span: 1, 2 or 5 times a power of ten. */
function ticks(low, high, about) {
  const rough = (high - low) / about || 1;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = power * [1, 2, 5, 10].find((n) => n * power >= rough * 0.999);
  const first = Math.floor(low / step + 1e-9);
  const last = Math.ceil(high / step - 1e-9);
  const places = Math.max(0, -Math.floor(Math.log10(step) + 1e-9));
  const { format } = new Intl.NumberFormat('en', step < 1e4
    ? { minimumFractionDigits: places, maximumFractionDigits: places } : { notation: 'compact', maximumSignificantDigits: 3 });
  return Array.from({ length: last - first + 1 }, (_, i) => ({ at: (first + i) * step, word: format((first + i) * step) }));
}

/** The space of a chart: its scales, with the y axis drawn. Drawn in real pixels, so that text keeps its size. */
function plot(svg, [from, to], marked) {
  const [width, height] = [svg.clientWidth || 320, svg.clientHeight || 210];
  const [left, right, top, bottom] = [14 + 6.2 * Math.max(...marked.map((t) => t.word.length)), width - 8, 10, height - 22];
  const [low, high] = [marked[0].at, marked.at(-1).at];
  const x = (v) => left + ((v - from) / (to - from || 1)) * (right - left);
  const y = (v) => bottom - ((v - low) / (high - low || 1)) * (bottom - top);
  const add = (tag, attributes, ...children) => svg.append(drawn(tag, attributes, ...children));
  const label = (x, y, anchor, words, kind) => add('text', { x, y, class: kind, 'text-anchor': anchor }, words);
  svg.setAttribute('viewBox', `0 0 ${width} ${height}`);
  svg.replaceChildren();
  marked.forEach((tick, i) => {
    add('line', { class: i ? 'grid' : 'base', x1: left, x2: right, y1: y(tick.at), y2: y(tick.at) });
    label(left - 8, y(tick.at) + 4, 'end', tick.word);
  });
  const empty = (words) => label((left + right) / 2, bottom / 2 + 4, 'middle', words, 'empty');
  return { x, y, left, right, top, bottom, foot: height - 4, add, label, empty };
}

const path = (points) => points.map(([x, y], i) => `${i ? 'L' : 'M'}${x.toFixed(1)} ${y.toFixed(1)}`).join('');

function drawTraffic() {
  const svg = $('traffic-chart');
  const now = state.last ? state.last.now : Date.now() / 1000;
  const samples = state.samples.filter((sample) => sample.at >= now - WINDOW);
  const most = Math.max(0, ...samples.map((sample) => sample.rate));
  const { x, y, top, bottom, left, right, foot, add, label, empty } = plot(svg, [now - WINDOW, now], ticks(0, Math.max(most, 1), 4));
  label(left, foot, 'start', '2 min ago');
  label((left + right) / 2, foot, 'middle', '1 min ago');
  label(right, foot, 'end', 'now');
  for (const run of unbroken(samples)) {
    // The first figure of a run holds for all the time since the look before it.
    const start = Math.max(left, x(run[0].at - run[0].passed));
    const line = path([[start, y(run[0].rate)], ...run.map((sample) => [x(sample.at), y(sample.rate)])]);
    add('path', { class: 'area', d: `${line}L${x(run.at(-1).at)} ${bottom}L${start} ${bottom}Z` });
    add('path', { class: 'run', d: line });
  }
  for (const at of state.marks.map(x)) {
    const late = at > (left + right) / 2;
    add('line', { class: 'mark', x1: at, x2: at, y1: top, y2: bottom });
    label(at + (late ? -5 : 5), top + 8, late ? 'end' : 'start', 'new version');
  }
  if (!most) empty(state.last ? 'No requests in the last two minutes' : 'Waiting for the first figures');
  const words = most ? `now ${rate(samples.at(-1).rate)}, at most ${rate(most)}` : 'none';
  svg.setAttribute('aria-label', `Requests per second in the last two minutes: ${words}.`);
}

/** Cuts where the page did not look (hidden tab, lost connection, new version): a line there would be made up. */
function unbroken(samples) {
  const runs = [];
  for (const sample of samples) {
    const run = runs.at(-1);
    if (run && sample.passed < 3.5 * LIVE_MS / 1000 && sample.at - sample.passed - run.at(-1).at < 1) run.push(sample);
    else runs.push([sample]);
  }
  return runs;
}

const time = (day) => Date.parse(`${day.day}T00:00:00Z`);

function drawScore() {
  const { test, days = [], metric_title: name = 'Score', live } = state.monitor || {};
  const svg = $('score-chart');
  const drawable = days.filter((day) => known(day.value));
  const values = [...drawable, test || {}].flatMap((d) => [d.value, d.low, d.high]).filter(known);
  const [low, high] = values.length ? [Math.min(...values), Math.max(...values)] : [0, 1];
  const slack = high > low ? 0 : Math.abs(high) * 0.1 || 0.5;
  const [first, last] = drawable.length ? [time(drawable[0]), time(drawable.at(-1))] : [0, 1];
  const beside = Math.max((last - first) * 0.02, 864e5 / 2); // keeps points and whiskers clear of the edges
  const space = plot(svg, [first - beside, last + beside], ticks(low - slack, high + slack, 4));
  if (test) drawTest(space, test);
  drawDays(space, drawable);
  if (!drawable.length) space.empty(state.monitor ? 'No labelled predictions yet' : 'Waiting for the first figures');
  const words = drawable.length ? `from ${drawable[0].day} to ${drawable.at(-1).day}; live ${figure(live && live.value)}` : 'none yet';
  svg.setAttribute('aria-label', `${name} by day: ${words}${test ? `; in the test ${figure(test.value)}` : ''}.`);
}

function drawTest({ y, left, right, add }, test) {
  if (known(test.low) && known(test.high)) {
    const height = Math.max(1, y(test.low) - y(test.high));
    add('rect', { class: 'test-band', x: left, width: right - left, y: y(test.high), height });
  }
  add('line', { class: 'test', x1: left, x2: right, y1: y(test.value), y2: y(test.value) });
}

function drawDays({ x, y, left, right, foot, add, label }, days) {
  const ranged = days.filter((day) => known(day.low) && known(day.high));
  const many = days.length > 31; // whiskers while they can be told apart, then a band
  if (many) {
    const edge = (end) => ranged.map((day) => [x(time(day)), y(day[end])]);
    if (ranged.length) add('path', { class: 'band', d: `${path([...edge('high'), ...edge('low').reverse()])}Z` });
  } else {
    const whisker = (at, low, high) => `M${at} ${low}V${high}M${at - 4} ${low}h8M${at - 4} ${high}h8`;
    for (const day of ranged) add('path', { class: 'whisker', d: whisker(x(time(day)), y(day.low), y(day.high)) });
  }
  if (days.length > 1) add('path', { class: 'run', d: path(days.map((day) => [x(time(day)), y(day.value)])) });
  const every = Math.ceil(days.length / Math.max(1, Math.floor((right - left) / 64)));
  days.forEach((day, i) => {
    const words = [`${day.day}: ${figure(day.value)} on ${plural(day.rows, 'row')}`, between(day.low, day.high)].filter(Boolean);
    const size = many ? { class: 'spot fine', r: 1.75 } : { class: 'spot', r: 4 };
    add('circle', { ...size, cx: x(time(day)), cy: y(day.value) }, drawn('title', {}, words.join(', ')));
    // Counted from the last day, so that the newest always has its date.
    if ((days.length - 1 - i) % every) return;
    label(Math.min(x(time(day)), right - 14), foot, 'middle', DAY_FORMAT.format(time(day)));
  });
}

function drawAll() {
  if ($('model').hidden) return;
  drawTraffic();
  drawScore();
}

// --------------------------------------------------------------------------------------------------------------- scores
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

// ------------------------------------------------------------------------------------------------------------- the form
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
  $('result').replaceChildren(
    element('h3', { class: 'soft' }, state.detail.target || 'Prediction'),
    element('p', { class: 'said number', title: String(answer.prediction) }, shown(answer.prediction)),
    ...bars(answer.probabilities),
    all.length ? element('ul', { class: 'warnings' }, all.map((warning) =>
      element('li', {}, warning.column ? element('strong', {}, `${warning.column}: `) : '', sentence(warning.message)))) : '',
    element('p', { class: 'by' }, 'By version ', element('code', {}, version)));
  $('judge').replaceChildren(judge(answer));
  toView();
}

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

// ------------------------------------------------------------------------------------------------------------- feedback
const FATES = { stored: 'Thank you, this is stored.', repeated: 'This was known already.',
  orphaned: 'Stored, but this prediction is not in the store.' };

/** What can be said about one prediction. */
function judge({ prediction_id: id, prediction }) {
  const reply = element('p', { class: 'thanks whole', role: 'status' });
  const give = async (kind, value, after = () => {}) => {
    try {
      const [{ fate }] = (await ask('/v1/feedback', { prediction_id: id, kind, value })).feedback;
      Object.assign(reply, { className: 'thanks whole', textContent: FATES[fate] || sentence(fate) });
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

// -------------------------------------------------------------------------------------------------------------- running
/** One look after another, never two at once, none while nobody looks or a key is missing. */
async function watch() {
  if (!document.hidden && !state.locked) {
    await (state.detail ? pulse() : begin()).catch(console.error);
    for (const said of document.querySelectorAll('time')) reword(said, ago(new Date(said.dateTime)));
  }
  setTimeout(watch, LIVE_MS);
}

/** After a reset: no complaints, and no field for another category. */
function cleared() {
  for (const made of state.fields) {
    complain(made, null);
    if (made.follow) made.follow();
  }
}

/** Hashes other than `#/name`, such as that of the skip link, choose no model. */
function follow() {
  if (location.hash.startsWith('#/') && state.models.length && wanted().name !== state.name) choose();
}

paint();
dark.addEventListener('change', paint);
document.addEventListener('DOMContentLoaded', () => {
  paint();
  $('theme').addEventListener('click', toggleTheme);
  $('key-form').addEventListener('submit', unlock);
  $('try').addEventListener('submit', predict);
  $('try').addEventListener('reset', () => setTimeout(cleared)); // the event comes before the fields change
  window.addEventListener('hashchange', follow);
  new ResizeObserver(drawAll).observe($('main'));
  watch();
});
