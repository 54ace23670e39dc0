// Link: one connection to /connection/websocket, speaking the JSON protocol directly, with at most one subscription.
//
// It lives while it is subscribed or has commands under way, and closes by itself after. A cut while subscribed is mended
// with back-off, and the subscription resumes from its position. It touches no element of the page: it reports to `on`.

const COMMAND_LIMIT_MS = 5_000;
const PING_GRACE_MS = 10_000;
const BACKOFF_MIN_MS = 500;
const BACKOFF_MAX_MS = 20_000;

/** An error that the server answered, or one of ours with code 0. `passing` says whether trying again may help. */
class LinkError extends Error {
  constructor(code, message, passing) {
    super(code === 0 ? message : `${message} (${code})`);
    this.code = code;
    this.passing = passing;
  }
}

class Link {
  /** `on`: { state(kind, text), publication(channel, publication, recovered), resumed(count | null) }; `options()`: { address, token }. */
  constructor(on, options) {
    this.on = on;
    this.options = options;
    this.socket = null;
    this.channel = null; // the one we want to be subscribed to
    this.position = null; // { offset, epoch } of the last publication seen
    this.pending = new Map(); // command id -> { resolve, reject, timer }
    this.publishing = 0; // publications that need the socket, sent or not
    this.last_id = 0;
    this.attempt = 0;
    this.retry_timer = 0;
    this.ping_timer = 0;
    this.opening = null;
  }

  subscribe(channel) {
    const old = this.channel;
    this.channel = channel;
    this.position = null;
    this.attempt = 0;
    clearTimeout(this.retry_timer);
    if (old !== null) this.leave(old);
    if (this.is_open()) this.join();
    else this.open().catch(() => {}); // the outcome is reported through `on`
  }

  unsubscribe() {
    const old = this.channel;
    this.channel = null;
    this.position = null;
    clearTimeout(this.retry_timer);
    this.on.state('idle', 'not subscribed');
    if (old !== null) this.leave(old);
  }

  /** Resolves when the server accepted the publication; rejects with its error. */
  async publish(channel, data) {
    this.publishing += 1;
    try {
      await this.open();
      await this.command({ publish: { channel, data } });
    } finally {
      this.publishing -= 1;
      this.settle();
    }
  }

  is_open() {
    return this.socket !== null && this.opening === null;
  }

  /** Leaving is a courtesy: a failure changes nothing for the user. */
  leave(channel) {
    if (this.is_open()) this.command({ unsubscribe: { channel } }).catch(() => {}).finally(() => this.settle());
    else this.settle();
  }

  /** Closes the socket when nobody needs it. */
  settle() {
    if (this.channel !== null || this.publishing > 0 || this.pending.size > 0 || this.socket === null) return;
    this.drop();
    this.on.state('idle', 'not connected');
  }

  /** Opens the socket and connects, with the subscription in the same frame; resolves when connected. */
  open() {
    if (this.is_open()) return Promise.resolve();
    if (this.opening !== null) return this.opening;
    clearTimeout(this.retry_timer);
    this.on.state('wait', 'connecting');
    this.opening = new Promise((resolve, reject) => {
      const { address, token } = this.options();
      const socket = new WebSocket(address); // throws, and so rejects, on what is no address
      this.socket = socket;
      socket.onopen = () => {
        const connect = { name: 'console' };
        if (token !== '') connect.token = token;
        const commands = [this.prepare({ connect })];
        const asked = this.channel;
        if (asked !== null) commands.push(this.prepare(this.join_request()));
        socket.send(commands.map((command) => command.text).join('\n'));
        if (asked !== null) this.joined(asked, commands[1].reply);
        commands[0].reply.then((result) => {
          this.opening = null;
          this.ping_ms = (result.ping || 0) * 1_000;
          this.pong = result.pong === true;
          this.watch();
          resolve();
          if (this.channel === asked) return this.on.state('idle', 'connected');
          if (asked !== null) this.leave(asked); // the user chose otherwise while the link was opening
          if (this.channel !== null) this.join();
        }, reject);
      };
      socket.onmessage = (event) => socket === this.socket && this.on_frame(event.data);
      socket.onclose = (event) => {
        reject(new LinkError(0, `the link closed (${event.code})`, true));
        if (socket === this.socket) this.on_close(event.code, event.reason);
      };
    });
    this.opening.catch((error) => this.refused(error));
    return this.opening;
  }

  /** The connect was answered with an error, or the address is none: stop, unless trying again may help. */
  refused(error) {
    if (error.code === 0) return; // the link closed, and `on_close` saw it
    if (!error.passing) this.channel = null;
    this.drop();
    this.on_close(0, error.message);
  }

  join_request() {
    const request = { channel: this.channel };
    if (this.position !== null) Object.assign(request, { recover: true, ...this.position });
    return { subscribe: request };
  }

  join() {
    this.joined(this.channel, this.command(this.join_request()));
  }

  joined(channel, reply) {
    const recovering = this.position !== null;
    reply.then((result) => {
      if (channel !== this.channel) return;
      const from = this.position;
      const missed = result.publications || [];
      const keeps_position = result.recoverable === true || result.positioned === true;
      this.attempt = 0;
      this.position = keeps_position ? { offset: result.offset || 0, epoch: result.epoch || '' } : null;
      for (const publication of missed) this.take(channel, publication, true);
      this.on.state('live', `subscribed to ${channel}`);
      if (recovering && from !== null) this.on.resumed(result.recovered === true ? missed.length : null);
    }, (error) => {
      if (channel !== this.channel || error.code === 0) return;
      if (error.passing) {
        this.later(() => this.is_open() && this.join(), error.message);
      } else {
        this.channel = null;
        this.settle();
        this.on.state('error', `not subscribed: ${error.message}`);
      }
    });
  }

  /** Numbers a command and keeps its place for the reply. */
  prepare(request) {
    this.last_id += 1;
    const id = this.last_id;
    const reply = new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.pending.delete(id);
        reject(new LinkError(0, `no reply within ${COMMAND_LIMIT_MS / 1_000} s`, true));
        this.drop();
        this.on_close(0, 'no reply');
      }, COMMAND_LIMIT_MS);
      this.pending.set(id, { resolve, reject, timer });
    });
    return { text: JSON.stringify({ id, ...request }), reply };
  }

  command(request) {
    const { text, reply } = this.prepare(request);
    this.socket.send(text);
    return reply;
  }

  on_frame(text) {
    this.watch();
    for (const line of text.split('\n')) {
      if (line.trim() === '') continue;
      const message = JSON.parse(line);
      if (message.push) this.on_push(message.push);
      else if (message.id) this.on_reply(message);
      else if (this.pong) this.socket.send('{}');
    }
  }

  on_reply(reply) {
    const waiting = this.pending.get(reply.id);
    if (waiting === undefined) return;
    this.pending.delete(reply.id);
    clearTimeout(waiting.timer);
    const { error } = reply;
    if (!error) return waiting.resolve(reply.connect || reply.subscribe || {});
    const passing = error.temporary === true || error.code < 100; // not 109: only the user has another token
    return waiting.reject(new LinkError(error.code, error.message, passing));
  }

  on_push({ channel, pub, unsubscribe }) {
    if (pub) this.take(channel, pub, false);
    if (!unsubscribe || channel !== this.channel) return;
    if (unsubscribe.code >= 2500) {
      if (unsubscribe.code === 2502) this.position = null; // the server says that what we hold is worthless
      this.later(() => this.is_open() && this.join(), unsubscribe.reason);
    } else {
      this.channel = null;
      this.settle();
      this.on.state('error', `unsubscribed by the server: ${unsubscribe.reason} (${unsubscribe.code})`);
    }
  }

  /** Hands a publication on, once: one that the position has passed is a duplicate. */
  take(channel, publication, recovered) {
    if (channel !== this.channel) return;
    if (this.position !== null && known(publication.offset)) {
      if (publication.offset <= this.position.offset) return;
      this.position.offset = publication.offset;
    }
    this.on.publication(channel, publication, recovered);
  }

  /** Re-arms the watch for a silent server: its pings are due even when nothing else is. */
  watch() {
    clearTimeout(this.ping_timer);
    if (!this.ping_ms || this.socket === null) return;
    this.ping_timer = setTimeout(() => {
      this.drop();
      this.on_close(0, 'no ping from the server');
    }, this.ping_ms + PING_GRACE_MS);
  }

  /** Lets go of the socket without waiting for its close event. */
  drop() {
    const { socket } = this;
    this.socket = null;
    clearTimeout(this.ping_timer);
    if (socket !== null) socket.close(1000);
  }

  on_close(code, reason) {
    this.socket = null;
    this.opening = null;
    this.ping_ms = 0;
    clearTimeout(this.ping_timer);
    const why = reason || (code === 1006 ? 'no link' : 'closed');
    for (const { reject, timer } of this.pending.values()) {
      clearTimeout(timer);
      reject(new LinkError(0, `the link closed: ${why}`, true));
    }
    this.pending.clear();
    const final = (code >= 3500 && code < 4000) || (code >= 4500 && code < 5000) || code === 1009;
    if (final) {
      this.channel = null;
      this.on.state('error', `closed by the server: ${why} (${code})`);
    } else if (this.channel !== null) {
      this.later(() => this.open().catch(() => {}), why);
    } else {
      this.on.state('error', code > 1006 ? `${why} (${code})` : why);
    }
  }

  /** Runs `retry` after a delay that grows with each attempt and is spread by chance, so that a crowd does not come back as one. */
  later(retry, why) {
    const spread = Math.random() * Math.min(BACKOFF_MAX_MS, BACKOFF_MIN_MS * 2 ** this.attempt);
    const delay_ms = Math.min(BACKOFF_MAX_MS, BACKOFF_MIN_MS + spread);
    this.attempt += 1;
    this.on.state('wait', `${why}; again in ${(delay_ms / 1_000).toFixed(1)} s`);
    clearTimeout(this.retry_timer);
    this.retry_timer = setTimeout(retry, delay_ms);
  }
}
