// What does an owner see who views as somebody? Their name on every page, Prefect's own too, a reason at each change, and a way back: node view_as.mjs JSON
import { at, check, context, faultsOfOurs, fillIn, isDrawn, judge, open, picture } from "./stage.mjs";

const { url, name: owner, password, viewed, deployment, pictures } = JSON.parse(process.argv[2]);
const follow = (page, what) => Promise.all([page.waitForEvent("load"), what.click()]);
const shoot = async (page, name) => pictures && picture(page, `${pictures}/${name}`, {});

// Lictor's own pages: where it begins, and what it then says of them.
async function begin(page, theme) {
  await page.goto(at(url, `/lictor/admin/principal?name=${viewed}`));
  await follow(page, page.getByRole("button", { name: `View as ${viewed}` }));
  check(new URL(page.url()).pathname.endsWith("/lictor/account"), page.url());
  check((await page.locator("aside.viewing").innerText()).includes(`You see what ${viewed} sees`), "it is not told");
  await shoot(page, `view-as-${theme}`);
  const wrong = await judge(page, `account ${theme}`);
  check(wrong.length === 0, wrong.join("\n"));
}

// Prefect's own: told at the edge of the page and in the badge; a change that they could make is refused to who looks.
async function look(page, theme) {
  await page.goto(at(url, `/v2/deployments/deployment/${deployment}`));
  await isDrawn(page);
  const bar = page.locator("lictor-viewing aside");
  await bar.waitFor();
  check((await bar.innerText()).includes(`You see what ${viewed} sees, and change nothing.`), await bar.innerText());
  await page.getByRole("switch").first().click();
  const note = page.locator("lictor-note [role=alert]");
  await note.waitFor();
  check((await note.innerText()).includes("You view as somebody else"), await note.innerText());
  const badge = page.locator("lictor-badge button.who");
  check((await badge.innerText()).includes(`as ${viewed}: developer`), await badge.innerText());
  await badge.click();
  await page.locator("lictor-badge .item", { hasText: "Account" }).waitFor();
  await shoot(page, `view-as-ui-${theme}`);
  const wrong = await faultsOfOurs(page);
  check(wrong.length === 0, wrong.join("\n"));
  await follow(page, bar.getByRole("button", { name: "Stop viewing" }));
  check(new URL(page.url()).pathname.endsWith("/lictor/admin/principal"), page.url());
  check((await page.locator("aside.viewing").count()) === 0, "it is told when it is over");
  await page.goto(at(url, `/deployments/deployment/${deployment}`));
  await isDrawn(page);
  await badge.waitFor();
  check((await bar.count()) === 0, "Prefect's page tells it when it is over");
}

const browser = await open();
try {
  for (const [theme, javaScriptEnabled] of [["light", true], ["dark", true], ["light", false]]) {
    const made = await context(browser, url, { viewport: { width: 1280, height: 720 }, colorScheme: theme, javaScriptEnabled });
    await made.addInitScript((chosen) => localStorage.setItem("vite-ui-theme", chosen), theme);
    const page = await made.newPage();
    await page.goto(at(url, "/lictor/sign-in?next=/lictor/account"));
    await fillIn(page, owner, password);
    if (javaScriptEnabled) {
      await begin(page, theme);
      await look(page, theme);
    } else {
      await page.goto(at(url, `/lictor/admin/principal?name=${viewed}`));
      await follow(page, page.getByRole("button", { name: `View as ${viewed}` }));
      await follow(page, page.getByRole("button", { name: "Stop viewing" }));
      check((await page.locator("aside.viewing").count()) === 0, "it does not end without scripts");
    }
    await made.close();
    console.log(`viewed in ${theme}${javaScriptEnabled ? "" : ", without scripts"}`);
  }
} finally {
  await browser.close();
}
