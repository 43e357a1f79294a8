// Every admin task as an owner does it, refused to a member: node admin.mjs URL "js"|"nojs" PEOPLE.json [FOLDER]; faults that axe finds are fatal, and pictures go to the folder.
import { readFileSync } from "node:fs";
import { check, context, judge, open, picture } from "./stage.mjs";

const [url, mode, file, folder] = process.argv.slice(2);
const people = JSON.parse(readFileSync(file, "utf8"));
const scripted = mode === "js";
const [wrong, faults] = [[], []];
const browser = await open();

async function visitor(name, more = {}) {
  const made = await context(browser, url, { javaScriptEnabled: scripted, viewport: { width: 1000, height: 700 }, ...more });
  const page = await made.newPage();
  page.on("console", (message) => { if (message.type() === "error" && !message.text().includes("status of 4")) wrong.push(message.text()); });
  page.on("pageerror", (error) => wrong.push(String(error)));
  await page.goto("/lictor/sign-in?next=/lictor/account");
  await page.fill("#name", name);
  await page.fill("#password", people.password);
  await follow(page, "main button[type=submit]");
  await page.waitForURL((target) => target.pathname === "/lictor/account");
  return page;
}

// A click that leads on is over when the next page is there.
const follow = (page, what) => Promise.all([page.waitForEvent("load"), typeof what === "string" ? page.click(what) : what.click()]);
const text = (page, selector = "main") => page.locator(selector).innerText();
const told = async (page, expected) => check((await text(page, ".box.good[role=status]")).includes(expected), `the page does not say "${expected}": ${await text(page)}`);
const says = async (page, ...parts) => {
  const all = await text(page);
  for (const part of parts) check(all.includes(part), `the page does not say "${part}": ${all}`);
};
// A field by its label, in the card of that heading.
const card = (page, heading) => page.locator("section.card", { has: page.getByRole("heading", { name: heading, exact: true }) });
const field = (page, heading, label) => card(page, heading).getByLabel(label, { exact: true });
const press = (page, heading, button) => follow(page, card(page, heading).getByRole("button", { name: button, exact: true }));
const visit = (page, place) => follow(page, page.locator("header nav").getByRole("link", { name: place, exact: true }));
const row = (page, words) => page.locator("tbody tr", { hasText: words });

const TASKS = {
  async people(page) {
    await visit(page, "People");
    await field(page, "Add a user", "Name").fill("No Name");
    await press(page, "Add a user", "Add");
    check((await field(page, "Add a user", "Name").getAttribute("aria-invalid")) === "true", "a wrong name is not told beside its field");
    await field(page, "Add a user", "Name").fill(`ann-${mode}`);
    await field(page, "Add a user", "Role").selectOption("viewer");
    await press(page, "Add a user", "Add");
    await told(page, "Added.");
    await follow(page, `[aria-label="Make a reset link for ann-${mode}"]`);
    await says(page, "/lictor/reset?token=");
    await follow(page, `[aria-label="I have it: back to ann-${mode}"]`);
    await follow(page, `[aria-label="Disable ann-${mode}"]`);
    await says(page, "What would break", "No key is in use.");
    await press(page, "Disable it", "Disable");
    await told(page, "Disabled");
    await follow(page, `[aria-label="Enable ann-${mode}"]`);
    await told(page, "Enabled.");
    await field(page, "Account role", "In the account").selectOption("admin");
    await press(page, "Account role", "Set the account role");
    await told(page, "The account role is set.");
    await visit(page, "People");
    await field(page, "Who there is", "Search").fill(`ann-${mode}`);
    await press(page, "Who there is", "Search");
    check((await page.locator("tbody tr").count()) === 1 && (await text(page, "tbody")).includes("admin"), "the search finds something else");
    await follow(page, row(page, `ann-${mode}`).getByRole("link"));
    await follow(page, `[aria-label="Remove ann-${mode}"]`);
    await press(page, "Remove it", "Remove for good");
    await told(page, "Removed.");
  },

  async machines(page) {
    await visit(page, "Service accounts");
    await field(page, "Add a service account", "Name").fill(`etl-${mode}`);
    await field(page, "Add a service account", "Role").selectOption("worker");
    await press(page, "Add a service account", "Add");
    await told(page, "Added.");
    await field(page, "Make a key", "What it is for").fill("nightly pipeline");
    await field(page, "Make a key", "It ends").selectOption("30d");
    await press(page, "Make a key", "Make the key");
    const key = (await page.locator("[data-copy='The key']").innerText()).trim();
    check(key.startsWith("lictor_"), key);
    await visit(page, "Keys");
    check(!(await page.content()).includes(key), "the list shows a whole key");
    await field(page, "Keys of everybody", "Search").fill(`etl-${mode}`);
    await field(page, "Keys of everybody", "Show").selectOption("ending");
    await press(page, "Keys of everybody", "Search");
    await follow(page, row(page, `etl-${mode}`).getByRole("link", { name: /^Disable/ }));
    await says(page, "What would break", "No websocket is open through this gateway.");
    await press(page, "Disable it", "Disable the key");
    await told(page, "out of use");
    await visit(page, "Keys");
    await follow(page, row(page, `etl-${mode}`).getByRole("button", { name: /^Enable/ }));
    await told(page, "in use again");
    await follow(page, row(page, `etl-${mode}`).getByRole("link", { name: /^Rotate/ }));
    await says(page, "What rests on the old one", "No websocket is open through this gateway.");
    await press(page, "Rotate it", "Make the successor");
    const successor = (await page.locator("[data-copy='The key']").innerText()).trim();
    check(successor.startsWith("lictor_") && successor !== key, successor);
    await visit(page, "Keys");
    await follow(page, row(page, `etl-${mode}`).last().getByRole("link", { name: /^Revoke/ }));
    await says(page, "What would break", "It was never used");
    await press(page, "Revoke it", "Revoke the key");
    await told(page, "The key is revoked.");
  },

  async teams(page) {
    await visit(page, "Teams");
    await field(page, "Add a team", "Name").fill(`data-${mode}`);
    await press(page, "Add a team", "Add");
    await told(page, "Added.");
    await field(page, "Members", "Names").fill(`${people.member}, etl-${mode}`);
    await press(page, "Members", "Put into the team");
    await told(page, "They are in the team.");
    await field(page, "What they may through it", "Role").selectOption("viewer");
    await press(page, "What they may through it", "Grant the role");
    await told(page, "The role is granted.");
    await follow(page, row(page, people.member).getByRole("button", { name: /^Take/ }));
    await told(page, "Taken out of the team.");
    await follow(page, `[aria-label="Remove the team data-${mode}"]`);
    await says(page, "What would break", `etl-${mode}`);
    await press(page, "Remove it", "Remove the team");
    await told(page, "Removed.");
  },

  async roles(page) {
    await visit(page, "Roles");
    await field(page, "Make a role", "Name").fill(`deployer-${mode}`);
    await field(page, "Make a role", "Based on").selectOption("viewer");
    await field(page, "Make a role", "write_deployments").check();
    await press(page, "Make a role", "Make the role");
    await told(page, "The role is there.");
    await follow(page, `[aria-label="Change the role deployer-${mode}"]`);
    await page.getByLabel("write_deployments", { exact: true }).uncheck();
    await page.getByLabel("run_deployments", { exact: true }).check();
    await follow(page, "button:has-text('Show what would change')");
    await says(page, "run_deployments", "write_deployments", "Nobody has it.");
    await press(page, "Change it", "Change the role");
    await told(page, "The role is changed.");
    await follow(page, `[aria-label="Remove the role deployer-${mode}"]`);
    await press(page, "Remove it", "Remove the role");
    await told(page, "The role is removed.");
  },

  async demands(page) {
    await visit(page, "Roles");
    await field(page, "Bound the age of keys", "Role").selectOption("viewer");
    await field(page, "Bound the age of keys", "Days").fill("400");
    await press(page, "Bound the age of keys", "Set the bound");
    await says(page, "What would break", "No key in use is that old");
    await press(page, "Set the bound", "Set the bound");
    await told(page, "The bound on the age of keys is set.");
    await field(page, "Bound the age of keys", "Role").selectOption("viewer");
    await press(page, "Bound the age of keys", "Set the bound");
    await told(page, "The bound on the age of keys is set.");
    for (const demand of ["required", "none"]) {
      await field(page, "Demand a second factor", "Role").selectOption("worker");
      await field(page, "Demand a second factor", "A second factor is").selectOption(demand);
      await press(page, "Demand a second factor", "Set the demand");
      await told(page, "It is set whether the role demands a second factor.");
      check((await row(page, "worker").first().innerText()).includes("demanded") === (demand === "required"), `the list does not say that it is ${demand}`);
    }
  },

  async factors(page) {
    await page.goto(`/lictor/admin/principal?name=${people.member}`);
    await follow(page, `[aria-label="Second factors of ${people.member}"]`);
    await says(page, "They have none.", "Recovery codes left");
    await press(page, "Their devices are lost", "Make a link");
    await says(page, "/lictor/reset-factors?token=");
    await follow(page, `[aria-label="I have it: back to ${people.member}"]`);
    await follow(page, `[aria-label="Second factors of ${people.member}"]`);
    await press(page, "A device is in wrong hands", "Take them away now");
    await told(page, "Their second factors are gone");
  },

  // The session ends while a form is filled in: nothing of it is lost.
  async kept(page) {
    await visit(page, "People");
    await field(page, "Add a user", "Name").fill(`late-${mode}`);
    await field(page, "Add a user", "Role").selectOption("viewer");
    await page.context().clearCookies();
    await press(page, "Add a user", "Add");
    await says(page, "Your session has ended", "Nothing was changed", `late-${mode}`);
    const [tab] = await Promise.all([page.context().waitForEvent("page"), page.click("text=Sign in again")]);
    await tab.waitForURL((target) => target.pathname === "/lictor/sign-in");
    await tab.fill("#name", "olga");
    await tab.fill("#password", people.password);
    await follow(tab, "main button[type=submit]");
    await tab.waitForURL((target) => target.pathname === "/lictor/admin/people");
    await tab.close();
    await follow(page, "button:has-text('Send it again')");
    await told(page, "Added.");
    await says(page, `late-${mode}`, "viewer");
    // A page that was only looked at comes back by itself.
    await page.context().clearCookies();
    await page.goto("/lictor/admin/keys?show=ending");
    await page.fill("#name", "olga");
    await page.fill("#password", people.password);
    await follow(page, "main button[type=submit]");
    await page.waitForURL((target) => target.pathname + target.search === "/lictor/admin/keys?show=ending");
  },

  async grants(page) {
    await visit(page, "Grants");
    await field(page, "Grant a role", "Name").fill(people.member);
    await field(page, "Grant a role", "Role").selectOption("runner");
    await press(page, "Grant a role", "Grant the role");
    await told(page, "The role is granted.");
    await follow(page, row(page, "runner").getByRole("link", { name: /^Remove/ }));
    await says(page, "What would break");
    await press(page, "Remove it", "Remove the grant");
    await told(page, "The grant is removed.");
  },

  async sessions(page) {
    const other = await visitor(people.member);
    await visit(page, "Sessions");
    await follow(page, row(page, people.member).first().getByRole("button"));
    await told(page, "The session has ended.");
    await other.goto("/lictor/account");
    check(other.url().includes("/lictor/sign-in"), "an ended session still opens the account");
    await other.context().close();
  },

  async bans(page) {
    await visit(page, "Bans");
    await field(page, "Ban a user or an address", "Address").fill("192.0.2.7");
    await press(page, "Ban a user or an address", "Ban");
    await told(page, "The ban has begun.");
    await follow(page, row(page, "192.0.2.7").getByRole("button"));
    await told(page, "The bans are lifted.");
  },

  async providers(page) {
    await visit(page, "Workspaces");
    await says(page, "main", "lab.example.com");
    await visit(page, "Providers");
    await page.getByLabel("Claims", { exact: true }).fill('{"groups": ["eng"]}');
    await follow(page, "button:has-text('Test the rules')");
    await says(page, "come in", "developer everywhere", "✓ fits");
  },

  async automations(page) {
    await visit(page, "Automations");
    await says(page, "restart the nightly run", people.machine, "held");
    await follow(page, page.getByRole("link", { name: "Only those that have lapsed", exact: true }));
    check((await page.locator("tbody tr").count()) === 0, "an automation of somebody who may is told to have lapsed");
  },

  async audit(page) {
    await visit(page, "Audit");
    await field(page, "Filter", "What").fill("role.add");
    await press(page, "Filter", "Filter");
    await says(page, `deployer-${mode}`, "olga");
    check((await page.locator("figure.chart svg rect.done").count()) > 0, "nothing is drawn");
    for (const [words, name] of [["Export as CSV", "lictor-audit.csv"], ["Export as JSON lines", "lictor-audit.jsonl"]]) {
      const [download] = await Promise.all([page.waitForEvent("download"), page.click(`text=${words}`)]);
      check(download.suggestedFilename() === name, download.suggestedFilename());
      check(readFileSync(await download.path(), "utf8").includes("role.add"), "the export lacks what is filtered");
    }
  },
};

// What the guide shows; each leaves the browser where it is.
const VIEWS = [
  ["admin", "/lictor/admin"],
  ["admin-people", "/lictor/admin/people"],
  ["admin-principal", `/lictor/admin/principal?name=${people.machine}`],
  ["admin-disable", `/lictor/admin/principal/disable?name=${people.machine}`],
  ["admin-factors", `/lictor/admin/principal/factors?name=${people.member}`],
  ["admin-service-accounts", "/lictor/admin/service-accounts"],
  ["admin-teams", "/lictor/admin/teams"],
  ["admin-team", "/lictor/admin/team?name=data"],
  ["admin-roles", "/lictor/admin/roles"],
  ["admin-grants", "/lictor/admin/grants"],
  ["admin-keys", "/lictor/admin/keys"],
  ["admin-key-revoke", `/lictor/admin/keys/revoke?key=${people.key}`],
  ["admin-key-disable", `/lictor/admin/keys/disable?key=${people.key}`],
  ["admin-key-rotate", `/lictor/admin/keys/rotate?key=${people.key}`],
  ["admin-sessions", "/lictor/admin/sessions"],
  ["admin-bans", "/lictor/admin/bans"],
  ["admin-workspaces", "/lictor/admin/workspaces"],
  ["admin-providers", "/lictor/admin/providers"],
  ["admin-automations", "/lictor/admin/automations"],
  ["admin-audit", "/lictor/admin/audit"],
];
// On a phone, those that differ: one template draws them all.
const ON_A_PHONE = ["admin-people", "admin-principal", "admin-disable", "admin-roles", "admin-keys", "admin-key-revoke", "admin-providers", "admin-audit"];

async function look(colorScheme, width) {
  const page = await visitor("olga", { colorScheme, viewport: { width, height: 700 } });
  const shoot = (name) => folder && width > 640 && picture(page, `${folder}/${name}-${colorScheme}`, { clip: { x: 0, y: 0, width, height: 1100 }, fullPage: true });
  for (const [name, path] of VIEWS.filter(([name]) => width > 640 || ON_A_PHONE.includes(name))) {
    await page.goto(path);
    if (name === "admin-providers") {
      await page.getByLabel("Claims", { exact: true }).fill('{"groups": ["eng"]}');
      await follow(page, "button:has-text('Test the rules')");
    }
    faults.push(...(await judge(page, `${name} ${colorScheme} ${width}`)));
    await shoot(name);
  }
  // What is only there when something is amiss.
  await page.goto("/lictor/admin/grants");
  await field(page, "Grant a role", "Name").fill(people.member);
  await page.context().clearCookies();
  await press(page, "Grant a role", "Grant the role");
  await says(page, "Your session has ended");
  faults.push(...(await judge(page, `admin-kept ${colorScheme} ${width}`)));
  await shoot("admin-kept");
  await page.context().close();
}

try {
  const olga = await visitor("olga");
  await follow(olga, "main >> text=Administration");
  for (const [name, task] of Object.entries(TASKS)) {
    await task(olga).catch((error) => { throw new Error(`${name}: ${error.message}`); });
  }
  const member = await visitor(people.member);
  check((await member.locator("text=Administration").count()) === 0, "a member is shown the way to the admin pages");
  for (const [, path] of VIEWS) {
    const answer = await member.goto(path);
    check(answer.status() === 403 && (await text(member, "body")).includes("ask an owner for it"), `${path} opens for a member`);
  }
  if (scripted) {
    for (const [colorScheme, width] of [["light", 1000], ["dark", 1000], ["light", 375]]) await look(colorScheme, width);
  }
} finally {
  await browser.close();
}
check(wrong.length === 0, wrong.join("\n"));
check(faults.length === 0, faults.join("\n"));
console.log(`${Object.keys(TASKS).length} tasks, ${VIEWS.length} pages`);
