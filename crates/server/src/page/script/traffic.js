// Live traffic: the counters, and what they make in a minute.
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
  const cost = live && live.cost && live.cost.amount ? ` Cost: ${live.cost.amount.toPrecision(3)} ${live.cost.currency}.` : '';
  const since = ['answered', 'refused', 'failed'].map((kind) => `${figure(live && live[kind])} ${kind}`).join(', ');
  $('totals').textContent = live ? `Since the start: ${since}. Now: ${figure(live.in_flight)} in flight, ${plural(live.connections, 'connection')}.${cost}`
    : 'Waiting for the first figures.';
  drawTraffic();
}

