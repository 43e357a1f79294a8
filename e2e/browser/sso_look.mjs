// The pages of single sign-on, light and dark, wide and on a phone: node sso_look.mjs URL PROVIDER NAME STRANGER [FOLDER]; faults that axe finds are fatal.
import { check, judge, open, picture } from "./stage.mjs";

const [url, provider, name, stranger, folder] = process.argv.slice(2);
const browser = await open();
const faults = [];

async function enter(page, person) {
  await page.goto("/lictor/sign-in?next=/lictor/account");
  await page.click("text=Continue with Certified");
  await page.waitForURL((target) => target.origin === provider);
  await page.fill("input[name=login]", person);
  await page.fill("input[name=password]", "any");
  await page.click("button[type=submit]");
  await page.waitForURL((target) => target.origin !== provider || target.pathname.startsWith("/interaction/"));
  if (new URL(page.url()).origin === provider) await page.click("button[type=submit]");
  await page.waitForURL((target) => target.origin === url);
}

const PAGES = [
  ["sign-in-providers", (page) => page.goto("/lictor/sign-in")],
  ["sign-on-refused", (page) => enter(page, stranger)],
  ["signed-out", async (page) => {
    await page.context().clearCookies();
    await enter(page, name);
    await page.click("form[action='/lictor/sign-out'] button");
    await page.waitForSelector("text=Sign out of Certified as well");
  }],
];

try {
  for (const [view, width] of [["", 1000], ["phone-", 375]]) {
    for (const colorScheme of ["light", "dark"]) {
      const made = await browser.newContext({ baseURL: url, colorScheme, viewport: { width, height: 700 } });
      await made.route((target) => ![url, provider].includes(target.origin), (route) => route.abort());
      const page = await made.newPage();
      for (const [page_name, go] of PAGES) {
        await go(page);
        faults.push(...(await judge(page, `${view}${page_name} ${colorScheme}`)));
        if (folder && !view) await picture(page, `${folder}/${page_name}-${colorScheme}`);
      }
      await made.close();
    }
  }
} finally {
  await browser.close();
}
check(faults.length === 0, faults.join("\n"));
console.log(`${PAGES.length} pages`);
