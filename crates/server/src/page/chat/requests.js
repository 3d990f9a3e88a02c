// Requests to the server: what is asked, and answers as they stream in.
const $ = (id) => document.getElementById(id);

/** What the server said instead of an answer; status 0: it said nothing. */
class Refusal extends Error {
  constructor(status, { message, remedy } = {}) {
    super([message, remedy].filter(Boolean).map(sentence).join(' ') || `${status}`);
    this.status = status;
  }
}

async function request(path, body, signal) {
  const key = kept('sessionStorage', 'tidemill-key');
  const headers = { ...(key && { Authorization: `Bearer ${key}` }), ...(body && { 'Content-Type': 'application/json' }) };
  const sent = { method: body ? 'POST' : 'GET', headers, body: body && JSON.stringify(body), signal };
  const response = await fetch(path, sent).catch((error) => {
    if (error.name === 'AbortError') throw error;
    throw new Refusal(0, { message: t('The server does not answer. Check that it runs, then try again.') });
  });
  if (response.ok) return response;
  throw new Refusal(response.status, (await response.json().catch(() => ({}))).error);
}

const ask = async (path, body) => (await request(path, body)).json();

/** The documents of a stream of events, as they come. */
async function* events(response) {
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let text = '';
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    const parts = (text + value).split('\n\n');
    text = parts.pop();
    for (const part of parts) {
      const data = part.replace(/^data: /, '');
      if (data === '[DONE]') return;
      yield JSON.parse(data);
    }
  }
}

/** Streams the answers to messages into `hear(index, piece of the answer)`. */
async function answers(body, signal, hear) {
  let ended = 0;
  const sent = { ...body, stream: true };
  for await (const event of events(await request('/v1/chat/completions', sent, signal))) {
    if (event.error) throw new Refusal(500, event.error);
    for (const choice of event.choices) {
      ended += choice.finish_reason ? 1 : 0;
      hear(choice.index, { id: choice.prediction_id, text: choice.delta.content || '', finish: choice.finish_reason });
    }
  }
  if (ended < (body.n || 1)) throw new Refusal(500, { message: t('The answer broke off.') });
}

