// What the Node judges share: cases, a served process, a link that can be cut, and packages from the judges' folder.
//
// A judge prints one line a case: `ok NAME`, `not ok NAME: reason` or `skip NAME: reason`. `cargo xtask test` counts
// these lines. CRORE_CASE narrows a run by hand to names that contain it.
//
// CRORE_IO says where the server stands: nothing for the kernel's loopback, `tap` or `xdp` for crore's own TCP/IP, an interface
// away from the kernel's. A judge that is not in such a network yet is started again in one by `namespace.py`.

import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import net from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { isDeepStrictEqual, inspect } from "node:util";

const ROOT = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "..", "..", "..");
const JUDGES = process.env.CRORE_JUDGES ?? path.join(ROOT, "judges");
const BINARY = process.env.CRORE_BINARY ?? path.join(ROOT, "target", "release", "crore");
export const WORKERS = process.env.CRORE_WORKERS ?? "1";
export const PICTURES = process.env.CRORE_OUT ?? path.join(ROOT, "target", "judges");

/// A package that other people wrote, from the folder into which the judges' packages are installed.
export const load = createRequire(path.join(JUDGES, "package.json"));

/// Where the server stands, as `lib/place.py` has it.
export const PLACE = place();

function place() {
  if (!process.env.CRORE_IO) {
    const model = process.env.CRORE_MODEL;
    return { io: "", host: "127.0.0.1", prefix: [], flags: model ? [`--io=${model}`] : [] };
  }
  if (!process.env.CRORE_PLACE) {
    const launcher = path.join(ROOT, "tests", "judges", "namespace.py");
    const ended = spawnSync("python3", [launcher, process.execPath, ...process.argv.slice(1)], { stdio: "inherit" });
    if (ended.error) console.error(ended.error);
    process.exit(ended.status ?? 1);
  }
  const found = JSON.parse(process.env.CRORE_PLACE);
  // Beyond loopback nothing is open without a configuration, and the API wants a key from whoever is not on its machine.
  return { ...found, flags: [`--io=${found.device}`, `--address=${found.address}`], key: "the-judges-key" };
}

/// The port of the next server on our own TCP/IP; the kernel chooses its own. Never the same again: `fetch` keeps connections to
/// an address, and nobody ends those to a server that was killed.
let nextPort = 8000;

const cases = [];

/// Registers a case. Cases run in the order in which they are written.
export function judge(name, body) {
  cases.push([name, body]);
}

/// Thrown by a case that cannot be judged here; its message is the reason.
export class Skip extends Error {}

/// Runs every case and ends the process: 0 when none failed, else 1.
export async function run() {
  let failed = 0;
  process.on("unhandledRejection", (reason) => {
    failed += 1;
    console.log(`not ok unhandled rejection: ${oneLine(reason)}`);
  });
  for (const [name, body] of cases) {
    if (!name.includes(process.env.CRORE_CASE ?? "")) continue;
    const cleanups = [];
    try {
      await body({ after: (cleanup) => cleanups.push(cleanup) });
      console.log(`ok ${name}`);
    } catch (error) {
      if (error instanceof Skip) {
        console.log(`skip ${name}: ${error.message}`);
      } else {
        failed += 1;
        console.error(error);
        console.log(`not ok ${name}: ${oneLine(error)}`);
      }
    } finally {
      for (const cleanup of cleanups.reverse()) await cleanup();
    }
  }
  process.exit(failed ? 1 : 0);
}

function oneLine(error) {
  return String(error?.message ?? error).replace(/\s+/g, " ").slice(0, 600);
}

/// A judge's assertion.
export function expect(condition, message) {
  if (!condition) throw new Error(message);
}

/// `seen` must equal `due`, deeply; the failure names both.
export function same(seen, due, what) {
  if (!isDeepStrictEqual(seen, due)) {
    const show = (value) => inspect(value, { depth: 6, breakLength: Infinity, maxArrayLength: 60 });
    throw new Error(`${what}: ${show(seen)} instead of ${show(due)}`);
  }
}

/// Waits until `condition()` is truthy and returns its value; fails after `seconds`, naming `what`.
/// Errors while polling count as "not yet": a server that restarts refuses for a moment.
export async function until(condition, seconds, what) {
  const deadline = performance.now() + seconds * 1000;
  let last;
  for (;;) {
    try {
      last = await condition();
      if (last) return last;
    } catch (error) {
      last = error;
    }
    if (performance.now() > deadline) throw new Error(`waited ${seconds} s for ${what}; last seen: ${oneLine(inspect(last))}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

/// One `crore serve` process at its place, on a port of its own.
export class Server {
  static async start(test, { flags = [], config } = {}) {
    const server = new Server();
    server.port = PLACE.io ? nextPort++ : 0;
    server.flags = [...PLACE.flags, `--workers=${WORKERS}`, ...flags];
    if (PLACE.io && !config) server.flags.push("--insecure");
    if (config) {
      const folder = mkdtempSync(path.join(tmpdir(), "crore-judge-"));
      writeFileSync(path.join(folder, "crore.toml"), config);
      server.flags.push(`--config=${path.join(folder, "crore.toml")}`);
      test.after(() => rmSync(folder, { recursive: true, force: true }));
    }
    test.after(() => server.kill());
    await server.launch();
    return server;
  }

  /// Starts the process and waits until it answers; again on the same port.
  async launch() {
    this.printed = "";
    const [program, ...line] = [...PLACE.prefix, BINARY, "serve", `--listen=${PLACE.host}:${this.port}`, ...this.flags];
    const env = PLACE.key ? { ...process.env, CRORE_API_KEY: PLACE.key } : process.env;
    this.child = spawn(program, line, { stdio: ["ignore", "pipe", "pipe"], env });
    for (const stream of [this.child.stdout, this.child.stderr]) {
      stream.on("data", (piece) => {
        this.printed += piece;
        process.stderr.write(piece);
      });
    }
    const found = await until(
      () => {
        if (this.child.exitCode !== null) throw new Error(`the server ended with ${this.child.exitCode}: ${this.printed.slice(-600)}`);
        return this.printed.match(/listening on http:\/\/[0-9.]+:(\d+)/);
      },
      20,
      "the address in the server's output",
    );
    this.port = Number(found[1]);
    this.url = `http://${PLACE.host}:${this.port}`;
    this.websocket = `ws://${PLACE.host}:${this.port}/connection/websocket`;
    await until(async () => (await fetch(`${this.url}/health`)).status === 200, 20, "/health to answer 200");
  }

  /// The `result` of an API method that must succeed.
  async api(method, fields) {
    const response = await fetch(`${this.url}/api/${method}`, {
      method: "POST",
      headers: { "Content-Type": "application/json", ...(PLACE.key && { "X-API-Key": PLACE.key }) },
      body: JSON.stringify(fields),
    });
    const text = await response.text();
    expect(response.status === 200 && JSON.parse(text).result, `/api/${method}: ${response.status} ${text.slice(0, 300)}`);
    return JSON.parse(text).result;
  }

  publish(channel, data) {
    return this.api("publish", { channel, data });
  }

  async metric(name) {
    const text = await (await fetch(`${this.url}/metrics`)).text();
    const lines = text.split("\n").filter((line) => line.startsWith(`${name} `) || line.startsWith(`${name}{`));
    return lines.length ? lines.reduce((sum, line) => sum + Number(line.split(" ").at(-1)), 0) : undefined;
  }

  /// The server is there and none of its tasks panicked.
  async unharmed() {
    same(this.child.exitCode, null, "exit code of a server that should be running");
    same(await this.metric("crore_task_panics_total"), 0, "crore_task_panics_total");
  }

  async kill() {
    if (this.child.exitCode === null && this.child.signalCode === null) {
      this.child.kill("SIGKILL");
      await once(this.child, "exit");
    }
  }

  /// A link to this server that the judge can cut.
  async proxy(test) {
    const proxy = new Proxy(this.port);
    await proxy.open();
    test.after(() => proxy.end());
    return proxy;
  }
}

/// A TCP relay in the path between client and server. `cut()` resets every link and refuses new ones until `heal()`.
export class Proxy {
  constructor(target) {
    this.target = target;
    this.pairs = new Set();
    this.whole = true;
    this.accepted = 0;
    this.listener = net.createServer((client) => this.relay(client));
  }

  async open() {
    this.listener.listen(0, "127.0.0.1");
    await once(this.listener, "listening");
    this.port = this.listener.address().port;
    this.url = `http://127.0.0.1:${this.port}`;
    this.websocket = `ws://127.0.0.1:${this.port}/connection/websocket`;
  }

  relay(client) {
    if (!this.whole) {
      client.resetAndDestroy();
      return;
    }
    this.accepted += 1;
    const server = net.connect(this.target, PLACE.host);
    const pair = [client, server];
    this.pairs.add(pair);
    for (const [from, to] of [pair, [server, client]]) {
      from.setNoDelay(true);
      from.pipe(to);
      from.on("error", () => to.destroy());
      from.on("close", () => {
        to.destroy();
        this.pairs.delete(pair);
      });
    }
  }

  cut() {
    this.whole = false;
    for (const [client, server] of this.pairs) {
      client.resetAndDestroy();
      server.resetAndDestroy();
    }
    this.pairs.clear();
  }

  heal() {
    this.whole = true;
  }

  end() {
    this.cut();
    this.listener.close();
  }
}

/// Whether a program is in PATH, by its first name that is found.
export function program(...names) {
  for (const folder of (process.env.PATH ?? "").split(":")) {
    for (const name of names) {
      if (existsSync(path.join(folder, name))) return path.join(folder, name);
    }
  }
  return undefined;
}
