// Channels: the largest by subscribers, narrowed by a filter that the server applies. A click takes one to the playground.

const CHANNELS_PERIOD_MS = 3_000;
const CHANNELS_SHOWN = 20;
const TYPING_PAUSE_MS = 200;

let asked = 0; // numbers the questions, so that a late answer to an older filter is not shown

/** What the filter says as a glob: itself when it has a wildcard, otherwise "contains". */
function pattern() {
  const text = by_id('filter').value.trim();
  return text === '' || /[*?[]/.test(text) ? text : `*${text}*`;
}

async function refresh_channels() {
  asked += 1;
  const question = asked;
  const glob = pattern();
  const { channels } = await call('channels', glob === '' ? {} : { pattern: glob });
  if (question !== asked) return;
  const rows = Object.entries(channels || {}).map(([name, { num_clients }]) => ({ name, count: num_clients || 0 }));
  rows.sort((a, b) => b.count - a.count || (a.name < b.name ? -1 : 1));
  show_channels(rows.slice(0, CHANNELS_SHOWN));
  const empty = glob === '' ? 'No channel has subscribers.' : `No channel matches ${glob}.`;
  const more = rows.length > CHANNELS_SHOWN ? `The ${CHANNELS_SHOWN} largest of ${grouped(rows.length)}.` : '';
  say_channels(rows.length === 0 ? empty : more);
}

function say_channels(text) {
  write(by_id('channels-empty'), text);
  by_id('channels-empty').hidden = text === '';
}

/** Rows are reused, so that focus and hover stay where they are while counts change. */
function show_channels(rows) {
  const list = by_id('channels');
  while (list.children.length > rows.length) list.lastChild.remove();
  while (list.children.length < rows.length) list.append(new_channel_row());
  const largest = Math.max(1, ...rows.map((row) => row.count));
  rows.forEach(({ name, count }, index) => {
    const { choose, number, bar } = list.children[index].parts;
    write(choose, name);
    write(number, grouped(count));
    bar.style.transform = `scaleX(${count / largest})`;
  });
}

function new_channel_row() {
  const choose = piece('button', 'choose');
  choose.type = 'button';
  choose.title = 'Use in the playground';
  choose.addEventListener('click', () => {
    by_id('channel').value = choose.textContent;
    by_id('channel').dispatchEvent(new Event('input'));
    by_id('channel').focus();
  });
  const number = piece('span', 'number');
  const bar = piece('span', 'bar');
  const row = piece('li', 'channel', bar, choose, number);
  row.parts = { choose, number, bar };
  return row;
}

let filter_timer = 0;
by_id('filter').addEventListener('input', () => {
  clearTimeout(filter_timer);
  filter_timer = setTimeout(() => refresh_channels().catch((error) => say_channels(`No list: ${error.message}.`)), TYPING_PAUSE_MS);
});

cycle(CHANNELS_PERIOD_MS, refresh_channels, (error) => say_channels(`No list: ${error.message}.`));
