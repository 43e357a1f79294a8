// Sign in with a first password, change it, be refused a write as a Viewer, sign out.
import { check, context, open, signIn } from "./stage.mjs";

const [url, name, first, second] = process.argv.slice(2);
const browser = await open();
try {
  const made = await context(browser, url);
  const page = await made.newPage();
  await signIn(page, url, name, first);
  check(page.url().includes("/lictor/account/password"), `a first password must be changed at once, but the page is ${page.url()}`);
  const fields = page.locator("input[type=password]");
  await fields.nth(0).fill(first);
  for (let index = 1; index < (await fields.count()); index += 1) await fields.nth(index).fill(second);
  await page.click("form:has(input[type=password]) button[type=submit]");
  await page.waitForURL((target) => !target.pathname.startsWith("/lictor"));
  await page.goto("/v2/variables");
  await page.waitForFunction(() => document.querySelector("#root")?.textContent?.includes("Variables"));
  console.log("signed in, and the password is changed");

  const stale = btoa("old:password-of-prefect");
  await page.evaluate((value) => localStorage.setItem("prefect-password", value), stale);
  const write = await page.evaluate(async () => {
    const answer = await fetch("/api/variables/", { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ name: "x", value: 1 }) });
    return { status: answer.status, body: await answer.json() };
  });
  check(write.status === 403 && write.body.reason === "permission-denied" && typeof write.body.detail === "string", `a Viewer's write: ${JSON.stringify(write)}`);
  await page.reload();
  await page.waitForFunction(() => document.querySelector("#root")?.textContent?.includes("Variables"));
  console.log("a Viewer's write is refused, and Prefect's own stored password does no harm");

  await page.goto("/lictor/account");
  await page.click("form[action='/lictor/sign-out'] button");
  await page.waitForURL(/\/lictor\/sign-in/);
  const after = (await made.request.get("/api/admin/version")).status();
  check(after === 401, `after signing out the API says ${after}`);
  await signIn(page, url, name, second);
  console.log("signed out, and in again with the new password");
} finally {
  await browser.close();
}
