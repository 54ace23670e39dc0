// The dashboard: asks the server for its figures, turns cumulative counters into rates, and feeds the meters.
//
// It asks only while somebody can see the answer, one question at a time, and never faster than the server answers.

const INFO_PERIOD_MS = 1_000;
const ANSWER_LIMIT_MS = 5_000;
const GAP_MS = 2_500; // a longer silence is drawn as a gap in the trends
const EACH_FROM = 1_000; // below as many connections, memory a connection is mostly the process itself

const trends = Object.fromEntries(
  [...document.querySelectorAll('canvas[data-trend]')].map((canvas) => [canvas.dataset.trend, new Trend(canvas)]),
);

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** Resolves when the tab can be seen: at once, or when it comes back to the front. */
function visible() {
  if (!document.hidden) return Promise.resolve();
  return new Promise((resolve) => document.addEventListener('visibilitychange', function check() {
    if (document.hidden) return;
    document.removeEventListener('visibilitychange', check);
    resolve();
  }));
}

// ---- the API, and its key -----------------------------------------------------------------------------------------

const gate = {
  form: by_id('key-form'),
  field: by_id('key'),
  key: sessionStorage.getItem('crore.key') || '',
  waiting: null,

  /** Asks for the key and resolves when one is given. Both cycles wait for the same answer, so a 401 is not repeated. */
  ask() {
    if (this.waiting === null) {
      if (this.key !== '') write(by_id('key-label'), 'The API refused that key. Another one?');
      this.form.hidden = false;
      this.field.focus();
      this.waiting = new Promise((resolve) => {
        this.form.onsubmit = (event) => {
          event.preventDefault();
          this.key = this.field.value.trim();
          sessionStorage.setItem('crore.key', this.key);
          this.field.value = '';
          this.form.hidden = true;
          this.waiting = null;
          document.dispatchEvent(new Event('keychange'));
          resolve();
        };
      });
    }
    return this.waiting;
  },
};

class Unauthorized extends Error {}

/** Calls one method of the API and returns its result; the error says what the server said. */
async function call(method, request) {
  const headers = { 'Content-Type': 'application/json' };
  if (gate.key !== '') headers['X-API-Key'] = gate.key;
  const answer = await fetch(`/api/${method}`, {
    method: 'POST', headers, body: JSON.stringify(request), cache: 'no-store', signal: AbortSignal.timeout(ANSWER_LIMIT_MS),
  });
  if (answer.status === 401) throw new Unauthorized();
  if (!answer.ok) throw new Error(`/api/${method} answered ${answer.status}`);
  const reply = await answer.json();
  if (reply.error) throw new Error(`${reply.error.message} (${reply.error.code})`);
  return reply.result || {};
}

/** Runs `work` each `period_ms` while the tab is seen. An answer that took long is followed by a pause as long, at least. */
async function cycle(period_ms, work, failed) {
  for (;;) {
    await visible();
    const began = performance.now();
    try {
      await work();
    } catch (error) {
      if (error instanceof Unauthorized) {
        set_state('key', 'locked: API key needed');
        await gate.ask();
        continue;
      }
      failed(error);
    }
    const took = performance.now() - began;
    await pause(Math.max(period_ms - took, took));
  }
}

function set_state(state, text) {
  by_id('state').dataset.state = state;
  write(by_id('state-text'), text);
}

// ---- figures ------------------------------------------------------------------------------------------------------

let before = null; // the last answer and when it came: { node, at_ms }
let peak = 0;

/** What changed a second since the last answer, or `undefined` when either side is unknown. */
function change(node, at_ms, read) {
  if (before === null) return undefined;
  const difference = read(node) - read(before.node);
  return Number.isFinite(difference) ? Math.max(0, difference) / ((at_ms - before.at_ms) / 1_000) : undefined;
}

async function refresh_info() {
  const { nodes } = await call('info', {});
  const node = nodes && nodes[0];
  if (!node) throw new Error('the answer names no node');
  node.metrics = node.metrics || {};
  node.process = node.process || {};
  const at_ms = performance.now();
  if (before !== null && (before.node.uid !== node.uid || node.uptime < before.node.uptime)) {
    before = null; // another process: its counters began again
    peak = 0;
    Object.values(trends).forEach((trend) => trend.clear());
  }
  if (before !== null && at_ms - before.at_ms > GAP_MS) Object.values(trends).forEach((trend) => trend.push(NaN));
  show_rates(node, at_ms);
  show_levels(node, at_ms);
  show_totals(node);
  show_cores(node.metrics.cores || []);
  Object.values(trends).forEach((trend) => trend.draw());
  before = { node, at_ms };
  set_state('live', 'live');
  document.title = `${grouped(node.num_clients)} · crore`;
}

/** Figures that are differences of counters. */
function show_rates(node, at_ms) {
  const counters = {
    deliveries: 'deliveries_total', publications: 'publications_total', connects: 'connects_total', bytes: 'bytes_sent_total',
  };
  const a_second = {};
  for (const [name, counter] of Object.entries(counters)) {
    a_second[name] = change(node, at_ms, (at) => at.metrics[counter]);
    trends[name].push(a_second[name]);
    const as_figure = (value) => {
      if (name !== 'bytes') return rate(value);
      const [text, unit] = wire_bytes(value);
      return [text, `${unit}/s`];
    };
    show(name, as_figure(a_second[name]));
    const top = trends[name].top();
    show(`${name}-note`, top === undefined ? 'measuring' : `top ${together(as_figure(top)).replace(' /s', '/s')}`);
  }
  const left = change(node, at_ms, (at) => at.metrics.disconnects_total);
  if (known(left)) show('connects-note', `${together(rate(left)).replace(' /s', '/s')} leaving`);
  const share = a_second.deliveries / a_second.publications;
  if (known(share) && share > 0) show('publications-note', `each to ${grouped(share)}`);
}

/** Figures that are levels: how many, how much, how long. */
function show_levels(node, at_ms) {
  const { metrics, process } = node;
  const held = node.num_clients;
  peak = Math.max(peak, held || 0);
  show_digits('connections', held);
  show('connections-peak', grouped(peak));
  show('crore', known(held) ? (held / CRORE).toFixed(held >= CRORE / 100 ? 3 : 7).replace(/0+$/, '').replace(/\.$/, '') : '–');
  ruler.point(by_id('ruler-needle'), held);
  ruler.point(by_id('ruler-peak'), peak);
  trends.connections.push(held);

  const latency = metrics.latency_us || {};
  for (const name of ['p50', 'p99', 'max']) show(name, micros(latency[name]));
  trends.latency.push(latency.p99);
  show('latency-note', known(latency.p99) ? 'publish to written, last 10 s; trend: p99' : 'no publication in the last 10 s');

  show('memory', bytes(process.rss));
  trends.memory.push(process.rss);
  show('memory-note', 'resident, huge pages included');

  const meaningful = held >= EACH_FROM;
  const each = held > 0 ? process.rss / held : undefined;
  show('each', bytes(each));
  trends.each.push(meaningful ? each : NaN);
  show('each-note', meaningful ? 'everything in the process, shared out' : `meaningful above ${grouped(EACH_FROM)} connections`);
  by_id('each').classList.toggle('faint', !meaningful);

  const cores_used = change(node, at_ms, (at) => at.process.cpu);
  const share = (100 * cores_used) / (metrics.workers || 1);
  show('cpu', [known(share) ? share.toFixed(share < 9.95 ? 1 : 0) : '–', '%']);
  trends.cpu.push(share);
  show('cpu-note', known(cores_used) ? `${cores_used.toFixed(2)} of ${grouped(metrics.workers)} cores` : 'measuring');
}

function show_totals(node) {
  const { metrics } = node;
  show('driver', metrics.driver || '–');
  show('workers', grouped(metrics.workers));
  show('version', node.version || '–');
  show('uptime', elapsed(node.uptime));
  show('subs', grouped(node.num_subs));
  show('users', grouped(node.num_users));
  show('delivered', grouped(metrics.deliveries_total));
  show('sent', together(wire_bytes(metrics.bytes_sent_total)));
  show('received', together(wire_bytes(metrics.bytes_received_total)));
  show('requests', grouped(metrics.http_requests_total));
  show('history', together(bytes(metrics.history_bytes)));
  show('slow', grouped(metrics.slow_total));
  show('channels-count', grouped(node.num_channels));
  by_id('banner').hidden = metrics.playground !== true;
}

/** One row a core: how busy it is, and its connections against those of the fullest core. */
function show_cores(cores) {
  const list = by_id('cores');
  while (list.children.length > cores.length) list.lastChild.remove();
  while (list.children.length < cores.length) list.append(new_core_row());
  by_id('cores-empty').hidden = cores.length > 0;
  const fullest = Math.max(1, ...cores.map((core) => core.connections || 0));
  cores.forEach((core, index) => {
    const { name, busy, held, percent, count } = list.children[index].parts;
    write(name, String(core.core));
    write(percent, known(core.busy) ? `${Math.round(core.busy * 100)}%` : '–');
    write(count, grouped(core.connections));
    busy.style.transform = `scaleX(${Math.min(1, Math.max(0, core.busy || 0))})`;
    held.style.transform = `scaleX(${(core.connections || 0) / fullest})`;
    busy.classList.toggle('hot', core.busy >= 0.9);
  });
}

function piece(tag, class_name, ...children) {
  const element = document.createElement(tag);
  element.className = class_name;
  element.append(...children);
  return element;
}

function new_core_row() {
  const parts = {};
  for (const part of ['name', 'busy', 'held', 'percent', 'count']) parts[part] = piece('span', part);
  const bars = piece('span', 'bars', piece('span', 'track', parts.busy), piece('span', 'track thin', parts.held));
  const row = piece('li', 'core', parts.name, bars, parts.percent, parts.count);
  row.parts = parts;
  return row;
}

// ---- start --------------------------------------------------------------------------------------------------------

function redraw() {
  ruler.draw();
  Object.values(trends).forEach((trend) => trend.draw());
  if (before !== null) {
    ruler.point(by_id('ruler-needle'), before.node.num_clients);
    ruler.point(by_id('ruler-peak'), peak);
  }
}

window.addEventListener('resize', redraw);
matchMedia('(prefers-color-scheme: dark)').addEventListener('change', redraw);
redraw();

cycle(INFO_PERIOD_MS, refresh_info, (error) => {
  const text = error.name === 'TimeoutError' ? `no answer within ${ANSWER_LIMIT_MS / 1_000} s` : error.message;
  set_state('lost', `no figures: ${text}`);
});
