// Running: one look after another.
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
