// Choosing a model, and what is said of it.
async function begin() {
  try {
    const { models, data } = await ask('/v1/models');
    state.models = models;
    showChats(data.filter(({ task }) => task === 'generation'));
    notice('');
    connection('on', 'Live');
    $('none').hidden = models.length + data.length > 0;
    $('model').hidden = true;
    if (state.models.length) await choose();
  } catch (error) {
    background(error);
  }
}

/** Language models have a page each, to chat with them. */
function showChats(generating) {
  $('chats').hidden = !generating.length;
  $('chat-links').replaceChildren(...generating.map(({ id }) =>
    element('li', {}, element('a', { href: `/chat/${encodeURIComponent(id)}` }, `Chat with ${id}`))));
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

