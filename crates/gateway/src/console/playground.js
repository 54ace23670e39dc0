// The playground: the panel around one link, its log, and the same three things as curl lines.

const LOG_ROWS = 200;
const LOG_TEXT = 2_000; // characters of one publication that the log shows

const channel_field = by_id('channel');
const message_field = by_id('message');
const log = by_id('log');
let received = 0;
let fresh = []; // log entries since the last frame, at most LOG_ROWS of them
let subscribed = false;

by_id('address').value = `${location.protocol === 'https:' ? 'wss' : 'ws'}://${location.host}/connection/websocket`;

const link = new Link({
  state(kind, text) {
    by_id('link').dataset.state = kind;
    write(by_id('link-text'), text);
    label_subscribe();
  },

  publication(channel, publication, recovered) {
    received += 1;
    enter({ at: new Date(), channel, publication, recovered });
  },

  resumed(count) {
    enter({ lost: count === null, mark: count === null ? 'could not recover: history was lost, live from here' : `recovered ${grouped(count)}` });
  },
}, () => ({ address: by_id('address').value.trim(), token: by_id('token').value.trim() }));

// ---- the log ------------------------------------------------------------------------------------------------------

/** The log is touched once a frame at most, however fast publications come. */
function enter(entry) {
  fresh.push(entry);
  if (fresh.length > LOG_ROWS) fresh.shift();
  else if (fresh.length === 1) requestAnimationFrame(flush_log);
}

function flush_log() {
  const rows = fresh.map((entry) => (entry.mark ? piece('li', entry.lost ? 'mark bad' : 'mark', entry.mark) : log_row(entry))).reverse();
  fresh = [];
  log.prepend(...rows);
  trim_log();
}

function trim_log() {
  while (log.children.length > LOG_ROWS) log.lastChild.remove();
  write(by_id('log-count'), grouped(received));
  by_id('log-empty').hidden = log.children.length > 0;
}

function log_row({ at, channel, publication, recovered }) {
  const two = (n) => String(n).padStart(2, '0');
  const time = `${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}.${String(at.getMilliseconds()).padStart(3, '0')}`;
  const text = JSON.stringify(publication.data) ?? '';
  const shown = text.length > LOG_TEXT ? `${text.slice(0, LOG_TEXT)} … ${grouped(text.length)} characters` : text;
  const offset = piece('span', 'offset', known(publication.offset) ? `#${publication.offset}` : '');
  if (recovered) offset.append(' recovered');
  return piece('li', recovered ? 'recovered' : '', piece('time', '', time), piece('span', 'from', channel), offset, piece('code', '', shown));
}

by_id('clear').addEventListener('click', () => {
  log.replaceChildren();
  received = 0;
  trim_log();
});

// ---- subscribe and publish ----------------------------------------------------------------------------------------

/** The button ends the subscription that the field names, and otherwise starts it (in place of another one). */
function label_subscribe() {
  subscribed = link.channel !== null && link.channel === channel_field.value.trim();
  write(by_id('subscribe'), subscribed ? 'Unsubscribe' : 'Subscribe');
  by_id('subscribe').setAttribute('aria-pressed', String(subscribed));
}

by_id('subscribe-form').addEventListener('submit', (event) => {
  event.preventDefault();
  const channel = channel_field.value.trim();
  if (subscribed) link.unsubscribe();
  else if (channel !== '') link.subscribe(channel);
  label_subscribe();
});

function note(kind, text) {
  by_id('publish-note').dataset.kind = kind;
  write(by_id('publish-note'), text);
}

async function publish() {
  const channel = channel_field.value.trim();
  let data;
  try {
    data = JSON.parse(message_field.value);
  } catch (error) {
    message_field.setAttribute('aria-invalid', 'true');
    return note('bad', `Not JSON: ${error.message}`);
  }
  if (channel === '') return note('bad', 'Name a channel first.');
  const began = performance.now();
  try {
    await link.publish(channel, data);
    return note('good', `Published to ${channel} in ${(performance.now() - began).toFixed(1)} ms.`);
  } catch (error) {
    return note('bad', `Not published: ${error.message}`);
  }
}

by_id('publish-form').addEventListener('submit', (event) => {
  event.preventDefault();
  publish();
});
message_field.addEventListener('keydown', (event) => {
  if (event.key !== 'Enter' || !(event.ctrlKey || event.metaKey)) return;
  event.preventDefault();
  publish();
});
message_field.addEventListener('input', () => message_field.removeAttribute('aria-invalid'));

// ---- from a terminal ----------------------------------------------------------------------------------------------

const quoted = (text) => `'${text.replaceAll("'", "'\\''")}'`; // for a POSIX shell

function write_curl_lines() {
  const channel = channel_field.value.trim() || 'demo';
  const key = gate.key === '' ? '' : ' -H "X-API-Key: $CRORE_API_KEY"';
  const query = encodeURIComponent(channel);
  const body = JSON.stringify({ channel, data: { text: 'hello' } });
  write(by_id('try-publish'), `curl${key} -d ${quoted(body)} ${location.origin}/api/publish`);
  write(by_id('try-events'), `curl -N ${quoted(`${location.origin}/events?channel=${query}`)}`);
  write(by_id('try-poll'), `curl ${quoted(`${location.origin}/poll?channel=${query}&timeout=25`)}`);
}

channel_field.addEventListener('input', () => {
  label_subscribe();
  write_curl_lines();
});
document.addEventListener('keychange', write_curl_lines);

for (const button of document.querySelectorAll('[data-copy]')) {
  button.addEventListener('click', async () => {
    const source = by_id(button.dataset.copy);
    getSelection().selectAllChildren(source); // also what is left to do by hand when the clipboard is not ours
    try {
      await navigator.clipboard.writeText(source.textContent);
      write(button, 'Copied');
    } catch {
      write(button, 'Selected');
    }
    setTimeout(() => write(button, 'Copy'), 1_500);
  });
}

write_curl_lines();
