// Every page of Lictor's, light and dark, wide and on a phone: node look.mjs URL PEOPLE.json [FOLDER]; faults that axe finds are fatal, and pictures go to the folder.
import { readFileSync } from "node:fs";
import { check, context, judge, open, picture } from "./stage.mjs";

const [url, file, folder] = process.argv.slice(2);
const people = JSON.parse(readFileSync(file, "utf8"));
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
  ["device", (page) => page.goto("/lictor/device")],
  ["device-wrong", async (page) => {
    await page.fill("#code", "BBBB-BBBB");
    await follow(page, "text=Continue");
  }],
  ["device-asked", async (page) => {
    await page.goto(`/lictor/device?code=${people.code}`);
    await follow(page, "text=Continue");
  }],
  ["client-login", (page) => page.goto("/auth/client?callback=http%3A//localhost:9")],
  ["client-answer", async (page) => {
    await follow(page, "button:text-is('Allow')");
    // Nobody waits there, so the page shows what to do by hand.
    await page.waitForSelector("[data-told=failed]:visible");
  }],
  ["not-found", (page) => page.goto("/lictor/nothing")],
  ["needs-tls", (page) => page.goto(`${people.plain}/lictor/sign-in`)],
];

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
        faults.push(...(await judge(page, `${view}${name} ${colorScheme}`)));
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
