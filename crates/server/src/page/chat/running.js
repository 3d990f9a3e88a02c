// Which model, and how the page begins.
const model = { name: '', hash: null, known: false, fault: '' };

const named = () => {
  try {
    return decodeURIComponent(location.pathname.replace(/^\/chat\/?/, ''));
  } catch {
    return '';
  }
};

function notice(words) {
  $('notice').hidden = !words;
  $('notice').textContent = words;
}

function showState() {
  const [kind, words] = model.fault ? ['off', model.fault] : asking ? ['on', 'Answering…'] : model.known ? ['on', 'Ready'] : ['', 'Connecting…'];
  $('state').className = `state ${kind}`;
  $('state').lastElementChild.textContent = t(words);
  $('send').hidden = Boolean(asking);
  $('stop').hidden = !asking;
  $('talk').setAttribute('aria-busy', String(Boolean(asking)));
  $('version').textContent = model.hash ? `${t('Version')} ${model.hash.slice(0, 12)}` : '';
}

function lock(error) {
  model.fault = 'API key needed';
  if (kept('sessionStorage', 'tidemill-key')) {
    $('key-said').textContent = error.status === 403 ? error.message : t('That key is not valid here. Try another one.');
    $('key').setAttribute('aria-invalid', 'true');
  }
  $('key-form').hidden = false;
  $('key').value = '';
  $('key').focus();
  showState();
}

function unlock(event) {
  event.preventDefault();
  const key = $('key').value.trim();
  if (!key) return;
  kept('sessionStorage', 'tidemill-key', key);
  $('key-form').hidden = true;
  begin();
}

async function begin() {
  model.fault = '';
  try {
    const generating = (await ask('/v1/models')).data.filter(({ task }) => task === 'generation');
    const found = named() ? generating.find(({ id }) => id === named()) : generating[0];
    showSwitch(generating, found);
    if (!found) return notice(t('No language model of this name is served here.'));
    Object.assign(model, { name: found.id, hash: found.hash, known: true });
    document.title = `${found.id} – Tidemill`;
    $('name').textContent = found.id;
    notice('');
    restore();
    showTalk();
    $('chat').hidden = false;
    $('ask').focus();
  } catch (error) {
    if (error.status === 401 || error.status === 403) return lock(error);
    model.fault = 'Not connected';
    notice(error.message);
  } finally {
    showState();
  }
  return null;
}

function showSwitch(generating, found) {
  $('models').hidden = generating.length < 2;
  $('models').replaceChildren(...generating.map(({ id }) =>
    element('a', { href: `/chat/${encodeURIComponent(id)}`, 'aria-current': id === found?.id ? 'page' : null }, id)));
}

/** Enter sends; Shift+Enter, or Enter that ends the input of a character, does not. */
function typed(event) {
  if (event.key !== 'Enter' || event.shiftKey || event.isComposing || event.keyCode === 229) return;
  event.preventDefault();
  $('composer').requestSubmit();
}

paint();
dark.addEventListener('change', paint);
document.addEventListener('DOMContentLoaded', () => {
  speak();
  showState();
  $('theme').addEventListener('click', toggleTheme);
  $('language').addEventListener('click', toggleLanguage);
  $('key-form').addEventListener('submit', unlock);
  $('composer').addEventListener('submit', send);
  $('ask').addEventListener('keydown', typed);
  $('stop').addEventListener('click', stop);
  $('fresh').addEventListener('click', fresh);
  begin();
});
