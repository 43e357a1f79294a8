// Does every page of both of Prefect's UIs open for everybody, with the badge on it, without an error and without a change?
import { at, check, context, isDrawn, open, quietly, signIn, watch } from "./stage.mjs";

const { url, people, password, flow, deployment, run } = JSON.parse(process.argv[2]);
const COMMON = [
  "/dashboard", "/runs", `/runs/flow-run/${run}`, "/flows", `/flows/flow/${flow}`, "/deployments", `/deployments/deployment/${deployment}`,
  "/work-pools", "/work-pools/work-pool/pool", "/blocks", "/variables", "/automations", "/events", "/artifacts", "/concurrency-limits", "/settings",
];
const BAD = /something went wrong|unable to connect|configuration error|is not valid JSON|permission-denied|not allow this|upgrade to prefect cloud|unknown error/i;

async function look(page, role, refused) {
  const wrong = [];
  await isDrawn(page).catch(() => wrong.push("blank"));
  const badge = await page.locator("lictor-badge button.who").textContent({ timeout: 5000 }).catch(() => "no badge");
  if (!badge.includes(role)) wrong.push(`the badge says ${badge}`);
  // A worker's role is for machines: it may not read most of this, and its pages say so.
  if (role === "worker") return [...wrong, ...refused.filter((line) => !/^403 .* permission-denied$|^console|^uncaught/.test(line))];
  const text = await page.locator("body").innerText();
  if (BAD.test(text)) wrong.push(`${text.match(BAD)[0]}: ${text.slice(0, 300).replaceAll("\n", " / ")}`);
  return [...wrong, ...refused];
}

async function walk(page, role, paths) {
  const [refused, quiet, wrong] = [watch(page, url), quietly(page), []];
  for (const path of paths) {
    await page.goto(at(url, path), { waitUntil: "domcontentloaded" });
    await quiet();
    wrong.push(...(await look(page, role, refused.splice(0))).map((line) => `${role} ${path}: ${line}`));
    console.log(`opened ${role} ${new URL(page.url()).pathname}`);
  }
  return wrong;
}

async function crawl(browser, { name, role, every }) {
  const pages = every ? COMMON : COMMON.slice(0, 1);
  const made = await context(browser, url);
  const [first, second] = [await made.newPage(), await made.newPage()];
  await signIn(first, url, name, password);
  const wrong = await Promise.all([walk(first, role, pages.map((path) => `/v2${path}`)), walk(second, role, pages)]);
  await made.close();
  return wrong.flat();
}

const browser = await open();
const wrong = [];
try {
  for (const person of people) wrong.push(...(await crawl(browser, person)));
} finally {
  await browser.close();
}
check(wrong.length === 0, wrong.join("\n"));
