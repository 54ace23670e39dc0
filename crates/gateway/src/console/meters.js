'use strict';
// Meters: figures as text, trends and the scale of connections drawn by hand. They know nothing of where the figures come from.
//
// A figure is `[text, unit]`. "–" stands for what the server did not say, so that an unknown is never shown as a nought.

const UNKNOWN = ['–', ''];
const TREND_SAMPLES = 120; // two minutes of one sample a second
const CRORE = 10_000_000;

const known = (value) => typeof value === 'number' && Number.isFinite(value);
const by_id = (id) => document.getElementById(id);

const GAP = '\u00a0'; // between groups of digits; a thinner one is lost in condensed letters

/** A whole number with its digits in groups of three. */
function grouped(value) {
  return known(value) ? Math.round(value).toLocaleString('en-US').replaceAll(',', GAP) : '–';
}

/** Three significant digits, for a value of 1 to 999. */
function three_digits(value) {
  return value.toFixed(value < 9.995 ? 2 : value < 99.95 ? 1 : 0);
}

/** `value` in the largest of `units` that leaves at least 1 before the point; each unit is `step` times the one before. */
function scaled(value, step, units) {
  if (!known(value)) return UNKNOWN;
  let index = 0;
  while (value >= 999.5 && index < units.length - 1) {
    value /= step;
    index += 1;
  }
  return [index === 0 ? String(Math.round(value)) : three_digits(value), units[index]];
}

const bytes = (value) => scaled(value, 1024, ['B', 'KiB', 'MiB', 'GiB', 'TiB']);
const wire_bytes = (value) => scaled(value, 1000, ['B', 'kB', 'MB', 'GB', 'TB']);
const together = ([text, unit]) => (unit ? `${text} ${unit}` : text);

/** Events a second: exact below ten million, in millions above. */
function rate(value) {
  if (!known(value)) return UNKNOWN;
  if (value >= CRORE) return [three_digits(value / 1e6), 'M/s'];
  return [value > 0 && value < 10 ? value.toFixed(1) : grouped(value), '/s'];
}

/** Microseconds as µs, ms or s. */
function micros(value) {
  return known(value) && value >= 1 ? scaled(value, 1000, ['µs', 'ms', 's']) : known(value) ? ['<1', 'µs'] : UNKNOWN;
}

/** Seconds as `3 d 04:05:06`. */
function elapsed(seconds) {
  if (!known(seconds)) return '–';
  const whole = Math.floor(seconds);
  const two = (n) => String(n).padStart(2, '0');
  const clock = `${two(Math.floor(whole / 3600) % 24)}:${two(Math.floor(whole / 60) % 60)}:${two(whole % 60)}`;
  return whole < 86_400 ? clock : `${Math.floor(whole / 86_400)} d ${clock}`;
}

/** Writes `text` into `element` if it differs: an unchanged figure costs no layout. */
function write(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

const metric_elements = new Map();
function element_of(attribute, name) {
  const selector = `[data-${attribute}="${name}"]`;
  if (!metric_elements.has(selector)) metric_elements.set(selector, document.querySelector(selector));
  return metric_elements.get(selector);
}

/** Shows a figure, `[text, unit]` or a bare text, as the metric `name`. */
function show(name, figure) {
  const [text, unit] = Array.isArray(figure) ? figure : [figure, null];
  write(element_of('metric', name), text);
  if (unit !== null) write(element_of('unit', name), unit);
}

/** Shows a count as bare digits (what a program reads) that look grouped (what a person reads). */
function show_digits(name, value) {
  const element = element_of('metric', name);
  element.classList.toggle('unknown', !known(value));
  const groups = grouped(value).split(GAP);
  if (element.textContent === groups.join('')) return;
  element.replaceChildren(...groups.map((group) => {
    const span = document.createElement('span');
    span.textContent = group;
    return span;
  }));
}

/** A canvas sized to its box in device pixels, its context in CSS pixels, cleared. `null` while it has no box. */
function surface(canvas) {
  const width = canvas.clientWidth;
  const height = canvas.clientHeight;
  if (width === 0 || height === 0) return null;
  const ratio = window.devicePixelRatio || 1;
  const [across, down] = [Math.round(width * ratio), Math.round(height * ratio)];
  if (canvas.width !== across || canvas.height !== down) {
    canvas.width = across;
    canvas.height = down;
  }
  const context = canvas.getContext('2d');
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.clearRect(0, 0, width, height);
  return { context, width, height };
}

function colour(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
}

/** The last two minutes of one figure. `NaN` is a gap: an unknown, or time that the tab was hidden. */
class Trend {
  constructor(canvas) {
    this.canvas = canvas;
    this.samples = new Float64Array(TREND_SAMPLES).fill(NaN);
    this.next = 0;
  }

  push(value) {
    this.samples[this.next] = known(value) ? value : NaN;
    this.next = (this.next + 1) % TREND_SAMPLES;
  }

  clear() {
    this.samples.fill(NaN);
  }

  /** The greatest sample held, `undefined` when there is none. */
  top() {
    const top = this.samples.reduce((most, value) => (value > most ? value : most), -Infinity);
    return top === -Infinity ? undefined : top;
  }

  draw() {
    const area = surface(this.canvas);
    if (area === null) return;
    const { context, width, height } = area;
    const floor = height - 1.5;
    const unit = (floor - 5) / (this.top() || 1);
    const stride = (width - 4) / (TREND_SAMPLES - 1);
    context.strokeStyle = colour('rule');
    context.lineWidth = 1;
    context.beginPath();
    for (let x = 0; x < TREND_SAMPLES; x += 15) { // a tick each 15 s
      context.moveTo(Math.round(x * stride) + 0.5, height - 3);
      context.lineTo(Math.round(x * stride) + 0.5, height);
    }
    context.moveTo(0, height - 0.5);
    context.lineTo(width, height - 0.5);
    context.stroke();
    let run = [];
    for (let age = 0; age <= TREND_SAMPLES; age += 1) {
      const value = age < TREND_SAMPLES ? this.samples[(this.next + age) % TREND_SAMPLES] : NaN;
      if (Number.isNaN(value)) {
        this.trace(context, run, floor);
        run = [];
      } else {
        run.push([age * stride, floor - value * unit]);
      }
    }
    const latest = this.samples[(this.next + TREND_SAMPLES - 1) % TREND_SAMPLES];
    if (!Number.isNaN(latest)) {
      context.fillStyle = colour('needle');
      context.beginPath();
      context.arc((TREND_SAMPLES - 1) * stride, floor - latest * unit, 2.2, 0, 7);
      context.fill();
    }
  }

  /** One unbroken run of samples: the line, and a wash between it and the floor. */
  trace(context, run, floor) {
    if (run.length < 2) return;
    context.beginPath();
    run.forEach(([x, y], index) => (index === 0 ? context.moveTo(x, y) : context.lineTo(x, y)));
    context.strokeStyle = colour('trace');
    context.lineWidth = 1.4;
    context.lineJoin = 'round';
    context.stroke();
    context.lineTo(run[run.length - 1][0], floor);
    context.lineTo(run[0][0], floor);
    context.fillStyle = colour('wash');
    context.fill();
  }
}

/** The scale of connections: logarithmic from one to ten million, like a slide rule, with a needle and a mark at the peak. */
const ruler = {
  canvas: by_id('ruler'),
  width: 0,

  /** Where `count` stands on the scale, in CSS pixels from its left end. */
  place(count) {
    const share = count < 1 ? 0 : Math.min(1, 0.035 + 0.945 * (Math.log10(count) / 7));
    return 10 + share * (this.width - 28);
  },

  draw() {
    const area = surface(this.canvas);
    if (area === null) return;
    const { context, width } = area;
    this.width = width;
    const narrow = width < 620;
    context.strokeStyle = colour('ink');
    context.fillStyle = colour('ink');
    context.font = `${narrow ? 11 : 13}px ${colour('figures')}`;
    context.textAlign = 'center';
    const tick = (count, length, weight) => {
      context.globalAlpha = weight;
      context.beginPath();
      context.moveTo(this.place(count), 0);
      context.lineTo(this.place(count), length);
      context.stroke();
    };
    tick(0, 16, 1);
    context.fillText('0', this.place(0), 32);
    const names = ['1', '10', '100', '1k', '10k', '100k', '1M', '10M'];
    names.forEach((name, power) => {
      const decade = 10 ** power;
      tick(decade, 16, 1);
      if (!narrow || power !== 0) context.fillText(name, this.place(decade), 32);
      if (power === 7) return;
      for (let step = 15; step < 100; step += 5) {
        const whole = step % 10 === 0;
        if (whole || (!narrow && step < 50)) tick((decade * step) / 10, step === 50 ? 12 : whole ? 8 : 5, whole ? 0.75 : 0.4);
      }
    });
    context.globalAlpha = 1;
  },

  point(element, count) {
    element.hidden = !known(count);
    if (known(count)) element.style.transform = `translateX(${this.place(count).toFixed(1)}px)`;
  },
};
