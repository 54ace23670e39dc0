// Judge: npm `eventsource` on /events. Identifiers, resuming after a cut, gaps, refusals; the stream's bytes by hand.

import net from "node:net";
import { PLACE, Server, Skip, expect, judge, load, run, same, until } from "./lib/judge.mjs";

const { EventSource } = load("eventsource");
const numbers = (first, last) => Array.from({ length: last - first + 1 }, (_, index) => first + index);

/// An event source that keeps what it was told and ends with its case.
function listen(test, url, options) {
  const source = new EventSource(url, options);
  source.got = [];
  source.gaps = [];
  source.opened = 0;
  source.addEventListener("message", (event) => source.got.push({ id: event.lastEventId, data: JSON.parse(event.data) }));
  source.addEventListener("gap", (event) => source.gaps.push(JSON.parse(event.data)));
  source.addEventListener("open", () => (source.opened += 1));
  test.after(() => source.close());
  return source;
}

const open = (source) => until(() => source.opened > 0, 10, "the stream to open");
const data = (source) => source.got.map((event) => event.data.n);

/// `/api/channels` lists a channel once somebody listens; a publication after that cannot be missed.
const heard = (server, channel, count = 1) =>
  until(async () => (await server.api("channels", {})).channels[channel]?.num_clients >= count, 10, `${count} listening to ${channel}`);

/// The status and body of a GET that is refused.
async function refused(url, headers = {}) {
  const response = await fetch(url, { headers });
  return [response.status, await response.text()];
}

judge("publications arrive with EPOCH:OFFSET as their id", async (test) => {
  const server = await Server.start(test);
  const source = listen(test, `${server.url}/events?channel=feed`);
  await open(source);
  await heard(server, "feed");
  for (const n of numbers(1, 20)) await server.publish("feed", { n });
  await until(() => source.got.length >= 20, 10, "20 events");
  same(data(source), numbers(1, 20), "data");
  const { epoch } = await server.api("history", { channel: "feed" });
  same(source.got.map((event) => event.id), numbers(1, 20).map((offset) => `${epoch}:${offset}`), "ids");
  same(source.gaps, [], "gaps");
  await server.unharmed();
});

judge("after a cut Last-Event-ID resumes: nothing lost, nothing twice", async (test) => {
  const server = await Server.start(test);
  const proxy = await server.proxy(test);
  const source = listen(test, `${proxy.url}/events?channel=cut`);
  await open(source);
  await heard(server, "cut");
  for (const n of numbers(1, 3)) await server.publish("cut", { n });
  await until(() => source.got.length === 3, 10, "3 events");
  for (const [first, last] of [[4, 30], [31, 60]]) {
    proxy.cut();
    for (const n of numbers(first, last)) await server.publish("cut", { n });
    proxy.heal();
    await until(() => source.got.length >= last, 30, `${last} events`);
  }
  same(data(source), numbers(1, 60), "data");
  same(source.gaps, [], "gaps");
  expect(source.opened >= 3, `the stream opened ${source.opened} times: the cuts did not bite`);
  await server.unharmed();
});

judge("a cut in the middle of a flood loses and repeats nothing", async (test) => {
  const server = await Server.start(test);
  const proxy = await server.proxy(test);
  const source = listen(test, `${proxy.url}/events?channel=flood`);
  await open(source);
  await heard(server, "flood");
  for (const n of numbers(1, 200)) {
    await until(() => n - source.got.length < 80, 30, `the source to have ${n - 80}`);
    await server.publish("flood", { n });
    if (n === 60 || n === 130) {
      proxy.cut();
      proxy.heal();
    }
  }
  await until(() => source.got.length >= 200, 30, "200 events");
  same(data(source), numbers(1, 200), "data");
  same(source.gaps, [], "gaps");
  await server.unharmed();
});

judge("since= starts after a position", async (test) => {
  const server = await Server.start(test);
  for (const n of numbers(1, 10)) await server.publish("since", { n });
  const { epoch } = await server.api("history", { channel: "since" });
  const source = listen(test, `${server.url}/events?channel=since&since=${epoch}:7`);
  await until(() => source.got.length >= 3, 10, "3 events");
  await server.publish("since", { n: 11 });
  await until(() => source.got.length >= 4, 10, "4 events");
  same(data(source), [8, 9, 10, 11], "data");
  same(source.gaps, [], "gaps");
  await server.unharmed();
});

judge("an impossible position is an event `gap` with the position to go on from, and the stream goes on", async (test) => {
  const server = await Server.start(test);
  for (const n of numbers(1, 130)) await server.publish("gap", { n });
  const { epoch } = await server.api("history", { channel: "gap" });
  const sources = ["FOREIGNX:5", `${epoch}:131`, `${epoch}:3`].map((since) => listen(test, `${server.url}/events?channel=gap&since=${since}`));
  for (const source of sources) {
    await until(() => source.gaps.length === 1, 10, "the gap");
    same(source.gaps, [{ position: `${epoch}:130` }], "gap");
  }
  await heard(server, "gap", 3);
  await server.publish("gap", { n: 131 });
  for (const source of sources) {
    await until(() => source.got.length >= 1, 10, "the event after the gap");
    same(source.got, [{ id: `${epoch}:131`, data: { n: 131 } }], "events");
  }
  await server.unharmed();
});

judge("after kill -9 and a restart the source comes back, is told the gap, and goes on", async (test) => {
  if (PLACE.io) throw new Skip("nobody ends the connections of a host that is gone, and an event source never speaks to find out");
  const server = await Server.start(test);
  const source = listen(test, `${server.url}/events?channel=phoenix`);
  await open(source);
  await heard(server, "phoenix");
  await server.publish("phoenix", { n: 1 });
  await until(() => source.got.length === 1, 10, "the first event");
  await server.kill();
  await server.launch();
  await until(() => source.gaps.length === 1, 30, "the gap after the restart");
  expect(/^[^:]+:0$/.test(source.gaps[0].position), `position of the gap: ${source.gaps[0].position}`);
  await server.publish("phoenix", { n: 2 });
  await until(() => source.got.length === 2, 10, "the event after the restart");
  same(data(source), [1, 2], "data");
  await server.unharmed();
});

judge("a malformed position is 400 with the reason, in the query and in Last-Event-ID", async (test) => {
  const server = await Server.start(test);
  for (const position of ["nonsense", "ABCDEFGH:", ":", "ABCDEFGH:x", "ABCDEFGH:-1", "ABCDEFGH:99999999999999999999", "ABCDEFGH:1:2x"]) {
    for (const [url, headers] of [
      [`/events?channel=c&since=${position}`, {}],
      ["/events?channel=c", { "Last-Event-ID": position }],
    ]) {
      const [status, body] = await refused(server.url + url, headers);
      same(status, 400, `status for ${position} in ${url}`);
      expect(body.trim().length >= 8, `no reason for ${position}: ${JSON.stringify(body)}`);
    }
  }
  await server.unharmed();
});

judge("a missing or impossible channel is refused, a private one not opened", async (test) => {
  const server = await Server.start(test);
  for (const query of ["", "?channel=", `?channel=${"x".repeat(256)}`, "?channel=%C3%A9"]) {
    same((await refused(`${server.url}/events${query}`))[0], 400, `status of /events${query.slice(0, 40)}`);
  }
  const [status] = await refused(`${server.url}/events?channel=%24private`);
  expect(status === 401 || status === 403, `status ${status} for a private channel without a token`);
  const response = await fetch(`${server.url}/events?channel=c`, { method: "POST" });
  same(response.status, 405, "status of POST /events");
  await response.text();
  await server.unharmed();
});

judge("the stream's head forbids caches and buffering", async (test) => {
  const server = await Server.start(test);
  const controller = new AbortController();
  const response = await fetch(`${server.url}/events?channel=c`, { signal: controller.signal });
  same(response.status, 200, "status");
  expect(/^text\/event-stream/.test(response.headers.get("content-type")), `content type ${response.headers.get("content-type")}`);
  expect(/no-cache|no-store/.test(response.headers.get("cache-control")), `cache control ${response.headers.get("cache-control")}`);
  controller.abort();
  await until(async () => Object.keys((await server.api("channels", {})).channels).length === 0, 20, "the stream to be forgotten");
  await server.unharmed();
});

judge("several sources and a WebSocket subscriber see the same publications in the same order", async (test) => {
  const server = await Server.start(test);
  const WebSocket = load("ws");
  const sources = numbers(1, 6).map(() => listen(test, `${server.url}/events?channel=same`));
  const socket = new WebSocket(server.websocket);
  test.after(() => socket.terminate());
  const pushed = [];
  socket.on("message", (bytes) => {
    for (const line of bytes.toString().split("\n")) if (line.includes('"pub"')) pushed.push(JSON.parse(line).push.pub);
  });
  socket.on("open", () => socket.send('{"id":1,"connect":{}}\n{"id":2,"subscribe":{"channel":"same"}}'));
  await heard(server, "same", 7);
  await Promise.all(numbers(1, 50).map((n) => server.publish("same", { n })));
  await until(() => pushed.length >= 50, 10, "50 pushes");
  same(pushed.map((publication) => publication.offset), numbers(1, 50), "offsets");
  for (const source of sources) {
    await until(() => source.got.length >= 50, 10, "50 events");
    same(data(source), pushed.map((publication) => publication.data.n), "order");
  }
  await server.unharmed();
});

judge("an HTTP/1.0 client gets a stream that ends with the connection", async (test) => {
  const server = await Server.start(test);
  const socket = net.connect(server.port, PLACE.host);
  test.after(() => socket.destroy());
  let text = "";
  socket.on("data", (piece) => (text += piece));
  socket.on("error", () => {});
  socket.write("GET /events?channel=old HTTP/1.0\r\n\r\n");
  await until(() => text.includes("\r\n\r\n"), 10, "the head");
  if (text.startsWith("HTTP/1.1 200") || text.startsWith("HTTP/1.0 200")) {
    expect(!/transfer-encoding: *chunked/i.test(text), "a chunked answer to HTTP/1.0");
    await heard(server, "old");
    await server.publish("old", { n: 1 });
    await until(() => text.includes('data: {"n":1}') || text.includes('data:{"n":1}'), 10, "the event");
  } else {
    expect(/^HTTP\/1\.[01] (4\d\d|505)/.test(text), `answer to HTTP/1.0: ${text.slice(0, 100)}`);
  }
  await server.unharmed();
});

run();
