// Every page of Lictor's, light and dark, wide and on a phone: node look.mjs URL PEOPLE.json [FOLDER]; faults that axe finds are fatal, and pictures go to the folder.
import { readFileSync } from "node:fs";
import { check, context, open, picture } from "./stage.mjs";

const [url, file, folder] = process.argv.slice(2);
const people = JSON.parse(readFileSync(file, "utf8"));
const axe = readFileSync(new URL("node_modules/axe-core/axe.min.js", import.meta.url), "utf8");
const faults = [];

// A click that leads on is over when the next page is there.
const follow = (page, what) => Promise.all([page.waitForEvent("load"), typeof what === "string" ? page.click(what) : what.click()]);

async function enter(page, name, password) {
  await page.goto("/lictor/sign-in?next=/lictor/account");
  await page.fill("#name", name);
  await page.fill("#password", password);
  await follow(page, "main button[type=submit]");
}

// The pages in the order of a first visit; each leaves the browser where the next can go on.
const PAGES = [
  ["sign-in", (page) => page.goto("/lictor/sign-in")],
  ["sign-in-wrong", (page) => enter(page, people.name, "not the password")],
  ["reset", (page) => page.goto(people.link)],
  ["reset-ended", (page) => page.goto("/lictor/reset?token=over")],
  ["first-password", async (page) => {
    await enter(page, people.fresh, people.password);
    await page.waitForURL((target) => target.pathname === "/lictor/account/password");
  }],
  ["account", async (page) => {
    await page.context().clearCookies();
    await enter(page, people.name, people.password);
    await page.waitForURL((target) => target.pathname === "/lictor/account");
    for (const list of await page.locator("main summary").all()) await list.click();
  }],
  ["keys", async (page) => {
    await page.goto("/lictor/account/keys");
  }],
  ["keys-wrong", async (page) => {
    await page.selectOption("#expires", "date");
    await page.fill("#label", "nightly");
    await follow(page, "text=Make the key");
  }],
  ["key-made", async (page) => {
    await page.goto("/lictor/account/keys");
    await page.fill("#label", "laptop");
    await follow(page, "text=Make the key");
    await page.waitForSelector("[data-copy='the key']");
  }],
  ["key-revoke", async (page) => {
    await page.goto("/lictor/account/keys");
    await follow(page, page.locator("td a:has-text('Revoke')").last());
  }],
  ["sessions", (page) => page.goto("/lictor/account/sessions")],
  ["password", (page) => page.goto("/lictor/account/password")],
  ["not-found", (page) => page.goto("/lictor/nothing")],
  ["needs-tls", (page) => page.goto(`${people.plain}/lictor/sign-in`)],
];

async function judge(page, name) {
  await page.evaluate(axe);
  const found = await page.evaluate(() => window.axe.run(document, { resultTypes: ["violations"] }));
  for (const fault of found.violations) {
    if (!["serious", "critical"].includes(fault.impact)) continue;
    faults.push(`${name}: ${fault.impact}: ${fault.id}: ${fault.help}: ${fault.nodes.map((node) => node.html).join(" ").slice(0, 400)}`);
  }
  const order = await page.evaluate(() => [...document.querySelectorAll("h1,h2,h3,h4")].map((heading) => Number(heading.tagName[1])));
  check(order[0] === 1 && order.filter((level) => level === 1).length === 1, `${name}: not one first heading: ${order}`);
  check(order.every((level, at) => at === 0 || level <= order[at - 1] + 1), `${name}: headings out of order: ${order}`);
  const wide = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
  check(wide === 0, `${name}: ${wide} px too wide`);
}

const browser = await open();
try {
  for (const [view, width] of [["", 1000], ["phone-", 375]]) {
    for (const colorScheme of ["light", "dark"]) {
      const made = await context(browser, url, { colorScheme, viewport: { width, height: 700 } });
      // A gateway that a browser reaches over plain HTTP, from elsewhere.
      await made.route((target) => target.origin === new URL(people.plain).origin, (route) => route.continue());
      const page = await made.newPage();
      for (const [name, go] of PAGES) {
        await go(page);
        await judge(page, `${view}${name} ${colorScheme}`);
        if (folder && !view) await picture(page, `${folder}/${name}-${colorScheme}`);
        if (folder && view && name === "keys") await picture(page, `${folder}/${view}${name}-${colorScheme}`);
      }
      await made.close();
    }
  }
} finally {
  await browser.close();
}
check(faults.length === 0, faults.join("\n"));
console.log(`${PAGES.length} pages`);
