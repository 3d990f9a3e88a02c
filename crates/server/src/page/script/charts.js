// Charts as SVG.
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

