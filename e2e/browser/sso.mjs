// Sign in at a certified provider, sign out there by Lictor's link, and be signed out here by the provider's own page.
import { check, open } from "./stage.mjs";

const [url, provider, name] = process.argv.slice(2);
const browser = await open();

async function signOn(page) {
  await page.goto("/runs");
  await page.waitForURL(/\/lictor\/sign-in/);
  await page.click("text=Continue with Certified");
  await page.waitForURL((target) => target.origin === provider);
  await page.fill("input[name=login]", name);
  await page.fill("input[name=password]", "any");
  await page.click("button[type=submit]");
  // Consent is asked for once.
  await page.waitForURL((target) => target.origin !== provider || target.pathname.startsWith("/interaction/"));
  if (new URL(page.url()).origin === provider) await page.click("button[type=submit]");
  await page.waitForURL((target) => target.origin === url && !target.pathname.startsWith("/lictor"));
}

try {
  const made = await browser.newContext({ baseURL: url });
  await made.route((target) => ![url, provider].includes(target.origin), (route) => route.abort());
  const page = await made.newPage();
  await signOn(page);
  check(new URL(page.url()).pathname === "/runs", `the sign-in leads on to where one was going, not to ${page.url()}`);
  await page.goto("/lictor/account");
  check((await page.locator(".who").innerText()).includes(name), "the account page names the person");
  console.log("signed in");

  await page.click("form[action='/lictor/sign-out'] button");
  await page.click("text=Sign out of Certified as well");
  await page.waitForURL((target) => target.origin === provider);
  await page.click("button[name=logout]");
  await page.waitForURL(/\/lictor\/sign-in/);
  check((await made.request.get("/api/admin/version")).status() === 401, "signed out here");
  console.log("signed out at both");

  await signOn(page);
  const status = () => page.evaluate(async () => (await fetch("/api/admin/version")).status);
  check((await status()) === 200, "signed in again");
  const other = await made.newPage();
  await other.goto(`${provider}/session/end`);
  await other.click("button[name=logout]");
  await other.waitForURL(/\/session\/end\/success/);
  const began = Date.now();
  while ((await status()) !== 401) check(Date.now() - began < 15000, "the open page ends with the provider's word");
  await page.goto("/runs");
  await page.waitForURL(/\/lictor\/sign-in\?next=/);
  console.log("signed out by the provider");
} finally {
  await browser.close();
}
