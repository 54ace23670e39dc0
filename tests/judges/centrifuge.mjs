// Judge: npm `centrifuge`, unmodified, over WebSocket. Connect, pipelined subscriptions, publications, history,
// recovery after a cut link, errors; disconnect codes by a bare `ws` client that says what the SDK never would.

import { Server, expect, judge, load, run, same, until } from "./lib/judge.mjs";

const { Centrifuge } = load("centrifuge");
const WebSocket = load("ws");

/// An SDK client that ends with its case.
function sdk(test, url, more = {}) {
  const client = new Centrifuge(url, { websocket: WebSocket, minReconnectDelay: 50, maxReconnectDelay: 200, ...more });
  client.on("error", () => {});
  test.after(() => client.disconnect());
  return client;
}

/// A subscription that keeps what it is told: publications and the contexts of `subscribed`.
async function subscribe(client, channel, options) {
  const subscription = client.newSubscription(channel, options);
  subscription.got = [];
  subscription.contexts = [];
  subscription.on("publication", (context) => subscription.got.push(context));
  subscription.on("subscribed", (context) => subscription.contexts.push(context));
  subscription.on("error", () => {});
  subscription.subscribe();
  return subscription;
}

const ready = async (...subscriptions) => {
  for (const subscription of subscriptions) await subscription.ready(10_000);
};

const data = (subscription) => subscription.got.map((publication) => publication.data.n);
const numbers = (first, last) => Array.from({ length: last - first + 1 }, (_, index) => first + index);

/// A bare connection: `send` text, `next()` object, `closed` is a promise of the close code.
async function bare(test, server) {
  const socket = new WebSocket(server.websocket);
  const objects = [];
  socket.on("message", (bytes) => {
    for (const line of bytes.toString().split("\n")) if (line.trim()) objects.push(JSON.parse(line));
  });
  socket.on("error", () => {});
  const closed = new Promise((resolve) => socket.on("close", (code, reason) => resolve({ code, reason: reason.toString() })));
  await new Promise((resolve, reject) => socket.on("open", resolve).on("error", reject));
  test.after(() => socket.terminate());
  return {
    send: (...commands) => socket.send(commands.map((c) => (typeof c === "string" ? c : JSON.stringify(c))).join("\n")),
    reply: (id) => until(() => objects.find((object) => object.id === id), 10, `the reply ${id}`),
    objects,
    closed,
  };
}

judge("the SDK connects and its subscriptions go in the connect's frame", async (test) => {
  const server = await Server.start(test);
  const client = sdk(test, server.websocket);
  const connected = new Promise((resolve) => client.on("connected", resolve));
  const subscriptions = [];
  for (let n = 0; n < 20; n++) subscriptions.push(await subscribe(client, `room:${n}`));
  client.connect();
  await ready(...subscriptions);
  const context = await connected;
  expect(context.client && context.transport === "websocket", `connected with ${JSON.stringify(context)}`);
  for (const subscription of subscriptions) {
    const told = subscription.contexts[0];
    expect(told.positioned && told.recoverable && told.streamPosition.epoch, `subscribed with ${JSON.stringify(told)}`);
    same([told.wasRecovering, told.recovered], [false, false], "wasRecovering and recovered of a first subscribe");
  }
  const wire = await bare(test, server);
  wire.send({ id: 1, connect: {} }, { id: 2, subscribe: { channel: "a" } }, { id: 3, subscribe: { channel: "b" } });
  await wire.reply(3);
  same(wire.objects.map((object) => [object.id, Object.keys(object)[1]]), [[1, "connect"], [2, "subscribe"], [3, "subscribe"]], "replies");
  await server.unharmed();
});

judge("what one client publishes all subscribers receive, itself too, in order and with its name", async (test) => {
  const server = await Server.start(test);
  const clients = numbers(1, 8).map(() => sdk(test, server.websocket));
  const subscriptions = [];
  for (const client of clients) {
    client.connect();
    subscriptions.push(await subscribe(client, "talk"), await subscribe(client, "aside"));
  }
  await ready(...subscriptions);
  const talks = subscriptions.filter((subscription) => subscription.channel === "talk");
  const publisher = talks[0];
  for (const n of numbers(1, 100)) publisher.publish({ n });
  for (const subscription of talks) {
    await until(() => subscription.got.length >= 100, 20, "100 publications");
    same(data(subscription), numbers(1, 100), "data");
    same(subscription.got.map((publication) => publication.offset), numbers(1, 100), "offsets");
    expect(subscription.got[0].info?.client, `publication without its publisher: ${JSON.stringify(subscription.got[0])}`);
  }
  same(new Set(talks.flatMap((s) => s.got.map((p) => p.info.client))).size, 1, "number of publishers seen");
  for (const subscription of subscriptions) if (subscription.channel === "aside") same(subscription.got, [], "publications elsewhere");
  await server.unharmed();
});

judge("publications of many clients to one channel reach everyone in one order", async (test) => {
  const server = await Server.start(test);
  const subscriptions = [];
  for (let n = 0; n < 8; n++) {
    const client = sdk(test, server.websocket);
    client.connect();
    subscriptions.push(await subscribe(client, "mix"));
  }
  await ready(...subscriptions);
  await Promise.all(subscriptions.flatMap((subscription, s) => numbers(1, 50).map((n) => subscription.publish({ n: s * 1000 + n }))));
  for (const subscription of subscriptions) await until(() => subscription.got.length >= 400, 20, "400 publications");
  const order = data(subscriptions[0]);
  for (const subscription of subscriptions) {
    same(subscription.got.map((publication) => publication.offset), numbers(1, 400), "offsets");
    same(data(subscription), order, "order of the data");
  }
  for (let s = 0; s < 8; s++) same(order.filter((n) => Math.floor(n / 1000) === s), numbers(1, 50).map((n) => s * 1000 + n), "one client's own order");
  await server.unharmed();
});

judge("history: limit, since, reverse, position only", async (test) => {
  const server = await Server.start(test);
  const client = sdk(test, server.websocket);
  client.connect();
  const subscription = await subscribe(client, "past");
  await ready(subscription);
  for (const n of numbers(1, 10)) await subscription.publish({ n });
  const offsets = async (options) => (await subscription.history(options)).publications.map((publication) => publication.offset);
  const top = await subscription.history({ limit: 0 });
  same([top.offset, top.publications], [10, []], "position only");
  same(await offsets({ limit: 3 }), [1, 2, 3], "the oldest three");
  same(await offsets({ limit: -1 }), numbers(1, 10), "all");
  same(await offsets({ limit: 2, reverse: true }), [10, 9], "the newest two");
  same(await offsets({ limit: 3, since: { offset: 4, epoch: top.epoch } }), [5, 6, 7], "after 4");
  const error = await subscription.history({ limit: 3, since: { offset: 4, epoch: "foreign" } }).catch((thrown) => thrown);
  same(error.code, 112, "code for a foreign epoch");
  await server.unharmed();
});

judge("after a cut the SDK comes back by itself and recovers every publication, once and in order", async (test) => {
  const server = await Server.start(test);
  const proxy = await server.proxy(test);
  const client = sdk(test, proxy.websocket);
  client.connect();
  const subscription = await subscribe(client, "cut");
  await ready(subscription);
  for (const n of numbers(1, 3)) await server.publish("cut", { n });
  await until(() => subscription.got.length === 3, 10, "3 publications");
  proxy.cut();
  for (const n of numbers(4, 40)) await server.publish("cut", { n });
  same(subscription.got.length, 3, "publications while the link was cut");
  proxy.heal();
  await until(() => subscription.contexts.length === 2, 20, "the second subscribe");
  const told = subscription.contexts[1];
  same([told.wasRecovering, told.recovered], [true, true], "wasRecovering and recovered");
  await server.publish("cut", { n: 41 });
  await until(() => subscription.got.length >= 41, 10, "41 publications");
  same(data(subscription), numbers(1, 41), "data");
  same(subscription.got.map((publication) => publication.offset), numbers(1, 41), "offsets");
  await server.unharmed();
});

judge("five hundred publications through thirty cuts: none lost, none twice, none out of order", async (test) => {
  const server = await Server.start(test);
  const proxy = await server.proxy(test);
  const subscriptions = [];
  for (let n = 0; n < 4; n++) {
    const client = sdk(test, proxy.websocket);
    client.connect();
    subscriptions.push(await subscribe(client, "rough"));
  }
  await ready(...subscriptions);
  for (const n of numbers(1, 500)) {
    // Nobody may fall behind by more than the history keeps: that would rightly be unrecoverable.
    await until(() => subscriptions.every((subscription) => n - subscription.got.length < 80), 30, `all to have ${n - 80}`);
    await server.publish("rough", { n });
    if (n % 16 === 0) {
      proxy.cut();
      proxy.heal();
    }
  }
  for (const subscription of subscriptions) {
    await until(() => subscription.got.length >= 500, 30, "500 publications");
    same(data(subscription), numbers(1, 500), "data");
    same(subscription.contexts.slice(1).filter((told) => !told.recovered), [], "resubscribes that did not recover");
    expect(subscription.contexts.length > 5, `only ${subscription.contexts.length} subscribes: the cuts did not bite`);
  }
  await server.unharmed();
});

judge("an unrecoverable position is told: wrong epoch, future offset, more missed than kept", async (test) => {
  const server = await Server.start(test);
  const client = sdk(test, server.websocket);
  client.connect();
  for (const n of numbers(1, 150)) await server.publish("gone", { n });
  const { epoch } = await server.api("history", { channel: "gone" });
  for (const since of [{ offset: 140, epoch: "foreign" }, { offset: 151, epoch }, { offset: 20, epoch }]) {
    const subscription = await subscribe(client, "gone", { since });
    await ready(subscription);
    const told = subscription.contexts[0];
    same([told.wasRecovering, told.recovered], [true, false], `wasRecovering and recovered from ${JSON.stringify(since)}`);
    same(told.streamPosition, { offset: 150, epoch }, "position to go on from");
    same(subscription.got, [], "publications of a failed recovery");
    subscription.unsubscribe();
    client.removeSubscription(subscription);
  }
  const subscription = await subscribe(client, "gone", { since: { offset: 50, epoch } });
  await ready(subscription);
  same(subscription.contexts[0].recovered, true, "recovered from the oldest position that is kept");
  await until(() => subscription.got.length >= 100, 10, "100 recovered publications");
  same(data(subscription), numbers(51, 150), "recovered data");
  await server.unharmed();
});

judge("kill -9 and a restart: the SDK comes back, learns that its position is gone, and receives what follows", async (test) => {
  // Over our own TCP/IP nobody ends the connections of a server that was killed: what tells the SDK is that no ping comes.
  const server = await Server.start(test, { config: 'insecure = true\nping_interval = "1s"\npong_timeout = "500ms"\n' });
  const client = sdk(test, server.websocket, { maxServerPingDelay: 1000 });
  client.connect();
  const subscription = await subscribe(client, "phoenix");
  await ready(subscription);
  await server.publish("phoenix", { n: 1 });
  await until(() => subscription.got.length === 1, 10, "the first publication");
  await server.kill();
  await server.launch();
  await until(() => subscription.contexts.length === 2, 30, "the second subscribe");
  same([subscription.contexts[1].wasRecovering, subscription.contexts[1].recovered], [true, false], "wasRecovering and recovered");
  await server.publish("phoenix", { n: 2 });
  await until(() => subscription.got.length === 2, 10, "the publication after the restart");
  same(data(subscription), [1, 2], "data");
  await server.unharmed();
});

judge("unsubscribe ends the publications, and subscribing again starts anew", async (test) => {
  const server = await Server.start(test);
  const client = sdk(test, server.websocket);
  client.connect();
  const subscription = await subscribe(client, "leave");
  const other = await subscribe(client, "stay");
  await ready(subscription, other);
  subscription.unsubscribe();
  await until(async () => !((await server.api("channels", {})).channels.leave), 10, "the channel to be left");
  await server.publish("leave", { n: 1 });
  await server.publish("stay", { n: 2 });
  await until(() => other.got.length === 1, 10, "the publication of the other channel");
  same(subscription.got, [], "publications after unsubscribe");
  const wire = await bare(test, server);
  wire.send({ id: 1, connect: {} }, { id: 2, unsubscribe: { channel: "never" } });
  same(await wire.reply(2), { id: 2, unsubscribe: {} }, "unsubscribe of what was never subscribed");
  await server.unharmed();
});

judge("errors: 103 private, 105 twice, 106 too many, 107 bad names, 108 what is not built", async (test) => {
  const server = await Server.start(test);
  const client = sdk(test, server.websocket);
  client.connect();
  await client.ready(10_000);
  const refusal = (channel) =>
    new Promise((resolve) => {
      const subscription = client.newSubscription(channel);
      subscription.on("unsubscribed", (context) => resolve(context.code));
      subscription.on("subscribed", () => resolve("subscribed"));
      subscription.on("error", () => {});
      subscription.subscribe();
    });
  same(await refusal("x".repeat(256)), 107, "code for a name of 256 bytes");
  same(await refusal("x".repeat(255)), "subscribed", "a name of 255 bytes");
  same(await refusal("kanál"), 107, "code for a name outside ASCII");
  same(await refusal("$private"), 103, "code for a private channel without a token");
  same((await client.rpc("nothing", {}).catch((error) => error)).code, 108, "code for rpc");
  same((await client.publish("x".repeat(256), 1).catch((error) => error)).code, 107, "code for publishing to a long name");
  const wire = await bare(test, server);
  wire.send({ id: 1, connect: {} }, { id: 2, subscribe: { channel: "twice" } }, { id: 3, subscribe: { channel: "twice" } });
  const { error } = await wire.reply(3);
  same(error?.code, 105, "code for a double subscribe");
  expect(error.message, "an error without a message");
  wire.send(...numbers(1, 128).map((n) => ({ id: 10 + n, subscribe: { channel: `c${n}` } })));
  same((await wire.reply(137)).error, undefined, "error for the 128th channel");
  same((await wire.reply(138)).error?.code, 106, "code for the 129th channel");
  await server.unharmed();
});

judge("disconnect codes of what breaks the protocol, as close codes with a reason", async (test) => {
  const server = await Server.start(test);
  const connect = { id: 1, connect: {} };
  const table = [
    ["garbage", ["garbage"], 3501],
    ["an array", ["[]"], 3501],
    ["an empty frame", [" "], 3501],
    ["half an object", ['{"id":1,"connect":'], 3501],
    ["a first command that is not connect", [{ id: 1, subscribe: { channel: "c" } }], 3501],
    ["connect twice", [connect, { id: 2, connect: {} }], 3501],
    ["garbage behind a connect", [connect, "garbage"], 3501],
    ["an empty channel", [connect, { id: 2, subscribe: { channel: "" } }], 3501],
    ["an unknown command", [connect, { id: 2, frobnicate: {} }], 3501],
    ["no command", [connect, { id: 2 }], 3501],
    ["a command without an id", [connect, { subscribe: { channel: "c" } }], 3501],
    ["an unknown delta", [connect, { id: 2, subscribe: { channel: "c", delta: "nope" } }], 3501],
    ["send without a handler", [connect, { send: { data: 1 } }], 3508],
  ];
  const seen = [];
  for (const [what, frame] of table) {
    const wire = await bare(test, server);
    wire.send(...frame);
    const late = new Promise((resolve) => setTimeout(resolve, 10_000, { code: "not closed", reason: "-" }).unref());
    const { code, reason } = await Promise.race([wire.closed, late]);
    seen.push([what, code]);
    expect(reason.length > 0 && reason.length <= 32, `reason ${JSON.stringify(reason)} for ${what}`);
  }
  same(seen, table.map(([what, , due]) => [what, due]), "close codes");
  await server.unharmed();
});

run();
