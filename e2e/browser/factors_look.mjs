// Every page of second factors, light and dark, wide and on a phone: node factors_look.mjs URL PEOPLE.json [FOLDER]; faults that axe finds are fatal, and pictures go to the folder.
import { readFileSync } from "node:fs";
import { code } from "./code.mjs";
import { check, context, judge, open, picture } from "./stage.mjs";

const [url, file, folder] = process.argv.slice(2);
const people = JSON.parse(readFileSync(file, "utf8"));
const faults = [];

const follow = (page, what) => Promise.all([page.waitForEvent("load"), typeof what === "string" ? page.click(what) : what.click()]);

async function enter(page, name) {
  await page.goto("/lictor/sign-in?next=/lictor/account/factors");
  await page.fill("#name", name);
  await page.fill("#password", people.password);
  await follow(page, "main form button[type=submit]");
}

// The pages in the order of a first visit; each leaves the browser where the next can go on.
const PAGES = [
  ["sign-in-passkey", (page) => page.goto("/lictor/sign-in")],
  ["passkey-sign-in", (page) => follow(page, "text=Sign in with a passkey")],
  ["passkey-unknown", (page) => follow(page, "button:has-text('Use a passkey')")],
  ["factors-none", (page, { name }) => enter(page, name)],
  ["totp", (page) => follow(page, "text=Add an authenticator app")],
  ["totp-wrong", async (page) => {
    await page.fill("#code", "000000");
    await follow(page, "text=Add the app");
  }],
  ["recovery-codes", async (page) => {
    const secret = await page.locator("[data-copy='the secret']").innerText();
    await page.fill("#label", "Phone");
    await page.fill("#code", code(secret.trim()));
    await follow(page, "text=Add the app");
    await page.waitForSelector("[data-copy='the recovery codes']");
  }],
  ["passkey", async (page) => {
    await follow(page, "text=I have them: go on");
    await follow(page, "text=Add a passkey");
  }],
  ["factors", async (page) => {
    await page.fill("#label", "Laptop");
    await follow(page, "text=Make the passkey");
  }],
  ["factor-remove", (page) => follow(page, page.getByRole("link", { name: /^Remove Phone/ }))],
  ["confirm", async (page, { name }) => {
    await page.context().clearCookies();
    await enter(page, name);
  }],
  ["confirm-wrong", async (page) => {
    await page.fill("#code", "000000");
    await follow(page, "button:has-text('Confirm')");
  }],
  ["enrol", async (page, { careful }) => {
    await page.context().clearCookies();
    await enter(page, careful);
  }],
  ["reset-factors", (page) => page.goto(people.link)],
];

// Those that the guide shows.
const SHOWN = ["sign-in-passkey", "totp", "recovery-codes", "passkey", "factors", "confirm", "enrol", "reset-factors"];

async function device(page) {
  const cdp = await page.context().newCDPSession(page);
  await cdp.send("WebAuthn.enable");
  const options = { protocol: "ctap2", transport: "internal", hasResidentKey: true, hasUserVerification: true, isUserVerified: true, automaticPresenceSimulation: true };
  const { authenticatorId } = await cdp.send("WebAuthn.addVirtualAuthenticator", { options });
  // A passkey from elsewhere, so that there is one to be refused.
  const key = await crypto.subtle.generateKey({ name: "ECDSA", namedCurve: "P-256" }, true, ["sign"]);
  const privateKey = Buffer.from(await crypto.subtle.exportKey("pkcs8", key.privateKey)).toString("base64");
  const handle = Buffer.from("0000000000000000").toString("base64");
  await cdp.send("WebAuthn.addCredential", { authenticatorId, credential: { credentialId: Buffer.from("elsewhere").toString("base64"), isResidentCredential: true, rpId: "localhost", privateKey, userHandle: handle, signCount: 0 } });
}

const browser = await open();
try {
  let at = 0;
  for (const [view, width] of [["", 1000], ["phone-", 375]]) {
    for (const colorScheme of ["light", "dark"]) {
      const made = await context(browser, url, { colorScheme, viewport: { width, height: 700 } });
      const page = await made.newPage();
      await device(page);
      for (const [name, go] of PAGES) {
        await go(page, people.visits[at]);
        faults.push(...(await judge(page, `${view}${name} ${colorScheme}`)));
        if (folder && !view && SHOWN.includes(name)) await picture(page, `${folder}/${name}-${colorScheme}`);
      }
      await made.close();
      at += 1;
    }
  }
} finally {
  await browser.close();
}
check(faults.length === 0, faults.join("\n"));
console.log(`${PAGES.length} pages`);
