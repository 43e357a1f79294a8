// A person lets a program in: node login.mjs URL "js"|"nojs" DEED ADDRESS NAME PASSWORD [CODE]; answers with one line of JSON.
import { check, context, open } from "./stage.mjs";

const [url, mode, deed, address, name, password, code] = process.argv.slice(2);
const browser = await open();
const wrong = [];

// A click that leads on is over when the next page is there.
const follow = (page, what) => Promise.all([page.waitForEvent("load"), page.click(what)]);
const text = (page, selector) => page.locator(selector).innerText();

// Opens the address as somebody who is not signed in yet, and comes back to it.
async function arrive() {
  const made = await context(browser, url, { javaScriptEnabled: mode === "js" });
  // The client waits on this machine, at a port of its own.
  await made.route((target) => target.hostname === "localhost", (route) => route.continue());
  const page = await made.newPage();
  page.on("pageerror", (error) => wrong.push(String(error)));
  page.on("console", (message) => { if (/Content Security Policy|Trusted/i.test(message.text())) wrong.push(message.text()); });
  await page.goto(address);
  check(page.url().includes("/lictor/sign-in?next="), `not sent to sign in: ${page.url()}`);
  await page.fill("#name", name);
  await page.fill("#password", password);
  await follow(page, "main button[type=submit]");
  check(page.url() === address || decodeURIComponent(page.url()) === decodeURIComponent(address), `not back at ${address}: ${page.url()}`);
  return page;
}

const deeds = {
  async device() {
    const page = await arrive();
    check((await page.inputValue("#code")) === code, "the code is not filled in");
    await follow(page, "text=Continue");
    const asked = await text(page, "main");
    check(asked.includes(code) && asked.includes("as it says") && asked.includes(`acts as ${name}`), asked);
    await page.fill("#label", "");
    await page.selectOption("#expires", "date");
    await page.fill("#until", "2001-01-01");
    await page.fill("#label", "by browser");
    await follow(page, "button:text-is('Allow')");
    check((await text(page, "#expires-problem")).includes("This day is over"), "a day that is over is not told");
    check((await page.inputValue("#label")) === "by browser", "what was filled in is lost");
    await page.selectOption("#expires", "1d");
    await follow(page, "button:text-is('Allow')");
    check((await text(page, "[role=status]:not(.unseen)")).startsWith("Allowed."), await text(page, "main"));
    return {};
  },

  async client() {
    const page = await arrive();
    await follow(page, "button:text-is('Allow')");
    if (mode === "js") await page.waitForSelector("[data-told]:not([data-told=by-hand]):visible");
    const command = page.locator("[data-copy='the command']");
    return { told: await text(page, "main"), command: (await command.count()) && (await command.isVisible()) ? await command.innerText() : "", left: await page.content() };
  },

  async refuse() {
    const page = await arrive();
    await follow(page, "button:has-text('Deny')");
    await page.waitForSelector("[data-told=done]:visible");
    return { told: await text(page, "main") };
  },
};

try {
  const said = await deeds[deed]();
  check(wrong.length === 0, wrong.join("\n"));
  console.log(JSON.stringify(said));
} finally {
  await browser.close();
}
