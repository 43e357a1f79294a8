// Does somebody with several workspaces go from one to the other by the badge, with one sign-in, and stay where they went?
import { readFileSync } from "node:fs";
import { check, context, fillIn, isDrawn, open, quietly, watch } from "./stage.mjs";

const { url, name, password } = JSON.parse(process.argv[2]);
const AXE = readFileSync(new URL("./node_modules/axe-core/axe.min.js", import.meta.url), "utf8");
const badge = (page) => page.locator("lictor-badge button.who");
const entry = (page, text) => page.locator("lictor-badge li .item", { hasText: text });
const path = (page) => new URL(page.url()).pathname;

// Where the badge says that we are, and which workspaces it offers.
async function here(page, workspace) {
  await badge(page).click();
  await page.locator("lictor-badge .menu p", { hasText: `in ${workspace}:` }).waitFor();
  const listed = await page.locator("lictor-badge li .item").allInnerTexts();
  check(listed.join() === "main,team", `listed: ${listed}`);
  check((await page.locator("lictor-badge .item[aria-current=true]").allInnerTexts()).join() === workspace, `not in ${workspace}`);
}

// Every request of a page of the workspace's UI is below its prefix, but for what is Lictor's own.
function strays(page, prefix) {
  const seen = [];
  page.on("request", (request) => {
    const asked = new URL(request.url());
    if (path(page).startsWith("/lictor/")) return;
    if (asked.origin === new URL(url).origin && !asked.pathname.startsWith(`${prefix}/`) && !asked.pathname.startsWith("/lictor/")) seen.push(asked.pathname);
  });
  return seen;
}

async function axe(page) {
  await page.evaluate(AXE);
  const found = await page.evaluate(() => window.axe.run({ include: [["lictor-badge"]] }, { resultTypes: ["violations"] }));
  check(found.passes.length > 0, "axe looked at nothing");
  const faults = found.violations.filter(({ impact }) => ["serious", "critical"].includes(impact));
  check(faults.length === 0, faults.map(({ id, nodes }) => `${id}: ${nodes.map((node) => node.html).join(" ")}`).join("\n"));
}

const browser = await open();
try {
  const made = await context(browser, url, { viewport: { width: 1280, height: 720 } });
  const page = await made.newPage();
  const [wrong, quiet, stray] = [watch(page, url), quietly(page), strays(page, "/team-a")];
  await page.goto(`${url}/team-a/v2/runs?tab=flow-runs`);
  await fillIn(page, name, password);
  await isDrawn(page);
  check(path(page) === "/team-a/v2/runs", `came back to ${page.url()}`);
  for (const each of ["/team-a/v2/deployments", "/team-a/v2/work-pools", "/team-a/dashboard", "/team-a/flows"]) {
    await page.goto(url + each, { waitUntil: "domcontentloaded" });
    await isDrawn(page);
    await quiet();
    check(path(page).startsWith("/team-a/"), `${each} led to ${page.url()}`);
  }
  check(stray.length === 0, `outside the workspace: ${stray}`);
  await page.goto(`${url}/team-a/v2/flows`);
  await here(page, "team");
  await axe(page);
  await entry(page, "main").click();
  await page.waitForURL((target) => !target.pathname.startsWith("/team-a"));
  await isDrawn(page);
  check(!path(page).startsWith("/lictor"), `asked to sign in again at ${page.url()}`);
  await here(page, "main");
  // By keyboard: the first entry is the first workspace.
  await page.keyboard.press("Escape");
  await badge(page).focus();
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("Enter");
  await page.waitForURL((target) => target.pathname.startsWith("/team-a/"));
  await isDrawn(page);
  // The account page leads to each as well, and signing out ends it for both.
  await page.goto(`${url}/lictor/account`);
  await page.getByRole("link", { name: "Open team" }).click();
  await page.waitForURL((target) => target.pathname.startsWith("/team-a/"));
  await isDrawn(page);
  await quiet();
  check(wrong.length === 0, wrong.join("\n"));
  await badge(page).click();
  await page.locator("lictor-badge .item", { hasText: "Sign out" }).click();
  await page.waitForURL((target) => target.pathname === "/lictor/sign-in");
  for (const api of ["/api/admin/version", "/team-a/api/admin/version"]) check((await made.request.get(url + api)).status() === 401, `${api} is open after signing out`);
  await made.close();
  console.log("switched");
} finally {
  await browser.close();
}
