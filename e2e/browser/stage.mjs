// How does a test drive the browser? A Chromium of the system's, one signed-in context, and a list of what went wrong on a page.
import { readFileSync, writeFileSync } from "node:fs";
import { chromium } from "playwright-core";
import UPNG from "upng-js";

const QUIET = [
  "--no-sandbox", "--disable-background-networking", "--disable-component-update", "--disable-default-apps", "--disable-sync",
  "--disable-domain-reliability", "--no-first-run", "--no-default-browser-check", "--metrics-recording-only",
  "--disable-features=OptimizationHints,MediaRouter,Translate,AutofillServerCommunication", "--disable-dev-shm-usage",
];
// What Prefect's UI wants from elsewhere is refused by our policy, and what it asks for and never had is its own affair.
const KNOWN = /amplitude|cdn\.sanity\.io|raw\.githubusercontent\.com|\/ico\/undefined\.svg/;

const AXE = readFileSync(new URL("node_modules/axe-core/axe.min.js", import.meta.url), "utf8");

export async function open() {
  return chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", headless: true, args: QUIET });
}

// A context that speaks to the gateway alone: what a page wants from elsewhere is cut off, and does not count.
export async function context(browser, url, more = {}) {
  const made = await browser.newContext({ baseURL: url, ...more });
  await made.route((target) => target.origin !== new URL(url).origin, (route) => route.abort());
  return made;
}

// A path of the gateway's as a browser asks for it: the address may have a path of its own.
export function at(url, path) {
  return url.replace(/\/$/, "") + path;
}

// Refusals of our own, failures of Prefect, requests that leave the gateway's path, and what the console says.
export function watch(page, url) {
  const wrong = [];
  const [origin, base] = [new URL(url).origin, new URL(at(url, "/")).pathname];
  page.on("response", (response) => {
    const asked = new URL(response.url());
    const line = `${response.status()} ${response.request().method()} ${asked.pathname}`;
    if (asked.origin !== origin || KNOWN.test(line)) return;
    if (!asked.pathname.startsWith(base)) wrong.push(`outside ${base}: ${line}`);
    else if (response.status() >= 500 || [401, 403].includes(response.status())) wrong.push(`${line} ${response.headers()["x-lictor-reason"]}`);
    else if (response.status() >= 400 && !asked.pathname.startsWith(`${base}api/`)) wrong.push(line);
  });
  page.on("console", (message) => {
    const text = `${message.text()} ${message.location().url}`;
    // A failed request is told above, with more of it.
    if (message.type() === "error" && !KNOWN.test(text) && !/^Failed to load resource/.test(text)) wrong.push(`console: ${text.slice(0, 300)}`);
  });
  page.on("pageerror", (error) => wrong.push(`uncaught: ${error.message.slice(0, 300)}`));
  return wrong;
}

export async function fillIn(page, name, password) {
  await page.waitForURL((target) => target.pathname.endsWith("/lictor/sign-in"));
  await page.fill("input[name=name]", name);
  await page.fill("input[name=password]", password);
  await page.click("button[type=submit]");
  await page.waitForURL((target) => !target.pathname.endsWith("/lictor/sign-in"));
}

export async function signIn(page, url, name, password) {
  await page.goto(at(url, "/"));
  await fillIn(page, name, password);
}

export async function isDrawn(page) {
  await page.waitForFunction(() => document.querySelector("#root, #app")?.textContent?.trim().length > 20, null, { timeout: 20000 });
}

// Waits until the page asks for nothing more, but not for pages that never stop asking.
export function quietly(page) {
  const open = new Set();
  let last = Date.now();
  const change = (act, request) => {
    open[act](request);
    last = Date.now();
  };
  page.on("request", (request) => change("add", request));
  // Whether a browser reads the whole of an answer is its own affair.
  page.on("response", (response) => change("delete", response.request()));
  page.on("requestfailed", (request) => change("delete", request));
  page.on("framenavigated", () => open.clear());
  return async () => {
    const until = (last = Date.now()) + 2500;
    while (Date.now() < until && (open.size > 0 || Date.now() - last < 250)) await page.evaluate(() => new Promise(requestAnimationFrame));
  };
}

// A picture of at most 128 colours is a third of the size, and nobody sees it.
export async function picture(page, file, more = { fullPage: true }) {
  await page.evaluate(() => document.fonts.ready);
  const shot = UPNG.decode((await page.screenshot({ animations: "disabled", ...more })).buffer);
  writeFileSync(`${file}.png`, Buffer.from(UPNG.encode(UPNG.toRGBA8(shot), shot.width, shot.height, 128)));
}

export function check(condition, what) {
  if (!condition) throw new Error(what);
}

// What axe finds serious in our own parts of a page of Prefect's.
export async function faultsOfOurs(page) {
  await page.evaluate(AXE);
  const found = await page.evaluate(() => {
    const include = ["lictor-badge", "lictor-note", "lictor-viewing"].filter((place) => document.querySelector(place)).map((place) => [place]);
    return window.axe.run({ include }, { resultTypes: ["violations"] });
  });
  check(found.passes.length > 0, "axe looked at nothing");
  return found.violations.filter(({ impact }) => ["serious", "critical"].includes(impact)).map(({ id, nodes }) => `${id}: ${nodes.map((node) => node.html).join(" ")}`);
}

// What axe finds serious on a page of Lictor's, and what it does not look at: the order of headings, and room on a narrow screen.
export async function judge(page, name) {
  await page.evaluate(AXE);
  const found = await page.evaluate(() => window.axe.run(document, { resultTypes: ["violations"] }));
  const faults = found.violations.filter((fault) => ["serious", "critical"].includes(fault.impact));
  const order = await page.evaluate(() => [...document.querySelectorAll("h1,h2,h3,h4")].map((heading) => Number(heading.tagName[1])));
  check(order[0] === 1 && order.filter((level) => level === 1).length === 1, `${name}: not one first heading: ${order}`);
  check(order.every((level, at) => at === 0 || level <= order[at - 1] + 1), `${name}: headings out of order: ${order}`);
  const wide = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
  check(wide === 0, `${name}: ${wide} px too wide`);
  return faults.map((fault) => `${name}: ${fault.impact}: ${fault.id}: ${fault.help}: ${fault.nodes.map((node) => node.html).join(" ").slice(0, 400)}`);
}
