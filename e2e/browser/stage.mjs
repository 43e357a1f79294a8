// How does a test drive the browser? A Chromium of the system's, one signed-in context, and a list of what went wrong on a page.
import { chromium } from "playwright-core";

const QUIET = [
  "--no-sandbox", "--disable-background-networking", "--disable-component-update", "--disable-default-apps", "--disable-sync",
  "--disable-domain-reliability", "--no-first-run", "--no-default-browser-check", "--metrics-recording-only",
  "--disable-features=OptimizationHints,MediaRouter,Translate,AutofillServerCommunication", "--disable-dev-shm-usage",
];

export async function open() {
  return chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", headless: true, args: QUIET });
}

// A context that speaks to the gateway alone: what a page wants from elsewhere is cut off, and does not count.
export async function context(browser, url, more = {}) {
  const made = await browser.newContext({ baseURL: url, ...more });
  await made.route((target) => target.origin !== new URL(url).origin, (route) => route.abort());
  return made;
}

// Refusals of our own and failures of Prefect, seen on the wire.
export function watch(page) {
  const refused = [];
  page.on("response", (response) => {
    const path = new URL(response.url()).pathname;
    if (response.status() >= 400 && path.startsWith("/api/")) refused.push(`${response.status()} ${response.request().method()} ${path}`);
  });
  return refused;
}

export async function signIn(page, name, password) {
  await page.goto("/");
  await page.waitForURL(/\/lictor\/sign-in/);
  await page.fill("input[name=name]", name);
  await page.fill("input[name=password]", password);
  await page.click("button[type=submit]");
  await page.waitForURL((target) => !target.pathname.startsWith("/lictor/sign-in"));
}

export function check(condition, what) {
  if (!condition) throw new Error(what);
}
