// What does a Viewer see in Prefect's own UI? Who they are, why a click was refused, and a way out; with pictures for the documents.
import { at, check, context, faultsOfOurs, fillIn, isDrawn, open, picture, signIn } from "./stage.mjs";

const { url, name: who, password, deployment, pictures } = JSON.parse(process.argv[2]);
const badge = (page) => page.locator("lictor-badge button.who");
const item = (page, text) => page.locator("lictor-badge .item", { hasText: text });

async function shoot(page, name) {
  if (pictures) await picture(page, `${pictures}/${name}`, {});
}

// A toggle of UI v2 that fails in silence; its reason names the permission, once, and goes when it is told to.
async function silent(page, name) {
  await page.goto(at(url, `/v2/deployments/deployment/${deployment}`));
  await page.getByRole("switch").first().click();
  const text = page.locator("lictor-note [role=alert]");
  await text.waitFor();
  check((await text.innerText()).includes("Lacking: write_schedules"), `the note says ${await text.innerText()}`);
  await badge(page).click();
  await item(page, "Account").waitFor();
  await shoot(page, name);
  const wrong = await faultsOfOurs(page);
  check(wrong.length === 0, `${name}: ${wrong.join("\n")}`);
  // Escape closes what was opened last, the menu, and gives the focus back; then the note.
  await item(page, "Account").focus();
  await page.keyboard.press("Escape");
  await item(page, "Account").waitFor({ state: "hidden" });
  check(await badge(page).evaluate((button) => button.getRootNode().activeElement === button), "the focus is lost");
  check(await text.isVisible(), "one Escape closed both");
  await page.keyboard.press("Escape");
  await text.waitFor({ state: "detached" });
}

// An action of UI v2 that tells by itself is not told twice: the note that comes after it is about something else.
async function told(page) {
  await page.getByRole("button", { name: /^run$/i }).click();
  await page.getByRole("menuitem", { name: /quick run/i }).click();
  await page.getByText(/Lacking: run_deployments/).waitFor();
  await page.getByRole("switch").first().click();
  await page.locator("lictor-note [role=alert]", { hasText: "write_schedules" }).waitFor();
  const all = await page.locator("lictor-note [role=alert]").allInnerTexts();
  check(all.length === 1, `told twice: ${all.join(" / ")}`);
  await page.locator("lictor-note .dismiss").focus();
  await page.keyboard.press("Enter");
  await page.locator("lictor-note .note").waitFor({ state: "hidden" });
}

async function inV1(page, name) {
  await page.goto(at(url, `/deployments/deployment/${deployment}`));
  await page.getByRole("switch").first().click();
  // UI v1 shows what it is refused by itself.
  const toast = page.getByText(/Lacking: write_schedules/).first();
  await toast.waitFor();
  await (await toast.elementHandle()).waitForElementState("stable");
  await badge(page).click();
  await item(page, "Account").waitFor();
  await shoot(page, name);
  const wrong = await faultsOfOurs(page);
  check(wrong.length === 0, `${name}: ${wrong.join("\n")}`);
}

async function outByMouse(page, made) {
  await page.locator("body").click({ position: { x: 600, y: 500 } });
  await item(page, "Account").waitFor({ state: "hidden" });
  await badge(page).click();
  await item(page, "Sign out").click();
  await out(page, made);
}

async function outByKeyboard(page, made) {
  await page.keyboard.press("Escape");
  await badge(page).focus();
  await page.keyboard.press("Enter");
  await page.keyboard.press("ArrowDown");
  check((await focused(page)) === "Account", `the first entry is ${await focused(page)}`);
  await page.keyboard.press("Tab");
  check((await focused(page)) === "Sign out", `the next entry is ${await focused(page)}`);
  await page.keyboard.press("Enter");
  await out(page, made);
}

const focused = (page) => page.evaluate(() => document.querySelector("lictor-badge").shadowRoot.activeElement?.textContent);

async function out(page, made) {
  await page.waitForURL((target) => target.pathname.endsWith("/lictor/sign-in"));
  const after = (await made.request.get(at(url, "/api/admin/version"))).status();
  check(after === 401, `after signing out the API says ${after}`);
}

const browser = await open();
try {
  for (const theme of ["light", "dark"]) {
    const made = await context(browser, url, { viewport: { width: 1280, height: 720 } });
    await made.addInitScript((chosen) => {
      localStorage.setItem("vite-ui-theme", chosen);
      localStorage.setItem("color-scheme", JSON.stringify(chosen));
    }, theme);
    const page = await made.newPage();
    await page.addInitScript(() => sessionStorage.getItem("was-here") ?? localStorage.setItem("prefect-password", "b2xk"));
    await signIn(page, url, who, password);
    await isDrawn(page);
    check((await page.evaluate(() => localStorage.getItem("prefect-password"))) === null, "Prefect's own password is still there");
    await silent(page, `ui-v2-${theme}`);
    await told(page);
    await inV1(page, `ui-v1-${theme}`);
    check((await page.evaluate(() => document.querySelector("lictor-badge").hasAttribute("dark"))) === (theme === "dark"), `not ${theme}`);
    if (theme === "light") await outByMouse(page, made);
    else await outByKeyboard(page, made);
    await fillIn(page, who, password);
    await made.close();
    console.log(`seen in ${theme}`);
  }
} finally {
  await browser.close();
}
