// Does every page of both of Prefect's UIs open for a Viewer, without an error and without a change?
import { check, context, open, signIn, watch } from "./stage.mjs";

const [url, name, password, ids] = process.argv.slice(2);
const { flow, deployment, run } = JSON.parse(ids);
const V2 = [
  "/v2/dashboard", "/v2/runs", `/v2/runs/flow-run/${run}`, "/v2/flows", `/v2/flows/flow/${flow}`, "/v2/deployments", `/v2/deployments/deployment/${deployment}`,
  "/v2/work-pools", "/v2/work-pools/work-pool/pool", "/v2/blocks", "/v2/variables", "/v2/automations", "/v2/events", "/v2/artifacts", "/v2/concurrency-limits", "/v2/settings",
];
const V1 = [
  "/dashboard", "/runs", `/runs/flow-run/${run}`, "/flows", `/flows/flow/${flow}`, "/deployments", `/deployments/deployment/${deployment}`, "/work-pools",
  "/work-pools/work-pool/pool", "/blocks", "/variables", "/automations", "/events", "/artifacts", "/concurrency-limits", "/settings",
];
const BAD = /something went wrong|unable to connect|configuration error|is not valid JSON|permission-denied|not allow this|upgrade to prefect cloud|unknown error/i;

const browser = await open();
const wrong = [];
try {
  const page = await (await context(browser, url)).newPage();
  await signIn(page, name, password);
  const refused = watch(page);
  for (const path of [...V2, ...V1]) {
    refused.length = 0;
    await page.goto(path, { waitUntil: "domcontentloaded" });
    await page.waitForFunction(() => document.querySelector("#root, #app")?.textContent?.trim().length > 20, null, { timeout: 20000 }).catch(() => wrong.push(`${path}: blank`));
    await page.waitForLoadState("networkidle", { timeout: 2500 }).catch(() => {});
    const text = await page.locator("body").innerText();
    if (BAD.test(text)) wrong.push(`${path}: ${text.match(BAD)[0]}: ${text.slice(0, 300).replaceAll("\n", " / ")}`);
    // A page that polls a 404 of Prefect's own (a marker it never had) is Prefect's affair; 401 and 403 would be ours.
    wrong.push(...refused.filter((line) => /^(401|403|5)/.test(line)).map((line) => `${path}: ${line}`));
    console.log(`opened ${path}`);
  }
} finally {
  await browser.close();
}
check(wrong.length === 0, wrong.join("\n"));
