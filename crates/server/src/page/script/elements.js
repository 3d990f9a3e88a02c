// Elements and words: how anything is made and written.
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
  // Of several targets, what is said of each.
  if (typeof value === 'object' && !Array.isArray(value)) return Object.entries(value).map(([name, one]) => `${name}: ${shown(one)}`).join(', ');
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

