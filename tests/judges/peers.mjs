// Judge: Node's `fetch` and `http`, and the package `ws`, on the plain pages, the API, the streams and the WebSocket.

import { once } from "node:events";
import http from "node:http";
import { PLACE, Server, expect, judge, load, run, same, until } from "./lib/judge.mjs";

const WebSocket = load("ws");

const numbers = (first, last) => Array.from({ length: last - first + 1 }, (_, index) => first + index);

/// What the API wants of whoever asks.
const headers = { "Content-Type": "application/json", ...(PLACE.key && { "X-API-Key": PLACE.key }) };

const publish = (server, body, more = {}) => fetch(`${server.url}/api/publish`, { method: "POST", headers, body, ...more });

/// A body that comes in these pieces, each when it is asked for.
function stream(pieces) {
  const left = pieces.map((piece) => new TextEncoder().encode(piece));
  return new ReadableStream({
    pull(controller) {
      if (left.length) controller.enqueue(left.shift());
      else controller.close();
    },
  });
}

judge("fetch gets pages one after the other and two hundred at once", async (test) => {
  const server = await Server.start(test);
  for (const [path, status] of [["/health", 200], ["/nowhere", 404], ["/ready", 200], ["/health", 200]]) {
    const response = await fetch(server.url + path);
    await response.arrayBuffer();
    same(response.status, status, path);
  }
  const answers = await Promise.all(numbers(1, 200).map(() => fetch(`${server.url}/metrics`).then((response) => response.text())));
  expect(answers.every((text) => text.includes("crore_task_panics_total 0")), "an answer without its figures");
  const head = await fetch(`${server.url}/health`, { method: "HEAD" });
  same([head.status, await head.text()], [200, ""], "HEAD");
  await server.unharmed();
});

judge("fetch uploads from memory and from a stream, and is told what is too large", async (test) => {
  const server = await Server.start(test);
  const whole = await publish(server, JSON.stringify({ channel: "up", data: "x".repeat(50_000) }));
  same([whole.status, "result" in (await whole.json())], [200, true], "from memory");
  const streamed = await publish(server, stream(['{"channel":"up",', '"data":', "1}"]), { duplex: "half" });
  same([streamed.status, "result" in (await streamed.json())], [200, true], "from a stream");
  // One piece more than the API takes.
  const large = await publish(server, stream(Array(65).fill("x".repeat(64 << 10))), { duplex: "half" });
  same(large.status, 413, "status of a body that is too large");
  await large.text();
  same((await server.api("history", { channel: "up", limit: 0 })).offset, 2, "publications");
  await server.unharmed();
});

judge("fetch gives up while it waits, reads a stream, and the server goes on", async (test) => {
  const server = await Server.start(test);
  for (const _ of numbers(1, 20)) {
    const given = await fetch(`${server.url}/poll?channel=quiet&timeout=30`, { signal: AbortSignal.timeout(30) }).catch((error) => error.name);
    same(given, "TimeoutError", "a poll that was given up");
  }
  for (const n of numbers(1, 30)) await server.publish("feed", { n });
  const { epoch } = await server.api("history", { channel: "feed", limit: 0 });
  const leave = new AbortController();
  const response = await fetch(`${server.url}/events?channel=feed&since=${epoch}:0`, { signal: leave.signal });
  same(response.headers.get("content-type").split(";")[0], "text/event-stream", "type of the stream");
  let text = "";
  const seen = () => [...text.matchAll(/^data: ?(.*)$/gm)].map((match) => JSON.parse(match[1]).n);
  for await (const piece of response.body.pipeThrough(new TextDecoderStream())) {
    text += piece;
    if (text.endsWith("\n\n") && seen().length >= 30) break;
  }
  leave.abort();
  same(seen(), numbers(1, 30), "data of the stream");
  await server.unharmed();
});

/// One request by `http`; the status, the body, and whether its connection was used before.
async function request(url, options, body) {
  const asked = http.request(url, options);
  asked.end(body);
  const [response] = await once(asked, "response");
  let text = "";
  for await (const piece of response) text += piece;
  return { status: response.statusCode, text, reused: asked.reusedSocket };
}

judge("http keeps its connection, and waits until it may send", async (test) => {
  const server = await Server.start(test);
  const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
  test.after(() => agent.destroy());
  const answers = [];
  for (const path of ["/health", "/nowhere", "/health"]) answers.push(await request(server.url + path, { agent }));
  same(answers.map(({ status, reused }) => [status, reused]), [[200, false], [404, true], [200, true]], "statuses and reuse");
  const body = JSON.stringify({ channel: "waits", data: 1 });
  const asked = http.request(`${server.url}/api/publish`, {
    agent,
    method: "POST",
    headers: { ...headers, Expect: "100-continue", "Content-Length": body.length },
  });
  asked.flushHeaders();
  await once(asked, "continue");
  asked.end(body);
  const [response] = await once(asked, "response");
  same(response.statusCode, 200, "status after 100 Continue");
  response.resume();
  await once(response, "end");
  await server.unharmed();
});

/// A connected client of the protocol by `ws`; its replies and pushes gather in `got`.
async function join(test, server, options = {}) {
  const socket = new WebSocket(server.websocket, options);
  test.after(() => socket.terminate());
  socket.got = [];
  socket.on("message", (data) => {
    for (const line of data.toString().split("\n")) if (line.trim()) socket.got.push(JSON.parse(line));
  });
  await once(socket, "open");
  socket.send('{"id":1,"connect":{}}');
  await until(() => socket.got.some((object) => object.id === 1), 10, "the reply to connect");
  return socket;
}

const published = (socket) => socket.got.flatMap((object) => (object.push?.pub ? [object.push.pub.data] : []));

judge("ws is served with and without an offer of compression: commands in pieces, pings, large data", async (test) => {
  const server = await Server.start(test);
  for (const perMessageDeflate of [false, true]) {
    const socket = await join(test, server, { perMessageDeflate });
    const channel = `c${perMessageDeflate}`;
    const text = JSON.stringify({ id: 2, subscribe: { channel } });
    for (const [at, piece] of [...text].entries()) socket.send(piece, { fin: at + 1 === text.length });
    await until(() => socket.got.some((object) => object.id === 2), 10, "the reply to a command in pieces");
    socket.ping("there?");
    const [pong] = await once(socket, "pong");
    same(pong.toString(), "there?", "the pong's payload");
    const data = [1, "ä".repeat(20_000), "x".repeat(40_000), { n: [] }];
    for (const one of data) await server.publish(channel, one);
    await until(() => published(socket).length >= data.length, 10, "the publications");
    same(published(socket), data, "data");
    socket.close(1000, "enough");
    const [code] = await once(socket, "close");
    same(code, 1000, "the code of the closing handshake");
  }
  await server.unharmed();
});

judge("ws is told why: too large a message, nonsense, and a path where there is no WebSocket", async (test) => {
  const server = await Server.start(test);
  for (const [name, data, codes] of [
    ["a message of a megabyte", "x".repeat(1 << 20), [1009]],
    ["nonsense", "nonsense", [3501]],
  ]) {
    const socket = await join(test, server);
    socket.on("error", () => {});
    socket.send(data);
    const [code] = await once(socket, "close");
    expect(codes.includes(code), `${name}: closed with ${code} instead of ${codes}`);
  }
  const misled = new WebSocket(`${server.websocket.replace("/connection/websocket", "")}/health`);
  const [error] = await once(misled, "error");
  expect(/200/.test(error.message), `a WebSocket at /health: ${error.message}`);
  await server.unharmed();
});

await run();
