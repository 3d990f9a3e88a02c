// Requests to the server, and what their failures mean for the page.
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
  for (const id of ['model', 'none', 'chats', 'models', 'notice']) $(id).hidden = true;
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

