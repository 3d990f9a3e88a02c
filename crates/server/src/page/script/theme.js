// The theme, and what outlives a reload.
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
  const words = t(theme === 'dark' ? 'Use the light theme' : 'Use the dark theme');
  if ($('theme')) filled($('theme'), { 'aria-label': words, title: words }, []);
}

function toggleTheme() {
  const next = document.documentElement.dataset.theme === 'dark' ? 'light' : 'dark';
  // Empty: whoever comes back to what the system says follows the system again.
  kept('localStorage', 'tidemill-theme', (next === 'dark') === dark.matches ? '' : next);
  paint();
}

