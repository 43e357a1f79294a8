// Second factors, as a person uses them: node factors.mjs URL "js"|"nojs" DEED ARGUMENTS…; each deed answers with one line of JSON.
import jsqr from "jsqr";
import UPNG from "upng-js";
import { code } from "./code.mjs";
import { check, context, open } from "./stage.mjs";

const [url, mode, deed, ...words] = process.argv.slice(2);
const scripted = mode === "js";
const browser = await open();
const wrong = [];

const follow = (page, what) => Promise.all([page.waitForEvent("load"), typeof what === "string" ? page.click(what) : what.click()]);
const text = (page, selector) => page.locator(selector).innerText();
const path = (page) => new URL(page.url()).pathname;
const at = (page, expected) => check(path(page) === expected, `at ${page.url()} and not at ${expected}: `);
const says = async (page, expected) => check((await text(page, "main")).includes(expected), `the page does not say "${expected}": ${await text(page, "main")}`);

async function visitor() {
  const made = await context(browser, url, { javaScriptEnabled: scripted });
  const page = await made.newPage();
  const ours = () => new URL(page.url()).pathname.startsWith("/lictor/");
  page.on("console", (message) => { if (ours() && message.type() === "error" && !message.text().includes("status of 4")) wrong.push(message.text()); });
  page.on("pageerror", (error) => { if (ours()) wrong.push(String(error)); });
  return page;
}

async function signIn(page, name, password, next = "/lictor/account") {
  await page.goto(`/lictor/sign-in?next=${encodeURIComponent(next)}`);
  await page.fill("#name", name);
  await page.fill("#password", password);
  await follow(page, "main form button[type=submit]");
}

async function confirm(page, given) {
  await page.fill("#code", given);
  await follow(page, "button:has-text('Confirm')");
}

const signOut = (page) => follow(page, "header button:has-text('Sign out')");

// On the page that adds an app: reads the secret as a person and as a camera does, and gives its code. Answers the secret and the recovery codes.
async function addApp(page) {
  const secret = (await text(page, "[data-copy='the secret']")).trim();
  const picture = await page.locator("svg.qr").screenshot();
  const shot = UPNG.decode(picture.buffer.slice(picture.byteOffset, picture.byteOffset + picture.length));
  const seen = jsqr(new Uint8ClampedArray(UPNG.toRGBA8(shot)[0]), shot.width, shot.height)?.data ?? "";
  check(seen.startsWith("otpauth://totp/Lictor%20") && seen.includes(`secret=${secret.replaceAll(" ", "")}&`), `the QR code says ${seen}`);
  await page.fill("#label", "phone");
  await page.fill("#code", "000000");
  await follow(page, "text=Add the app");
  check((await text(page, "#code-problem")).includes("not the code of now"), "a wrong code was taken");
  check((await text(page, "[data-copy='the secret']")).trim() === secret, "after a wrong code it is another secret");
  check((await page.inputValue("#label")) === "phone", "the label is lost");
  await page.fill("#code", code(secret));
  await follow(page, "text=Add the app");
  const codes = (await text(page, "[data-copy='the recovery codes']")).trim().split("\n");
  check(codes.length === 10 && new Set(codes).size === 10, `not ten recovery codes: ${codes}`);
  await follow(page, "text=I have them: go on");
  return { secret, codes };
}

async function authenticator(page, more = {}) {
  const cdp = await page.context().newCDPSession(page);
  await cdp.send("WebAuthn.enable");
  const options = { protocol: "ctap2", transport: "internal", hasResidentKey: true, hasUserVerification: true, isUserVerified: true, automaticPresenceSimulation: true, ...more };
  const { authenticatorId } = await cdp.send("WebAuthn.addVirtualAuthenticator", { options });
  const credentials = async () => (await cdp.send("WebAuthn.getCredentials", { authenticatorId })).credentials;
  return { cdp, authenticatorId, credentials };
}

async function addPasskey(page, label) {
  await page.goto("/lictor/account/factors");
  await follow(page, "text=Add a passkey");
  await page.fill("#label", label);
  await follow(page, "text=Make the passkey");
}

const deeds = {
  // An app is added; from then on the password alone leads nowhere; a code counts once, and so does a recovery code.
  async app(name, password) {
    const page = await visitor();
    await signIn(page, name, password);
    await follow(page, "nav >> text=Second factors");
    await follow(page, "text=Add an authenticator app");
    const { secret, codes } = await addApp(page);
    await says(page, "The second factor is added.");
    await says(page, "10 of 10 are left");
    await signOut(page);
    await signIn(page, name, password, "/lictor/account/keys");
    at(page, "/lictor/confirm");
    for (const around of ["/lictor/account/keys", "/lictor/account/factors", "/lictor/account/factors/totp", "/lictor/account/password", "/lictor/sign-in"]) {
      await page.goto(around);
      at(page, "/lictor/confirm");
    }
    await page.goto("/lictor/confirm?next=/lictor/account/keys");
    await confirm(page, "000000");
    check((await text(page, "#problem")).includes("was not accepted"), "a wrong code was taken");
    const next = code(secret, 1);
    await confirm(page, next);
    at(page, "/lictor/account/keys");
    await signOut(page);
    await signIn(page, name, password);
    await confirm(page, next);
    check((await text(page, "#problem")).includes("was not accepted"), "a code was taken twice");
    await confirm(page, codes[2]);
    at(page, "/lictor/account");
    await follow(page, "nav >> text=Second factors");
    await says(page, "9 of 10 are left");
    await signOut(page);
    await signIn(page, name, password);
    await confirm(page, codes[2]);
    check((await text(page, "#problem")).includes("was not accepted"), "a recovery code was taken twice");
    await confirm(page, codes[3].toUpperCase().replaceAll("-", " "));
    await page.goto("/lictor/account/factors");
    await follow(page, "text=Make ten new ones");
    const fresh = (await text(page, "[data-copy='the recovery codes']")).trim().split("\n");
    check(fresh.length === 10 && !fresh.includes(codes[4]), "the codes are not new");
    await follow(page, "text=I have them: go on");
    await follow(page, page.getByRole("link", { name: /^Remove phone/ }));
    await says(page, "It is your last one");
    await follow(page, "button:has-text('Remove it')");
    await says(page, "The second factor is removed.");
    await signOut(page);
    await signIn(page, name, password);
    at(page, "/lictor/account");
    return { secret, codes };
  },

  // A passkey after the password, and alone, without a name.
  async passkey(name, password) {
    const page = await visitor();
    const device = await authenticator(page);
    await signIn(page, name, password);
    await addPasskey(page, "laptop");
    await follow(page, "text=I have them: go on");
    await says(page, "The second factor is added.");
    const [made] = await device.credentials();
    check(made.rpId === "localhost" && made.isResidentCredential, JSON.stringify(made));
    await signOut(page);
    await signIn(page, name, password, "/lictor/account/keys");
    at(page, "/lictor/confirm");
    await follow(page, "text=Use a passkey");
    at(page, "/lictor/account/keys");
    await signOut(page);
    await page.goto("/lictor/sign-in?next=/lictor/account/sessions");
    await follow(page, "text=Sign in with a passkey");
    await follow(page, "button:has-text('Use a passkey')");
    at(page, "/lictor/account/sessions");
    check((await text(page, ".who")).includes(name), "somebody else is signed in");
    // Twice the same device is no second passkey.
    await page.goto("/lictor/account/factors/passkey");
    await page.click("text=Make the passkey");
    await page.waitForFunction(() => document.querySelector("[data-problem]").textContent.includes("has a passkey for this account already"));
    await page.goto("/lictor/account/factors");
    check((await text(page, "tbody")).includes("laptop") && !(await text(page, "tbody")).includes("never"), await text(page, "tbody"));
    await follow(page, page.getByRole("link", { name: /^Remove laptop/ }));
    await follow(page, "button:has-text('Remove it')");
    await signOut(page);
    // The device still has it; nobody here does.
    await page.goto("/lictor/sign-in/passkey");
    await follow(page, "button:has-text('Use a passkey')");
    await says(page, "This passkey does not sign in here");
    return {};
  },

  // What a browser answers is worth nothing in other hands: another person's question, a question of before, a device that was not unlocked.
  async misuse(name, other, password) {
    const page = await visitor();
    const device = await authenticator(page);
    await signIn(page, name, password);
    await addPasskey(page, "mine");
    await follow(page, "text=I have them: go on");
    await signOut(page);
    // Somebody else, with a passkey of their own on another device, gives this one instead.
    const stranger = await visitor();
    await authenticator(stranger);
    await signIn(stranger, other, password);
    await addPasskey(stranger, "theirs");
    await follow(stranger, "text=I have them: go on");
    await signOut(stranger);
    await signIn(stranger, other, password);
    const question = await stranger.evaluate(() => ({ ...JSON.parse(document.querySelector("form[data-passkey]").dataset.options).publicKey }));
    await signIn(page, name, password);
    const [mine] = await device.credentials();
    const answer = await page.evaluate(async ({ challenge, id }) => {
      const bytes = (text) => Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (letter) => letter.charCodeAt(0));
      const encode = (data) => btoa(String.fromCharCode(...new Uint8Array(data))).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
      const shown = await navigator.credentials.get({ publicKey: { challenge: bytes(challenge), rpId: "localhost", allowCredentials: [{ type: "public-key", id: bytes(id) }], userVerification: "required" } });
      const { authenticatorData, clientDataJSON, signature, userHandle } = shown.response;
      return JSON.stringify({ id: shown.id, rawId: encode(shown.rawId), type: shown.type, extensions: {}, response: { authenticatorData: encode(authenticatorData), clientDataJSON: encode(clientDataJSON), signature: encode(signature), userHandle: encode(userHandle) } });
    }, { challenge: question.challenge, id: mine.credentialId.replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "") });
    const give = (where, value) => Promise.all([where.waitForEvent("load"), where.evaluate((given) => { const form = document.querySelector("form[data-passkey]"); form.elements.answer.value = given; form.submit(); }, value)]);
    await give(stranger, answer);
    await says(stranger, "was not accepted");
    at(stranger, "/lictor/confirm");
    // The same answer at one's own, other question.
    await give(page, answer);
    await says(page, "was not accepted");
    // A device whose owner was not verified.
    await device.cdp.send("WebAuthn.setUserVerified", { authenticatorId: device.authenticatorId, isUserVerified: false });
    await page.click("button:has-text('Use a passkey')");
    await page.waitForFunction(() => document.querySelector("[data-problem]").textContent.includes("No passkey came"));
    await device.cdp.send("WebAuthn.setUserVerified", { authenticatorId: device.authenticatorId, isUserVerified: true });
    await follow(page, "button:has-text('Use a passkey')");
    at(page, "/lictor/account");
    return {};
  },

  // A role demands a factor: nothing else is possible before there is one.
  async required(name, password) {
    const page = await visitor();
    await signIn(page, name, password, "/lictor/account/keys");
    await says(page, "A second factor is needed");
    for (const around of ["/lictor/account", "/lictor/account/keys", "/"]) {
      await page.goto(around);
      await says(page, "A second factor is needed");
    }
    await page.goto("/lictor/confirm?next=/lictor/account/keys");
    await follow(page, "text=Add an authenticator app");
    const { secret } = await addApp(page);
    at(page, "/lictor/account/keys");
    await follow(page, "nav >> text=Second factors");
    await says(page, "the last one cannot be removed");
    await follow(page, page.getByRole("link", { name: /^Remove phone/ }));
    await follow(page, "button:has-text('Remove it')");
    await says(page, "this is the last one");
    return { secret };
  },

  // A while later, a change asks for the password again; the form comes back after it.
  async again(name, password, seconds) {
    const page = await visitor();
    await signIn(page, name, password);
    const before = await page.context().cookies();
    const deadline = Date.now() + Number(seconds) * 1000;
    await page.goto("/lictor/account/keys");
    while ((await page.locator("text=Confirm that it is you").count()) === 0) {
      check(Date.now() < deadline, "nobody is asked again");
      await page.goto("/lictor/account/keys");
    }
    check((await page.locator("#label").count()) === 0, "there is a form that is not taken");
    await follow(page, "text=Confirm that it is you");
    await page.fill("#password", "not the password");
    await follow(page, "button:has-text('Confirm')");
    check((await text(page, "#problem")).includes("not your password"), "a wrong password was taken");
    await page.fill("#password", password);
    await follow(page, "button:has-text('Confirm')");
    at(page, "/lictor/account/keys");
    await page.fill("#label", "laptop");
    await follow(page, "text=Make the key");
    check((await page.locator("[data-copy='the key']").count()) === 1, "no key was made");
    const cookie = (list) => list.find((each) => each.name === "lictor").value;
    check(cookie(before) !== cookie(await page.context().cookies()), "the cookie is the one of before");
    return { before: cookie(before) };
  },

  // A link takes the factors away; the password is asked for next.
  async reset(link, name, password) {
    const page = await visitor();
    // The same path, at the name that this browser may speak to.
    const path = link.slice(new URL(link).origin.length);
    await page.goto(path);
    await says(page, `Reset the second factors of ${name}?`);
    await follow(page, "button:has-text('Reset them')");
    await says(page, "Your second factors are gone.");
    await signIn(page, name, password);
    at(page, "/lictor/account");
    const again = await page.goto(path);
    check(again.status() === 410, "the link works twice");
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
