// Lictor's own pages, as a person uses them: node account.mjs URL "js"|"nojs" DEED ARGUMENTS…; each deed answers with one line of JSON.
import { check, context, open } from "./stage.mjs";

const [url, mode, deed, ...words] = process.argv.slice(2);
const scripted = mode === "js";
const browser = await open();

async function visitor(more = {}) {
  const made = await context(browser, url, { javaScriptEnabled: scripted, ...more });
  const page = await made.newPage();
  // On pages of ours; what Prefect's say is Prefect's affair, and a refusal is no fault of a script's.
  const ours = () => new URL(page.url()).pathname.startsWith("/lictor/");
  page.on("console", (message) => { if (ours() && message.type() === "error" && !message.text().includes("status of 4")) wrong.push(message.text()); });
  page.on("pageerror", (error) => { if (ours()) wrong.push(String(error)); });
  return page;
}
const wrong = [];

// A click that leads on is over when the next page is there.
const follow = (page, what) => Promise.all([page.waitForEvent("load"), typeof what === "string" ? page.click(what) : what.click()]);
const text = (page, selector) => page.locator(selector).innerText();
const status = async (page, expected) => check((await text(page, "[role=status]:not(.unseen)")).includes(expected), `the page does not say "${expected}": ${await text(page, "body")}`);

async function arrive(name, password, more = {}) {
  const page = await visitor(more);
  await page.goto("/lictor/sign-in?next=/lictor/account");
  await page.fill("#name", name);
  await page.fill("#password", password);
  await follow(page, "main button[type=submit]");
  await page.waitForURL((target) => target.pathname.startsWith("/lictor/account"));
  return page;
}

async function makeKey(page, label, choices = {}) {
  await follow(page, "nav >> text=API keys");
  await page.fill("#label", label);
  for (const [field, value] of Object.entries(choices)) await page.selectOption(`#${field}`, value);
  if (choices.expires === "date") await page.fill("#until", "2099-12-31");
  await follow(page, "text=Make the key");
  return (await page.locator("[data-copy='the key']").innerText()).trim();
}

const deeds = {
  // A key is made; its set-up is copied from the page for every version and place.
  async make(name, password, label) {
    const page = await arrive(name, password);
    const key = await makeKey(page, label);
    if (scripted) {
      await page.context().grantPermissions(["clipboard-read", "clipboard-write"], { origin: url });
      await page.click("button[aria-label='Copy the key']");
      await page.waitForFunction(() => document.querySelector("p.unseen[role=status]").textContent.startsWith("Copied"));
      check((await page.evaluate(() => navigator.clipboard.readText())).trim() === key, "the copy button does not copy the key");
    } else {
      check((await page.locator("button:has-text('Copy')").count()) === 0, "there is a copy button that does nothing");
    }
    const recipes = await page.locator("main details").all();
    const setups = [];
    for (const recipe of recipes) {
      if ((await recipe.getAttribute("open")) === null) await recipe.locator("summary").click();
      const versions = await recipe.locator("summary").innerText();
      for (const snippet of await recipe.locator("pre").all()) setups.push({ versions, place: (await snippet.getAttribute("data-copy")).split(",")[0], text: await snippet.innerText() });
    }
    await follow(page, "text=back to my keys");
    check(!(await page.content()).includes(key), "the list shows a whole key");
    return { key, setups };
  },

  // Limits and a date of one's own are taken; nonsense is told beside its field.
  async narrow(name, password) {
    const page = await arrive(name, password);
    await follow(page, "nav >> text=API keys");
    if (scripted) check(!(await page.locator("#until").isVisible()), "the date is shown before it is wanted");
    await page.selectOption("#expires", "date");
    check(await page.locator("#until").isVisible(), "the date is not shown when it is wanted");
    await page.check("input[name=read_only]");
    await page.fill("#label", "dashboard");
    await page.fill("#until", "2001-01-01");
    await follow(page, "text=Make the key");
    const told = page.locator("#expires[aria-invalid=true]");
    check((await text(page, `#${await told.getAttribute("aria-describedby")}`)).includes("This day is over"), "a day that is over is not told");
    check((await page.inputValue("#label")) === "dashboard" && (await page.isChecked("input[name=read_only]")), "what was filled in is lost");
    await page.fill("#until", "2099-12-31");
    await follow(page, "text=Make the key");
    const body = await text(page, "main");
    check(body.includes("read-only") && body.includes("2100-01-01 00:00 UTC"), body);
    return { key: (await page.locator("[data-copy='the key']").innerText()).trim() };
  },

  // The last use is seen before the key is revoked.
  async revoke(name, password, label) {
    const page = await arrive(name, password);
    await follow(page, "nav >> text=API keys");
    await follow(page, page.locator("tr", { hasText: label }).getByRole("link", { name: /^Revoke/ }));
    const asked = await text(page, "main");
    await follow(page, "text=Keep it");
    await follow(page, page.locator("tr", { hasText: label }).getByRole("link", { name: /^Revoke/ }));
    await follow(page, "button:has-text('Revoke the key')");
    await status(page, "The key is revoked.");
    return { asked };
  },

  // One session is ended from another, then all.
  async sessions(name, password) {
    const [here, there] = [await arrive(name, password), await arrive(name, password)];
    await follow(here, "nav >> text=Sessions");
    check((await here.locator("tbody tr").count()) === 2, "two sessions are not listed");
    check((await text(here, "tbody tr:has(.tag)")).includes("Chrome on Linux"), "this session is not marked with its device");
    await follow(here, here.locator("tbody tr:not(:has(.tag)) button"));
    await status(here, "The session has ended.");
    await there.goto("/lictor/account");
    check(there.url().includes("/lictor/sign-in"), "an ended session still opens the account");
    const third = await arrive(name, password);
    await follow(here, "text=End all others");
    await status(here, "All other sessions have ended.");
    await third.goto("/lictor/account");
    check(third.url().includes("/lictor/sign-in"), "one of the others still opens the account");
    await follow(here, "text=End all, this one too");
    await status(here, "All your sessions have ended");
    await here.goto("/lictor/account");
    check(here.url().includes("/lictor/sign-in"), "this session still opens the account");
    return {};
  },

  // The password is changed; what is wrong is told; a first password comes before anything else.
  async password(name, old, fresh) {
    const page = await arrive(name, old);
    if (page.url().includes("/account/password")) await page.goto("/lictor/account/keys");
    else await follow(page, "nav >> text=Password");
    check(page.url().includes("/lictor/account/password"), `a first password is not asked for at once: ${page.url()}`);
    if (scripted) {
      await page.fill("#new", "visible");
      await page.click("button[aria-label='Show new password']");
      check((await page.getAttribute("#new", "type")) === "text", "the password is not shown");
      await page.click("button[aria-label='Show new password']");
    }
    const send = async (current, next, repeat) => {
      for (const [field, value] of [["current", current], ["new", next], ["repeat", repeat]]) await page.fill(`#${field}`, value);
      await follow(page, "button:has-text('Change password')");
    };
    await send(old, fresh, "another thing");
    check((await text(page, "#repeat-problem")).includes("not the same"), "two different passwords were taken");
    await send("not the one of before", fresh, fresh);
    check((await text(page, "#current-problem")).includes("not the current"), "a wrong current password was taken");
    // What is wrong is in focus.
    await page.locator("#current:focus").waitFor();
    await send(old, fresh, fresh);
    await status(page, "The password is changed, and your other sessions have ended.");
    return {};
  },

  // A link sets a password once.
  async reset(link, name, fresh) {
    const page = await visitor();
    await page.goto(link);
    check((await text(page, "h1")).includes(name), "the page does not say whose password it is");
    await page.fill("#new", fresh);
    await page.fill("#repeat", fresh);
    await follow(page, "text=Set the password");
    await status(page, "The password is set.");
    await page.fill("#name", name);
    await page.fill("#password", fresh);
    await follow(page, "main button[type=submit]");
    await page.waitForURL((target) => !target.pathname.startsWith("/lictor/sign-in"));
    const again = await page.goto(link);
    const [used, code] = [await text(page, "main"), again.status()];
    const never = await page.goto(`${link.slice(0, -1)}${link.endsWith("a") ? "b" : "a"}`);
    const without = (said) => said.replace(/request \S+/, "");
    check(code === 410 && never.status() === 410 && without(used) === without(await text(page, "main")), `${used} / ${await text(page, "main")}`);
    return {};
  },

  // From the sign-in page to a key with the keyboard alone.
  async keyboard(name, password) {
    const page = await visitor();
    await page.goto("/lictor/sign-in?next=/lictor/account");
    const leadsTo = (path) => page.waitForURL((target) => target.pathname === path);
    const press = async (keys) => { for (const key of keys.split(" ")) await page.keyboard.press(key); };
    const focused = () => page.evaluate(() => {
      const { id, tagName, textContent, ariaLabel } = document.activeElement;
      const { outlineStyle, outlineWidth } = getComputedStyle(document.activeElement);
      return { id, what: ariaLabel || (tagName === "INPUT" || tagName === "SELECT" ? id : textContent.trim()), ring: outlineStyle !== "none" && parseFloat(outlineWidth) >= 2 };
    });
    const to = async (what) => {
      for (let steps = 0; steps < 40; steps += 1) {
        const seen = await focused();
        if (seen.id === what || seen.what === what) {
          check(seen.ring, `${what} has no ring when it is in focus`);
          return;
        }
        await press("Tab");
      }
      check(false, `the Tab key does not lead to ${what}`);
    };
    await page.locator("#name:focus").waitFor();
    await page.keyboard.type(name);
    await to("password");
    await page.keyboard.type(password);
    await Promise.all([leadsTo("/lictor/account"), press("Enter")]);
    await press("Tab");
    check((await focused()).what === "Skip to the content", "the first stop is not the way past the navigation");
    await Promise.all([page.waitForURL(/#main$/), press("Enter")]);
    check((await focused()).id === "main", "skipping leads nowhere");
    await page.reload();
    await to("API keys");
    await Promise.all([leadsTo("/lictor/account/keys"), press("Enter")]);
    await to("label");
    await page.keyboard.type("by keyboard");
    await to("expires");
    await press("ArrowDown");
    await to("Make the key");
    await Promise.all([page.waitForSelector("[data-copy='the key']"), press("Enter")]);
    if (scripted) await to("Copy the key");
    await to("I have it: back to my keys");
    await Promise.all([leadsTo("/lictor/account/keys"), press("Enter")]);
    check((await text(page, "tbody")).includes("by keyboard"), "the key is not listed");
    await to("Sign out");
    await Promise.all([leadsTo("/lictor/sign-in"), press("Enter")]);
    return {};
  },

  // Prefect's own choice of theme is followed, and the system's where there is none.
  async theme(name, password) {
    const page = await arrive(name, password, { colorScheme: "light" });
    const background = async () => {
      await page.goto("/lictor/account");
      return page.evaluate(() => getComputedStyle(document.body).backgroundColor);
    };
    const seen = [await background()];
    for (const choice of ["dark", "light", "system"]) {
      await page.evaluate((value) => localStorage.setItem("vite-ui-theme", value), choice);
      seen.push(await background());
    }
    await page.emulateMedia({ colorScheme: "dark" });
    seen.push(await background());
    const [light, dark] = ["rgb(234, 234, 235)", "rgb(38, 39, 43)"];
    check(JSON.stringify(seen) === JSON.stringify([light, dark, light, light, dark]), JSON.stringify(seen));
    return {};
  },
};

try {
  const said = await deeds[deed](...words);
  check(wrong.length === 0, wrong.join("\n"));
  console.log(JSON.stringify(said));
} finally {
  await browser.close();
}
