// Whose session ends while a page of Prefect's UI is open signs in again, and is back on that page.
import { at, check, context, fillIn, isDrawn, open, watch } from "./stage.mjs";

const { url, name, password, flow } = JSON.parse(process.argv[2]);
const where = (page) => page.url().slice(new URL(url).origin.length);
const browser = await open();

async function endElsewhere() {
  const elsewhere = await context(browser, url);
  const page = await elsewhere.newPage();
  await page.goto(at(url, "/lictor/sign-in"));
  await fillIn(page, name, password);
  const headers = { origin: new URL(url).origin, "sec-fetch-site": "same-origin" };
  const ended = await elsewhere.request.post(at(url, "/lictor/account/sessions/end-others"), { headers, form: { all: "others" }, maxRedirects: 0 });
  check(ended.status() === 303, `ending sessions: ${ended.status()}`);
  await elsewhere.close();
}

try {
  for (const [ui, start] of [["/v2", `/v2/flows/flow/${flow}?tab=deployments`], ["", `/flows/flow/${flow}?tab=Deployments`]]) {
    const made = await context(browser, url);
    const page = await made.newPage();
    await page.goto(at(url, start));
    await fillIn(page, name, password);
    await isDrawn(page);
    check(where(page).startsWith(new URL(at(url, start)).pathname), `a deep link came back to ${where(page)}`);
    await page.locator("lictor-badge button.who").waitFor();
    const seen = watch(page, url);

    await endElsewhere();
    while ((await made.request.get(at(url, "/api/admin/version"))).status() !== 401);
    // A page that asks again by itself may have left already.
    await page.locator(`a[href$="${ui}/variables"]`).first().click({ timeout: 10000 }).catch((error) => check(page.url().includes("/lictor/sign-in"), error.message));
    await page.waitForURL((target) => target.pathname.endsWith("/lictor/sign-in"));
    const next = new URL(page.url()).searchParams.get("next");
    check(next.startsWith(`${ui}/variables`) || next.startsWith(start), `signing in would lead to ${next}`);
    await fillIn(page, name, password);
    await isDrawn(page);
    check(where(page).startsWith(new URL(at(url, next)).pathname), `came back to ${where(page)}, not to ${next}`);
    await page.locator("lictor-badge button.who").waitFor();
    const others = seen.filter((line) => !/^401 /.test(line));
    check(others.length === 0, others.join("\n"));
    console.log(`back on ${where(page)}`);
  }
} finally {
  await browser.close();
}
