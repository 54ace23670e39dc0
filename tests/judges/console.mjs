// Judge: the console at / in headless Chromium. Live figures, subscribing and publishing by hand, no errors, and room on a phone.
// Screenshots go to target/judges/.

import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { PICTURES, PLACE, Server, Skip, WORKERS, expect, judge, load, program, run, same, until } from "./lib/judge.mjs";

const WebSocket = load("ws");
const FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"];

/// Chromium with a profile of its own, and a page whose complaints are kept.
async function browse(test, url, viewport, scheme = "light") {
  const executablePath = program("chromium", "chromium-browser", "google-chrome");
  if (!executablePath) throw new Skip("chromium is missing");
  const { chromium } = load("playwright-core");
  const profile = mkdtempSync(path.join(tmpdir(), "crore-console-"));
  const context = await chromium.launchPersistentContext(profile, {
    executablePath,
    headless: true,
    args: FLAGS,
    viewport,
    colorScheme: scheme,
  });
  const page = context.pages()[0] ?? (await context.newPage());
  // The page asks for the key where the API wants one, and keeps it here.
  if (PLACE.key) await page.addInitScript((key) => sessionStorage.setItem("crore.key", key), PLACE.key);
  page.complaints = [];
  test.after(async () => {
    if (page.complaints.length) console.error("the page complained:", page.complaints);
    await context.close();
    rmSync(profile, { recursive: true, force: true });
  });
  page.on("console", (message) => message.type() === "error" && page.complaints.push(message.text()));
  page.on("pageerror", (error) => page.complaints.push(String(error)));
  page.on("requestfailed", (request) => page.complaints.push(`${request.url()}: ${request.failure()?.errorText}`));
  page.on("request", (request) => {
    if (!request.url().startsWith(url) && !request.url().startsWith("data:")) page.complaints.push(`asked elsewhere: ${request.url()}`);
  });
  await page.goto(url, { waitUntil: "load" });
  return page;
}

async function picture(page, name) {
  mkdirSync(PICTURES, { recursive: true });
  await page.screenshot({ path: path.join(PICTURES, `${name}${PLACE.io && `-${PLACE.io}`}-w${WORKERS}.png`), fullPage: true });
}

const shown = async (page) => Number((await page.textContent("[data-metric=connections]")).replace(/[^0-9]/g, "") || NaN);

/// Subscribers that live as long as the case.
function crowd(test, server, count) {
  const sockets = Array.from({ length: count }, () => {
    const socket = new WebSocket(server.websocket);
    socket.on("open", () => socket.send('{"id":1,"connect":{}}\n{"id":2,"subscribe":{"channel":"demo"}}'));
    socket.on("error", () => {});
    return socket;
  });
  test.after(() => sockets.forEach((socket) => socket.terminate()));
  return sockets;
}

judge("the figure of live connections follows what happens", async (test) => {
  const server = await Server.start(test);
  const page = await browse(test, server.url, { width: 1400, height: 900 });
  const sockets = crowd(test, server, 50);
  await until(async () => (await shown(page)) >= 50, 20, "50 connections on the page");
  for (const n of [1, 2, 3]) await server.publish("demo", { n });
  await picture(page, "console");
  sockets.splice(0, 40).forEach((socket) => socket.terminate());
  await until(async () => (await shown(page)) < 50, 20, "fewer connections on the page");
  same(page.complaints, [], "complaints of the page");
  await server.unharmed();
});

judge("subscribing and publishing by hand works in the page", async (test) => {
  const server = await Server.start(test);
  const page = await browse(test, server.url, { width: 1400, height: 900 }, "dark");
  await page.fill("#channel", "by-hand");
  await page.click("#subscribe");
  await until(async () => (await server.api("channels", {})).channels["by-hand"], 10, "the page's subscription");
  await page.fill("#message", '{"text":"written by hand"}');
  await page.click("#publish");
  await until(async () => (await page.textContent("#log")).includes("written by hand"), 10, "the message in the log");
  await server.publish("by-hand", { text: "<img src=x onerror=document.title='owned'>" });
  await until(async () => (await page.textContent("#log")).includes("onerror"), 10, "the hostile message in the log");
  same(await page.$$eval("#log img", (found) => found.length), 0, "elements made from a publication");
  await picture(page, "console-dark");
  same(page.complaints, [], "complaints of the page");
  await server.unharmed();
});

judge("on a phone nothing scrolls sideways and everything can be reached", async (test) => {
  const server = await Server.start(test);
  crowd(test, server, 12);
  const page = await browse(test, server.url, { width: 390, height: 844 });
  await until(async () => (await shown(page)) >= 12, 20, "12 connections on the page");
  await page.fill("#channel", "phone");
  await page.click("#subscribe");
  await until(async () => (await server.api("channels", {})).channels.phone, 10, "the page's subscription");
  await server.publish("phone", { long: "x".repeat(400) });
  await until(async () => (await page.textContent("#log")).includes("xxxx"), 10, "the message in the log");
  const [wide, visible] = await page.evaluate(() => [document.documentElement.scrollWidth, document.documentElement.clientWidth]);
  expect(wide <= visible, `the page is ${wide} px wide in ${visible} px`);
  for (const hook of ["#channel", "#subscribe", "#message", "#publish", "#log", "[data-metric=connections]"]) {
    expect(await page.isVisible(hook), `${hook} is not visible`);
  }
  await picture(page, "console-phone");
  same(page.complaints, [], "complaints of the page");
  await server.unharmed();
});

judge("the page says that this is a playground, and needs nothing from elsewhere", async (test) => {
  const server = await Server.start(test);
  const response = await fetch(server.url);
  const policy = response.headers.get("content-security-policy") ?? "";
  expect(policy.includes("default-src 'self'"), `content security policy ${JSON.stringify(policy)}`);
  const html = await response.text();
  const outside = [...html.matchAll(/(?:src|href)\s*=\s*["']?(https?:)?\/\/[^"'\s>]+/gi)].map((match) => match[0]);
  same(outside, [], "things loaded from elsewhere");
  const page = await browse(test, server.url, { width: 1400, height: 900 });
  await until(async () => /playground/i.test(await page.evaluate(() => document.body.innerText)), 10, "the word playground");
  await server.unharmed();
});

run();
